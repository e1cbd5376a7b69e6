"""Brings files of one scene at several resolutions to one grid by averaging."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from llars.sample import Sample

__all__ = ["Placed", "nested"]


@dataclass(frozen=True)
class Placed:
    """A sample with the georeference needed to align it with another of the same place."""

    sample: Sample
    gsd: float
    origin: tuple[float, float] | None
    """Upper left corner as metres east and metres south; None if the image has no projected CRS."""


def nested(members: list[Placed]) -> Iterator[Sample]:
    """All bands of one scene's files together, on the grid of each file but the finest."""
    by_gsd = sorted(members, key=lambda placed: placed.gsd)
    for i in range(1, len(by_gsd)):
        stack = by_gsd[i]
        for finer in reversed(by_gsd[:i]):
            joined = _join(finer, stack)
            if joined is None:
                break
            stack = joined
        else:
            yield stack.sample


def _join(fine: Placed, coarse: Placed) -> Placed | None:
    """``coarse`` with the bands of ``fine`` averaged to its pixels, where both overlap; None if grids do not nest."""
    a, b = fine.sample, coarse.sample
    factor = round(coarse.gsd / fine.gsd) if fine.gsd else 0
    shift = _shift(fine, coarse)
    if factor < 2 or shift is None or (a.sensor, a.scale, a.offset) != (b.sensor, b.scale, b.offset):
        return None
    if {band.name for band in a.bands} & {band.name for band in b.bands}:
        return None
    y, fine_y, height = _overlap(a.values.shape[1], b.values.shape[1], shift[1], factor)
    x, fine_x, width = _overlap(a.values.shape[2], b.values.shape[2], shift[0], factor)
    if min(height, width) < 1:
        return None
    window = np.s_[y : y + height, x : x + width]
    fine_window = np.s_[fine_y : fine_y + height * factor, fine_x : fine_x + width * factor]
    blocks = (height, factor, width, factor)
    mean = a.values[:, *fine_window].reshape(-1, *blocks).mean(axis=(2, 4), dtype=np.float64)
    if np.issubdtype(b.values.dtype, np.integer):
        mean = mean.round()
    bands = tuple(band.with_gsd(coarse.gsd) for band in a.bands) + b.bands
    order = sorted(range(len(bands)), key=lambda i: bands[i].wavelength_nm or 0.0)
    values = np.concatenate([mean.astype(b.values.dtype), b.values[:, *window]])
    sample = replace(
        b,
        scene=b.scene.removesuffix("_stack") + "_stack",
        bands=tuple(bands[i] for i in order),
        values=values[order],
        valid=a.valid[fine_window].reshape(blocks).all(axis=(1, 3)) & b.valid[window],
        sharp=a.sharp and b.sharp,
    )
    origin = coarse.origin and (coarse.origin[0] + x * coarse.gsd, coarse.origin[1] + y * coarse.gsd)
    return Placed(sample, coarse.gsd, origin)


def _overlap(fine: int, coarse: int, shift: int, factor: int) -> tuple[int, int, int]:
    """Along one axis: first common pixel on the coarse and on the fine grid, and number of common coarse pixels."""
    first = max(0, -(shift // factor))
    last = min(coarse, (fine - shift) // factor)
    return first, first * factor + shift, last - first


def _shift(fine: Placed, coarse: Placed) -> tuple[int, int] | None:
    """Fine pixels by which the coarse grid starts further right and down; None if the shift is not whole pixels."""
    if fine.origin is None or coarse.origin is None:
        return (0, 0)
    across = [(c - f) / fine.gsd for f, c in zip(fine.origin, coarse.origin, strict=True)]
    whole = [round(value) for value in across]
    return (whole[0], whole[1]) if np.allclose(across, whole, atol=0.05) else None
