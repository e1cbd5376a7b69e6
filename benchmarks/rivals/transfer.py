"""Scores contestants on held-out batches, a sensor left out of training, shuffled bands and missing bands."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.corpora import select
from benchmarks.training import Contestant
from llars.data.mix import Instructions
from llars.data.validation import HeldOut, validation_batches
from llars.sample import Batch
from llars.train.bundled import estimators
from llars.train.validation import decibels

__all__ = ["Row", "Sights", "measured", "rearranged"]


@dataclass(frozen=True)
class Sights:
    """All batches that a contestant is scored on."""

    seen: list[HeldOut]
    """Batches of unseen places, of sensors that occur in training."""

    unseen: list[HeldOut]
    """Batches of the sensor that was left out; empty if none was."""

    @classmethod
    def of(cls, corpus: Path, words: Instructions, without: str | None, estimated: bool) -> Sights:
        """The validation split of the corpus at ``corpus``, and the left-out sensor's scenes of its training split.

        If ``estimated``, the inputs are initial estimates, as for llars; otherwise the degraded images themselves.
        """
        found = estimators() if estimated else None
        seen = validation_batches(select(corpus / "val", without, "val"), words, estimators=found)
        if without is None:
            return cls(seen, [])
        left_out = select(corpus / "train", without, "unseen", only=True)
        return cls(seen, validation_batches(left_out, words, estimators=found))

    def known(self, tasks: Collection[str]) -> Sights:
        """Only the batches of known sensors, in some tasks."""
        return Sights([held for held in self.seen if held.task in tasks], [])


@dataclass(frozen=True)
class Row:
    """Mean PSNR over the patches of one batch, in decibels with peak 1."""

    task: str
    family: str
    seen: bool
    """Whether the sensor occurs in training."""

    given: float
    """PSNR of the contestant's input: the degraded image or its initial estimate."""

    restored: float
    shuffled: float | None = None
    """For the same patches with their bands in another order; None if not asked for, or if there is only one band."""

    whole: float | None = None
    """For the bands of ``part``, when all bands were given."""

    part: float | None = None
    """For the same patches with half of their target bands removed."""


def rearranged(batch: Batch, targets: Sequence[int], guides: Sequence[int]) -> Batch:
    """The same patches with these of their target bands and of their guides, in this order."""
    count = batch.clean.shape[1]
    channels = [*targets, *(count + guide for guide in guides)]
    return replace(
        batch,
        degraded=batch.degraded[:, targets],
        observed=None if batch.observed is None else batch.observed[:, targets],
        clean=batch.clean[:, targets],
        guides=batch.guides[:, guides],
        bands=[tuple(bands[channel] for channel in channels) for bands in batch.bands],
    )


@torch.no_grad()
def measured(contestant: Contestant, sights: Sights, *, bands: bool, seed: int = 0) -> list[dict[str, Any]]:
    """A ``Row`` for every batch; with ``bands`` including the figures for shuffled and missing bands."""
    contestant.eval()
    rows = [
        _row(contestant, held, True, np.random.default_rng((seed, index)) if bands else None)
        for index, held in enumerate(sights.seen)
    ]
    rows += [_row(contestant, held, False, None) for held in sights.unseen]
    return [
        {key: round(value, 3) if isinstance(value, float) else value for key, value in asdict(row).items()}
        for row in rows
    ]


def _row(contestant: Contestant, held: HeldOut, seen: bool, rng: np.random.Generator | None) -> Row:
    batch = held.batch
    restored = contestant.restore(batch)
    row = Row(
        held.task,
        held.family,
        seen,
        decibels(batch.degraded, batch.clean).mean().item(),
        decibels(restored, batch.clean).mean().item(),
    )
    count, guides = batch.clean.shape[1], batch.guides.shape[1]
    if rng is None or count == 1:
        return row
    part = sorted(rng.permutation(count)[: math.ceil(count / 2)].tolist())
    shuffled = rearranged(batch, _another_order(count, rng), rng.permutation(guides).tolist())
    return replace(
        row,
        shuffled=_psnr(contestant.restore, shuffled),
        whole=decibels(restored[:, part], batch.clean[:, part]).mean().item(),
        part=_psnr(contestant.restore, rearranged(batch, part, range(guides))),
    )


def _another_order(count: int, rng: np.random.Generator) -> list[int]:
    """A random order of the bands other than their own."""
    while True:
        order: list[int] = rng.permutation(count).tolist()
        if order != sorted(order):
            return order


def _psnr(restore: Callable[[Batch], torch.Tensor], batch: Batch) -> float:
    return decibels(restore(batch), batch.clean).mean().item()
