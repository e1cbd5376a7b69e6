"""Sampling a whole scene before its first tile: band statistics, and sample windows at full resolution."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

from llars.infer.reading.layers import Layers
from llars.infer.tiles import Window, mirror
from llars.model.normalise import Statistics

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from llars.infer.reading.layers import Pixels

__all__ = ["SAMPLE", "sample_blocks", "sample_pixels", "sample_windows", "statistics_of"]

SAMPLE = 2**21
"""Most pixels used for statistics: a scene of no more is used whole, a larger one is sampled in small blocks."""

SAMPLE_BLOCK = 128
"""Side of those blocks in pixels."""

REGIONS = 4
"""Sample windows per side of the scene: 16 in all."""

CANDIDATES = 8
"""Most candidate positions per region and axis; the window with the most valid pixels is taken."""


def statistics_of(layers: Layers, histogram: bool = False) -> Statistics:
    """Mean and standard deviation of every band in unit values, and its quantiles if a ``histogram`` is wanted.

    They depend neither on the tiling nor on whether the scene is in memory or in a file. Bands are processed one by
    one to keep memory low, as sums are taken in float64.
    """
    parts = [layers.read(window) for window in sample_blocks(*layers.size)]
    values, valid = (np.concatenate([part[i].reshape(len(part[i]), -1) for part in parts], 1) for i in (0, 1))
    bands = [
        Statistics.of(torch.from_numpy(band)[None, None, None], torch.from_numpy(mask)[None, None, None], histogram)
        for band, mask in zip(values, valid, strict=True)
    ]
    names = ("mean", "std", "knots") if histogram else ("mean", "std")
    return Statistics(*(torch.cat([getattr(band, name) for band in bands], 1) for name in names))


def sample_blocks(height: int, width: int) -> list[Window]:
    """The evenly spaced windows from which statistics are computed."""
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


def sample_windows(layers: Layers, side: int) -> NDArray[np.float32]:
    """Up to 16 windows ``(window, band, side, side)`` of the scene, at its own resolution.

    The scene is cut into 4 x 4 regions; each contributes its window with the most valid pixels, or none if it has no
    valid pixels. Scenes smaller than a window are padded by mirroring.
    """
    return sample_pixels(layers, side)[0]


def sample_pixels(layers: Layers, side: int) -> Pixels:
    """``sample_windows``, and a mask of the same shape that is true where pixels were measured, not filled."""
    height, width = layers.size
    windows = []
    for rows in _groups(height, side):
        for columns in _groups(width, side):
            places = [Window(row, column, row + side, column + side) for row in rows for column in columns]
            counts = [layers.valid_count(place.within(height, width)) for place in places]
            if best := max(counts):
                place = places[counts.index(best)]
                windows.append(_mirrored(layers, place))
    values, valid = zip(*windows, strict=True)
    return np.stack(values), np.stack(valid)


def _mirrored(layers: Layers, window: Window) -> Pixels:
    inside = window.within(*layers.size)
    values, valid = layers.read(inside)
    rows = mirror(0, window.shape[0], inside.shape[0])
    columns = mirror(0, window.shape[1], inside.shape[1])
    return values.take(rows, axis=1).take(columns, axis=2), valid.take(rows, axis=1).take(columns, axis=2)


def _groups(size: int, side: int) -> list[list[int]]:
    """Candidate start positions along one axis, one group per region; the middle of a group comes first."""
    starts = list(range(0, max(size - side, 0) + 1, side))
    if size > side and size % side:
        starts.append(size - side)
    groups = [group[:: -(-len(group) // CANDIDATES)] for group in np.array_split(starts, min(REGIONS, len(starts)))]
    return [group[np.argsort(np.abs(group - group.mean()), kind="stable")].tolist() for group in groups]
