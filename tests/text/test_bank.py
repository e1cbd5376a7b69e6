"""Facts about the bank of instruction vectors."""

from pathlib import Path

import pytest
import torch

from llars.errors import DataError
from llars.tasks import TASK_KEYS
from llars.text.bank import InstructionBank
from llars.text.encoder import SentenceEncoder

SR, BRIGHTNESS, DENOISE = (TASK_KEYS.index(key) for key in ("sr", "brightness", "denoise"))


@pytest.fixture(scope="module")
def bank() -> InstructionBank:
    return InstructionBank.build(SentenceEncoder(), per_task=30, seed=1)


def owners(bank: InstructionBank, vectors: torch.Tensor) -> torch.Tensor:
    """The row of the bank that each vector came from."""
    return torch.tensor([int((bank.vectors.float() == vector).all(dim=1).nonzero()[0]) for vector in vectors])


def test_holds_what_was_asked_for(bank: InstructionBank) -> None:
    assert len(bank) == 30 * len(TASK_KEYS)
    assert bank.vectors.shape == (len(bank), 384) and bank.vectors.dtype == torch.float16
    assert torch.bincount(bank.task).tolist() == [30] * len(TASK_KEYS)


def test_draws_fit_task_and_strength(bank: InstructionBank) -> None:
    generator = torch.Generator().manual_seed(2)
    task = torch.tensor([DENOISE] * 40 + [BRIGHTNESS] * 40 + [SR] * 40)
    severity = torch.tensor([0.8] * 40 + [-0.9] * 40 + [1 / 3] * 40)
    vectors = bank.draw(task, severity, generator)
    assert vectors.shape == (120, 384) and vectors.dtype == torch.float32
    rows = owners(bank, vectors)
    assert (bank.task[rows] == task).all()
    said = bank.severity[rows]
    assert ((said[:40] - 0.9).abs().lt(1e-3) | said[:40].isnan()).all()
    assert said[:40].isnan().any() and (~said[:40].isnan()).any()
    assert (said[40:80] == -1).all(), "direction and strength always fit"
    assert ((said[80:] - 1 / 3).abs().lt(1e-3) | said[80:].isnan()).all(), "x2 is never asked for as x3"


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_factor_is_asked_for_in_its_own_words(bank: InstructionBank, scale: int) -> None:
    severity = torch.full((40,), (scale - 1) / 3)
    rows = owners(bank, bank.draw(torch.full((40,), SR), severity, torch.Generator().manual_seed(scale)))
    said = bank.severity[rows]
    assert ((said - severity).abs().lt(1e-3) | said.isnan()).all()
    assert (~said.isnan()).any()


def test_same_generator_same_draw(bank: InstructionBank) -> None:
    task, severity = torch.arange(12), torch.full((12,), 0.5)
    one, two, three = (bank.draw(task, severity, torch.Generator().manual_seed(seed)) for seed in (3, 3, 4))
    assert torch.equal(one, two) and not torch.equal(one, three)


def test_round_trip(bank: InstructionBank, tmp_path: Path) -> None:
    bank.save(tmp_path / "deep" / "bank.safetensors")
    again = InstructionBank.load(tmp_path / "deep" / "bank.safetensors")
    assert torch.equal(again.vectors, bank.vectors) and torch.equal(again.task, bank.task)
    assert torch.equal(again.severity.isnan(), bank.severity.isnan())


def test_what_is_no_bank_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not an instruction bank"):
        InstructionBank.load(tmp_path / "missing.safetensors")
    (tmp_path / "text.safetensors").write_text("hello")
    with pytest.raises(DataError, match="not an instruction bank"):
        InstructionBank.load(tmp_path / "text.safetensors")


def test_a_bank_without_a_strength_is_refused(bank: InstructionBank) -> None:
    keep = ~((bank.task == BRIGHTNESS) & (bank.severity == -1))
    with pytest.raises(DataError, match=r"no sentence for brightness at strength -1\.00"):
        InstructionBank(bank.vectors[keep], bank.task[keep], bank.severity[keep])
