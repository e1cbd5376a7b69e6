"""What a run counts between two rows of its log."""

import torch

from llars.tasks import TASK_KEYS
from llars.train.log import Progress, TaskMeans


def test_means_are_taken_task_by_task() -> None:
    haze, sr = TASK_KEYS.index("haze"), TASK_KEYS.index("sr")
    means = TaskMeans()
    means.take(torch.tensor([haze, haze, sr]), torch.tensor([0.5, 1.0, 2.0]))
    means.take(torch.tensor([haze]), torch.tensor([1.5]))
    assert means.row(["haze", "sr", "stf"]) == {"haze": "1.0000", "sr": "2.0000", "stf": ""}


def test_losses_and_weights_are_counted_apart() -> None:
    progress = Progress()
    progress.take(torch.tensor([0, 1]), torch.tensor([0.1, 0.2]), torch.tensor([1.25, 0.75]))
    row = progress.row(16, TASK_KEYS[:2])
    assert progress.steps == 1
    assert [row[task] for task in TASK_KEYS[:2]] == ["0.1000", "0.2000"]
    assert progress.weights.row(TASK_KEYS[:2]) == {TASK_KEYS[0]: "1.2500", TASK_KEYS[1]: "0.7500"}
