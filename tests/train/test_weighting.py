"""Dynamic task weights."""

import torch

from llars.train.weighting import TaskWeights


def test_the_task_that_is_worse_than_usual_counts_more() -> None:
    weighting = TaskWeights(3)
    tasks = torch.tensor([0, 0, 2, 2])
    for _ in range(20):
        even = weighting(torch.tensor([1.0, 1.0, 0.1, 0.1]), tasks)
    torch.testing.assert_close(even, torch.ones(4), atol=1e-4, rtol=0)  # a hard task is not punished for being hard
    uneven = weighting(torch.tensor([1.0, 1.0, 0.2, 0.2]), tasks)
    assert uneven[2] > 1.5 * uneven[0]
    assert uneven.mean().item() == 1.0


def test_an_absent_task_keeps_its_mean() -> None:
    weighting = TaskWeights(2)
    weighting(torch.tensor([4.0, 2.0]), torch.tensor([0, 1]))
    weighting(torch.tensor([1.0]), torch.tensor([1]))
    assert weighting.running[0].item() == 4.0
    torch.testing.assert_close(weighting.running[1], torch.tensor(0.98 * 2.0 + 0.02 * 1.0))
    assert weighting.seen.tolist() == [1.0, 2.0]


def test_the_running_means_are_saved_with_the_module() -> None:
    weighting, other = TaskWeights(2), TaskWeights(2)
    weighting(torch.tensor([4.0, 2.0]), torch.tensor([0, 1]))
    other.load_state_dict(weighting.state_dict())
    assert other.running.tolist() == [4.0, 2.0]
