"""Sampling a whole scene before its first tile: band statistics, and sample windows at full resolution."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

from llars.bands import plain_bands
from llars.errors import RasterError
from llars.infer.reading.layers import Filled, Layers, Stack
from llars.infer.tiles import Window, mirror
from llars.model.normalise import Statistics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from llars.infer.reading.layers import Pixels
    from llars.infer.reading.sources import Source

__all__ = [
    "SAMPLE",
    "blocks_with_data",
    "sample_blocks",
    "sample_pixels",
    "sample_windows",
    "source_blocks",
    "statistics_of",
]

SAMPLE = 2**21
"""Most pixels used for statistics: a scene of no more is used whole, a larger one is sampled in small blocks."""

SAMPLE_BLOCK = 128
"""Side of those blocks in pixels."""

ENOUGH = 0.5
"""Share of valid values from which the evenly spaced blocks are a fair sample: a few gaps move no block."""

REGIONS = 4
"""Sample windows per side of the scene: 16 in all."""

CANDIDATES = 8
"""Most candidate positions per region and axis; the window with the most valid pixels is taken."""


def statistics_of(layers: Layers, histogram: bool = False) -> Statistics:
    """Mean and standard deviation of every band in unit values, and its quantiles if a ``histogram`` is wanted.

    They depend neither on the tiling nor on whether the scene is in memory or in a file. Bands are processed one by
    one to keep memory low, as sums are taken in float64. Each member of a stack is sampled where it has data itself.
    """
    bands = [band for member in _members(layers) for band in _band_statistics(member, histogram)]
    names = ("mean", "std", "knots") if histogram else ("mean", "std")
    return Statistics(*(torch.cat([getattr(band, name) for band in bands], 1) for name in names))


def _band_statistics(layers: Layers, histogram: bool) -> list[Statistics]:
    parts = [layers.read(window) for window in blocks_with_data([layers])]
    values, valid = (np.concatenate([part[i].reshape(len(part[i]), -1) for part in parts], 1) for i in (0, 1))
    return [
        Statistics.of(torch.from_numpy(band)[None, None, None], torch.from_numpy(mask)[None, None, None], histogram)
        for band, mask in zip(values, valid, strict=True)
    ]


def _members(layers: Layers) -> Sequence[Layers]:
    return layers.members if isinstance(layers, Stack) else (layers,)


def sample_blocks(height: int, width: int) -> list[Window]:
    """Evenly spaced windows that show a scene of that size, if it is not mostly gaps: see ``blocks_with_data``."""
    if height * width <= SAMPLE:
        return [Window(0, 0, height, width)]
    max_blocks = SAMPLE // SAMPLE_BLOCK**2
    down = min(max(round(math.sqrt(max_blocks * height / width)), 1), max(height // SAMPLE_BLOCK, 1))
    across = min(max(max_blocks // down, 1), max(width // SAMPLE_BLOCK, 1))
    return [
        Window(top, left, top + SAMPLE_BLOCK, left + SAMPLE_BLOCK).within(height, width)
        for top in np.linspace(0, max(height - SAMPLE_BLOCK, 0), down).astype(int).tolist()
        for left in np.linspace(0, max(width - SAMPLE_BLOCK, 0), across).astype(int).tolist()
    ]


def blocks_with_data(members: Sequence[Layers]) -> list[Window]:
    """The windows from which images on one grid are sampled, at places where all of them have data.

    These are ``sample_blocks`` unless one of the images is mostly gaps there: what a mask leaves of a large scene may
    lie between them altogether. Then as many blocks, or all that there are, are taken from those that hold data.
    """
    height, width = members[0].size
    blocks = sample_blocks(height, width)
    if len(blocks) == 1 or all(_valid_share(member, blocks) >= ENOUGH for member in members):
        return blocks
    grid = (
        Window(top, left, top + SAMPLE_BLOCK, left + SAMPLE_BLOCK).within(height, width)
        for top in range(0, height, SAMPLE_BLOCK)
        for left in range(0, width, SAMPLE_BLOCK)
    )
    places = [window for window in grid if all(member.valid_count(window) > 0 for member in members)]
    chosen = np.linspace(0, len(places) - 1, min(len(blocks), len(places))).astype(int)
    return [places[at] for at in chosen.tolist()] or blocks


def _valid_share(layers: Layers, windows: Sequence[Window]) -> float:
    values = len(layers.bands) * sum(math.prod(window.shape) for window in windows)
    return sum(layers.valid_count(window) for window in windows) / values


def source_blocks(source: Source) -> list[Window]:
    """The same for an image that was not surveyed; it is read from end to end only if ``sample_blocks`` are empty."""
    blocks = sample_blocks(*source.shape[1:])
    if any(np.isfinite(source.read(window)).any() for window in blocks):
        return blocks
    return blocks_with_data([Filled.of(source, plain_bands(source.shape[0]))])


def sample_windows(layers: Layers, side: int) -> NDArray[np.float32]:
    """Up to 16 windows ``(window, band, side, side)`` of the scene, at its own resolution.

    The scene is cut into 4 x 4 regions; each contributes its window with the most valid pixels, or none if it has no
    valid pixels. Scenes smaller than a window are padded by mirroring.
    """
    return sample_pixels(layers, side)[0]


def sample_pixels(layers: Layers, side: int) -> Pixels:
    """``sample_windows``, and a mask of the same shape that is true where pixels were measured, not filled."""
    members = _members(layers)
    places = _best_places(layers, side, CANDIDATES)
    if not all(any(_has_data(member, place) for place in places) for member in members):
        # What a mask leaves of a large scene may lie between the candidates.
        places = _best_places(layers, side, max(layers.size))
    if not places:
        height, width = layers.size
        raise RasterError(f"none of {width} x {height} pixels holds data; give an image that has some")
    values, valid = zip(*(_mirrored(layers, place) for place in places), strict=True)
    return np.stack(values), np.stack(valid)


def _best_places(layers: Layers, side: int, candidates: int) -> list[Window]:
    """The window with the most valid pixels of each region that has any; at most ``candidates`` per region and axis."""
    height, width = layers.size
    best = []
    for rows in _groups(height, side, candidates):
        for columns in _groups(width, side, candidates):
            places = [Window(row, column, row + side, column + side) for row in rows for column in columns]
            counts = [layers.valid_count(place.within(height, width)) for place in places]
            if most := max(counts):
                best.append(places[counts.index(most)])
    return best


def _has_data(layers: Layers, place: Window) -> bool:
    return layers.valid_count(place.within(*layers.size)) > 0


def _mirrored(layers: Layers, window: Window) -> Pixels:
    inside = window.within(*layers.size)
    values, valid = layers.read(inside)
    rows = mirror(0, window.shape[0], inside.shape[0])
    columns = mirror(0, window.shape[1], inside.shape[1])
    return values.take(rows, axis=1).take(columns, axis=2), valid.take(rows, axis=1).take(columns, axis=2)


def _groups(size: int, side: int, candidates: int) -> list[list[int]]:
    """Start positions along one axis, one group of at most ``candidates`` per region; the middle comes first."""
    starts = list(range(0, max(size - side, 0) + 1, side))
    if size > side and size % side:
        starts.append(size - side)
    groups = [group[:: -(-len(group) // candidates)] for group in np.array_split(starts, min(REGIONS, len(starts)))]
    return [group[np.argsort(np.abs(group - group.mean()), kind="stable")].tolist() for group in groups]
