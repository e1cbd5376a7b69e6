"""The held-out pairs are fixed, and never from the training split."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.packing import pack

import llars.data.validation
from llars.data.catalog import read_catalog
from llars.data.corpus import Corpus
from llars.data.initial import Estimators
from llars.data.mix import Instructions
from llars.data.validation import validation_batches
from llars.errors import DataError


@pytest.fixture
def held_out(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Corpus:
    monkeypatch.setattr(llars.data.validation, "SMALLEST", 10_000)
    pack(read_catalog(folder, "val"), tmp_path / "val")
    return Corpus.open(tmp_path / "val")


def test_pairs_are_fixed_and_one_for_each_task(held_out: Corpus, words: Instructions) -> None:
    first, second = (validation_batches(held_out, words, size=3, patch=40) for _ in range(2))
    assert [(held.task, held.family) for held in first] == [
        (task, "rgb-3")
        for task in (
            *("denoise", "deblur", "destripe", "haze", "cloud", "sr", "brightness"),
            *("pansharpen", "stf", "equalize", "stretch"),
        )
    ]
    for a, b in zip(first, second, strict=True):
        assert torch.equal(a.batch.degraded, b.batch.degraded)
        assert torch.equal(a.batch.instruction, b.batch.instruction)
        assert a.batch.degraded.shape == (3, 3, 40, 40)
        assert not torch.equal(a.batch.degraded, a.batch.clean)


def test_all_tasks_but_those_on_tones_share_one_truth(held_out: Corpus, words: Instructions) -> None:
    found = validation_batches(held_out, words, size=3, patch=40)
    for held in found[1:]:
        if held.task in ("equalize", "stretch"):
            continue
        torch.testing.assert_close(held.batch.clean, found[0].batch.clean)


def test_some_of_the_noise_is_gone_where_the_network_sets_out(held_out: Corpus, words: Instructions) -> None:
    held = validation_batches(held_out, words, size=4, patch=64, estimators=Estimators())[0]
    assert held.task == "denoise"
    # Little of it, for this ground is random too; of so many pixels, noise as it was would miss by six deviations.
    assert held.batch.clean.numel() > 45_000
    assert float((held.batch.degraded - held.batch.clean).std()) < 0.98 * 0.05


def test_the_training_split_is_refused(corpus: Corpus, words: Instructions) -> None:
    with pytest.raises(DataError, match="training split"):
        validation_batches(corpus, words)


def test_families_too_small_are_refused(held_out: Corpus, words: Instructions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llars.data.validation, "SMALLEST", 1_000_000)
    with pytest.raises(DataError, match="no sensor"):
        validation_batches(held_out, words)
