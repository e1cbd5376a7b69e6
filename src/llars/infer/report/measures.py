"""What a restoration changed, measured at full resolution on windows spread over the scene."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from llars.infer.reading.raster_file import RasterFile
from llars.infer.reading.sampling import source_blocks
from llars.infer.reading.sources import Source
from llars.infer.reading.warping import Warped
from llars.infer.tiles import Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BINS", "BandChange", "Changes", "measure"]

BINS = 80
"""Bars of a histogram."""

BROAD = 16
"""Side in pixels of the squares whose means show what changed in brightness rather than in texture."""


@dataclass(frozen=True)
class BandChange:
    """One band before and after, in physical units; ``restored_back`` is the result brought to the input's grid."""

    name: str
    edges: NDArray[np.float64]
    """Limits of the histogram's bars, one more than there are bars."""

    before: NDArray[np.float64]
    """Share of the input's pixels in each bar."""

    after: NDArray[np.float64]
    """Likewise for the result."""

    means: tuple[float, float]
    """Means before and after."""

    deviations: tuple[float, float]
    """Standard deviations of the pixels, before and after."""

    shift: float
    """Mean of back - before."""

    change: float
    """Root mean square of back - before."""

    broad: float
    """The same after averaging over squares of ``BROAD`` pixels."""

    largest: float
    """Largest of the absolute values of back - before."""


@dataclass(frozen=True)
class Changes:
    """Changes over the windows that were compared."""

    bands: tuple[BandChange, ...]
    pixels: int
    """Number of pixels of the input's grid that were compared, counted in one band."""

    share: float
    """Share of the scene that the windows cover."""

    untouched: float
    """Share of valid values that are unchanged."""

    gaps_differ: int
    """Number of values without data on one side alone; 0 where the grids do not allow a comparison."""

    gaps: int
    """Number of values without data in the input."""


def measure(before: RasterFile, after: RasterFile, scale: int | None, names: list[str]) -> Changes:
    """Compare an image with its restored version.

    Args:
        before: the input.
        after: the result.
        scale: how many times finer the result's grid is within the same bounds; None where it is another grid; the
            result is then resampled to the input's.
        names: of the bands.
    """
    height, width = before.shape[1:]
    windows = source_blocks(before)
    restored_back: Source = Warped(after, after.grid.on_a_map(), before.grid.on_a_map()) if scale is None else after
    pairs = [(before.read(one), *_back(restored_back, one, scale)) for one in windows]
    bands = tuple(
        _band(name, *([part[side][channel] for part in pairs] for side in range(3)))
        for channel, name in enumerate(names)
    )
    finite = [(np.isfinite(one), np.isfinite(coarse)) for one, coarse, _ in pairs]
    both = sum(int((before_valid & back_valid).sum()) for before_valid, back_valid in finite)
    same = sum(int((one == coarse).sum()) for one, coarse, _ in pairs)
    pixels = sum(one.shape[1] * one.shape[2] for one, _, _ in pairs)
    return Changes(
        bands,
        pixels,
        pixels / (height * width),
        same / both if both else 1.0,
        0 if scale is None else sum(int((before_valid != back_valid).sum()) for before_valid, back_valid in finite),
        sum(int((~before_valid).sum()) for before_valid, _ in finite),
    )


def _back(after: Source, window: Window, scale: int | None) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The result on the input's grid, and an equal number of its own pixels."""
    if scale is None or scale == 1:
        values = after.read(window)
        return values, values
    values = after.read(window.finer(scale))
    bands, rows, columns = values.shape
    blocks = values.reshape(bands, rows // scale, scale, columns // scale, scale)
    # A fine pixel of every coarse one is enough for a histogram.
    fine = values[:, scale // 2 :: scale, scale // 2 :: scale]
    return blocks.mean(axis=(2, 4), dtype=np.float64).astype(np.float32), fine


def _band(
    name: str,
    before: list[NDArray[np.float32]],
    restored_back: list[NDArray[np.float32]],
    after: list[NDArray[np.float32]],
) -> BandChange:
    both_values = [_valid(part) for part in (before, after)]
    ends = [np.percentile(values, (0.2, 99.8)) for values in both_values if values.size] or [np.array([0.0, 1.0])]
    low, high = min(end[0] for end in ends), max(end[1] for end in ends)
    edges = np.linspace(low, high if high > low else low + 1.0, BINS + 1)
    bars = [
        np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0] / max(values.size, 1) for values in both_values
    ]
    changes = [b.astype(np.float64) - a for a, b in zip(before, restored_back, strict=True)]
    differences = _valid(changes) if any(np.isfinite(part).any() for part in changes) else np.zeros(1)
    broad = np.concatenate([_squares(part) for part in changes])
    return BandChange(
        name,
        edges,
        bars[0],
        bars[1],
        (_mean(both_values[0]), _mean(_valid(restored_back))),
        (_spread(both_values[0]), _spread(both_values[1])),
        float(differences.mean()),
        float(np.sqrt(np.square(differences).mean())),
        float(np.sqrt(np.square(broad).mean())) if broad.size else 0.0,
        float(np.abs(differences).max()),
    )


def _valid(parts: list[NDArray[np.float32]] | list[NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.concatenate([part[np.isfinite(part)] for part in parts]).astype(np.float64)


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if values.size else 0.0


def _spread(values: NDArray[np.float64]) -> float:
    return float(values.std()) if values.size else 0.0


def _squares(difference: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means over whole squares without gaps; empty where the part is smaller than a square."""
    rows, columns = (side // BROAD for side in difference.shape)
    cut = difference[: rows * BROAD, : columns * BROAD].reshape(rows, BROAD, columns, BROAD)
    means = cut.mean(axis=(1, 3)).ravel()
    return np.asarray(means[np.isfinite(means)])
