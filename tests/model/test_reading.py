"""Laws of the instruction reader, with random weights."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from llars.model.reading import CLASSES, InstructionReader, pad_tokens
from llars.tasks import TASK_KEYS


@pytest.fixture
def reader() -> InstructionReader:
    torch.manual_seed(0)
    return InstructionReader().eval()


def sentences(*lengths: int) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [rng.normal(scale=0.5, size=(length, 384)).astype(np.float32) for length in lengths]


def test_classes_are_the_tasks_and_none() -> None:
    assert (*TASK_KEYS, "none") == CLASSES


def test_padding_changes_nothing(reader: InstructionReader) -> None:
    short, long = sentences(4, 30)
    (alone,), (beside, _) = reader.read(["x"], [short]), reader.read(["x", "y z"], [short, long])
    # Sums of other lengths are taken in another order; float32 keeps six digits.
    assert alone.task == beside.task
    assert alone.probability == pytest.approx(beside.probability, abs=1e-5)
    assert alone.compound == pytest.approx(beside.compound, abs=1e-5)


def test_what_stands_behind_the_mask_is_not_read(reader: InstructionReader) -> None:
    tokens, mask = pad_tokens([torch.from_numpy(array) for array in sentences(4, 9)])
    assert mask.sum(dim=1).tolist() == [4, 9]
    clean = reader(tokens, mask)
    tokens[0, 4:] = 7
    torch.testing.assert_close(reader(tokens, mask).logits, clean.logits, atol=1e-5, rtol=1e-5)


def test_outputs_lie_in_their_ranges(reader: InstructionReader) -> None:
    for reading in reader.read(["a", "b", "c", "d"], sentences(3, 5, 12, 40)):
        assert reading.task in CLASSES and reading.second in CLASSES and reading.task != reading.second
        assert 0 <= reading.probability <= 1
        # None may be likelier than the task that is read, but not than all tasks together.
        assert 0 <= reading.second_probability <= (0.5 if reading.second == "none" else reading.probability)
        assert 0 <= reading.compound <= 1
        assert reading.severity is None or -1 <= reading.severity <= 1


def test_fits_in_a_megabyte_of_half_precision(reader: InstructionReader) -> None:
    assert 2 * sum(parameter.numel() for parameter in reader.parameters()) < 1_000_000


def test_learns_from_tokens_not_only_from_their_mean() -> None:
    """The same tokens spread and lumped have one mean; attention over tokens tells them apart."""
    torch.manual_seed(0)
    reader = InstructionReader(dropout=0.0)
    base = torch.randn(2, 384) * 0.5
    spread, lumped = base, base.mean(dim=0, keepdim=True).expand(2, 384)
    tokens, mask = pad_tokens([spread, lumped])
    target = torch.tensor([0, 1])
    optimiser = torch.optim.Adam(reader.parameters(), lr=1e-3)
    for _ in range(30):
        loss = torch.nn.functional.cross_entropy(reader(tokens, mask).logits, target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert reader(tokens, mask).logits.argmax(dim=1).tolist() == [0, 1]


class Vote(nn.Module):
    """Says the same of every sentence, as any of the three that have a vote."""

    def __init__(self, shares: Tensor) -> None:
        super().__init__()
        self.shares = shares

    def forward(self, *_: object) -> Tensor:
        return self.shares.log()

    told = forward


def test_none_is_read_where_it_is_likelier_than_all_tasks_together(reader: InstructionReader) -> None:
    """Each of the three votes says the same, so that their mean is known."""

    def read(shares: dict[str, float]) -> tuple[str, str]:
        said = torch.full((1, len(CLASSES)), 1e-6)
        for task, share in shares.items():
            said[0, CLASSES.index(task)] = share
        reader.classes = reader.steps = reader.words = Vote(said)
        (found,) = reader.read(["x"], sentences(3))
        return found.task, found.second

    assert read({"none": 0.45, "haze": 0.4, "cloud": 0.15}) == ("haze", "none")
    assert read({"none": 0.55, "haze": 0.44, "cloud": 0.01}) == ("none", "haze")


def test_who_asks_for_a_fault_asks_for_nothing_that_is_done_here(reader: InstructionReader) -> None:
    torch.nn.init.zeros_(reader.strength.weight)
    told = {}
    for logit in (-5.0, 5.0):
        with torch.no_grad():
            reader.strength.bias[3] = logit
        (told[logit],) = reader.read(["x"], sentences(6))
    assert told[5.0].task == "none" and told[5.0].probability > 0.99
    assert told[5.0].second == told[-5.0].task != "none", "what it would be if it were to go stays known"
