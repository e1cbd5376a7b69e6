"""Quality of a contestant on held-out patches, and its cost."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.training import Contestant
from llars.data.corpus import Corpus
from llars.data.mix import Instructions
from llars.data.validation import validation_batches
from llars.sample import Batch
from llars.tasks import TASK_KEYS
from llars.train.bundled import estimators
from llars.train.validation import decibels

__all__ = ["gigaflops", "held_out", "score", "score_inputs"]


def held_out(corpus: Path, words: Instructions) -> list[Batch]:
    """Batches of the test split of the corpus at ``corpus``, or of its validation split if it has no test split.

    Raises:
        DataError: the corpus has neither.
    """
    split = corpus / "test"
    opened = Corpus.open(split if split.is_dir() else corpus / "val")
    return [held.batch for held in validation_batches(opened, words, estimators=estimators())]


@torch.no_grad()
def score(contestant: Contestant, batches: Iterable[Batch]) -> dict[str, float]:
    """Mean PSNR in dB with peak 1 of each task in ``batches``; a patch counts with at most 80 dB."""
    contestant.eval()
    return score_images((contestant.restore(batch), batch) for batch in batches)


def score_inputs(batches: Iterable[Batch]) -> dict[str, float]:
    """The same for the inputs of llars, left as they are."""
    return score_images((batch.degraded, batch) for batch in batches)


def score_images(restored: Iterable[tuple[Tensor, Batch]]) -> dict[str, float]:
    """Mean PSNR of each task, from restored images and their batches."""
    found: dict[str, list[float]] = {}
    for image, batch in restored:
        for task, value in zip(batch.task.tolist(), decibels(image, batch.clean).tolist(), strict=True):
            found.setdefault(TASK_KEYS[task], []).append(value)
    return {task: sum(found[task]) / len(found[task]) for task in TASK_KEYS if task in found}


@torch.no_grad()
def gigaflops(contestant: Contestant, batch: Batch) -> float:
    """GFLOP per megapixel of one pass over ``batch`` as in training; a multiply-add counts as two operations."""
    # On a copy, so that the pass leaves no trace in the state of the network.
    passing = copy.deepcopy(contestant).train()
    with FlopCounterMode(display=False) as counter:
        passing.restore(batch)
    samples, _, height, width = batch.clean.shape
    return float(counter.get_total_flops()) / 1e3 / (samples * height * width)
