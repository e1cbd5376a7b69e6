"""Learns the filters of super-resolution: ``python -m llars.train.upsampling CORPUS``; two minutes on one core.

Sharp patches are averaged to coarser pixels, and the normal equations of every kind of edge are summed over all of
them. Their solution is the filter of coarse pixels that predicts best, in least squares, the detail that the
enlargement lacks.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from llars.data.corpus import Corpus
from llars.data.patches import PatchSource
from llars.degrade.resolution import enlarge, enlarge_exactly, reduce
from llars.initial.superresolution import superresolved
from llars.model.upsampling import FACTORS, KINDS, REACH, SIDE, UpsamplingFilters, kinds_of
from llars.weights.estimators import UPSAMPLING
from llars.weights.helpers import bundle_helper

__all__ = ["NormalEquations", "learned", "patches", "report"]

CROP, COUNT, BATCH, BATCHES = 96, 3, 8, 400
"""Side of a patch in pixels, its number of bands, patches per batch, and number of batches."""

EDGE = 4
"""Pixels along the edges where errors are not counted."""

PRIOR = 1e-3
"""Weight of the sums over all kinds of edge, added to those of each kind: a prior for rare kinds."""

FLAT = 1e-2
"""Standard deviation in unit values below which patches are weighted down: what they show is noise."""


class NormalEquations:
    """The normal equations of the filters of one factor."""

    def __init__(self, factor: int) -> None:
        self.factor = factor
        self.square = torch.zeros(KINDS, SIDE**2, SIDE**2, dtype=torch.float64)
        self.product = torch.zeros(KINDS, SIDE**2, factor**2, dtype=torch.float64)

    def add(self, fine: Tensor) -> None:
        """Adds sharp images ``(batch, 1, y, x)``, each normalised by its contrast."""
        coarse = reduce(fine, self.factor)
        contrast = 1.0 / (coarse.var((1, 2, 3), keepdim=True) + FLAT**2).sqrt()
        missing_detail = functional.pixel_unshuffle(fine - enlarge_exactly(coarse, self.factor), self.factor) * contrast
        kind = kinds_of(coarse).flatten()
        order = kind.argsort()
        neighbourhoods = _neighbourhoods(coarse * contrast).transpose(1, 2).flatten(0, 1)[order]
        targets = missing_detail.permute(0, 2, 3, 1).flatten(0, 2)[order]
        start = 0
        for one, count in enumerate(torch.bincount(kind, minlength=KINDS).tolist()):
            part = slice(start, start + count)
            self.square[one] += neighbourhoods[part].T @ neighbourhoods[part]
            self.product[one] += neighbourhoods[part].T @ targets[part]
            start += count

    def solved(self) -> Tensor:
        """The filters ``(kind, place, finer pixel)`` that solve the normal equations."""
        square, product = (part + PRIOR * part.sum(0) for part in (self.square, self.product))
        square += 1e-6 * square.diagonal(dim1=1, dim2=2).mean() * torch.eye(SIDE**2, dtype=torch.float64)
        filters: Tensor = torch.linalg.solve(square, product)
        return filters.float()


def patches(source: PatchSource, batches: int, seed: int) -> Iterator[Tensor]:
    """Single bands of sharp patches ``(batch, 1, y, x)``, randomly rotated and flipped."""
    for batch in range(batches):
        drawn = source.draw(COUNT, CROP, BATCH, np.random.default_rng((seed, batch)), averaged=0.2, sharp=True)
        yield drawn.clean.flatten(0, 1)[:, None]


def learned(source: PatchSource, batches: int = BATCHES) -> UpsamplingFilters:
    """The filters of all factors; the same for the same patches."""
    sums = [NormalEquations(factor) for factor in FACTORS]
    for fine in patches(source, batches, seed=0):
        for one in sums:
            one.add(fine)
    filters = UpsamplingFilters()
    with torch.no_grad():
        for one in sums:
            filters.filters[str(one.factor)].copy_(one.solved())
    return filters.half().float()  # evaluated as stored


def report(filters: UpsamplingFilters, source: PatchSource, batches: int = 40) -> dict[int, tuple[float, float]]:
    """PSNR gain over bicubic in dB, by factor: of the enlargement that keeps area means, and of the learned filters."""
    found: dict[int, list[tuple[float, float]]] = {factor: [] for factor in (*FACTORS, 4)}
    for fine in patches(source, batches, seed=1):
        for factor, gains in found.items():
            coarse = reduce(fine, factor)
            enlarged = enlarge(coarse, factor), enlarge_exactly(coarse, factor), superresolved(coarse, factor, filters)
            plain, exact, ours = (_decibels(image, fine) for image in enlarged)
            gains.append((exact - plain, ours - plain))
    return {factor: tuple(np.mean(gains, 0).round(3).tolist()) for factor, gains in found.items()}


def _neighbourhoods(image: Tensor) -> Tensor:
    """``(batch, place, pixel)``: the neighbourhood of each pixel less its mean; the image's edges are replicated."""
    around = functional.unfold(functional.pad(image, [REACH] * 4, mode="replicate"), SIDE)
    return around - around.mean(1, keepdim=True)


def _decibels(image: Tensor, truth: Tensor) -> float:
    inner = (..., slice(EDGE, -EDGE), slice(EDGE, -EDGE))
    error = (image - truth)[inner].square().mean((1, 2, 3)).clamp(min=1e-8)
    return float(-10 * error.log10().mean())


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path, help="folder that `llars data build` wrote")
    parser.add_argument("--batches", type=int, default=BATCHES)
    options = parser.parse_args()
    filters = learned(PatchSource(Corpus.open(options.corpus / "train")), options.batches)
    gains = report(filters, PatchSource(Corpus.open(options.corpus / "val")))
    for factor, (exact, ours) in gains.items():
        print(f"x{factor}: {exact:+.2f} dB over bicubic by area means, {ours:+.2f} dB with the filters")
    print(bundle_helper(UPSAMPLING, filters, {"batches": options.batches, "gains": gains}))


if __name__ == "__main__":
    main()
