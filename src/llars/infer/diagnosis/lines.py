"""Stripes: how far whole lines are off, and how many are dead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from llars.initial.stripes import Lines

__all__ = ["Stripes", "find_stripes"]

MIN_DEAD_DISTANCE = 0.5
"""Least distance of a dead line from those around it, relative to its band's mean: roads and edges stay below."""

OUTLIER_DEVIATIONS = 6.0
"""Least distance of a dead line, in standard deviations of the other lines."""

MEDIAN_LINES = 5
"""Number of lines whose median a line is compared with."""


@dataclass(frozen=True)
class Stripes:
    """How lines deviate from what their neighbours suggest."""

    rows: bool
    """Lines are rows, else columns."""

    evidence: float
    """How far differences between lines stand out from what the ground explains; about 0.3 without stripes."""

    amplitude: float
    """Standard deviation of the lines' offsets, in unit values at the bands' means, averaged over bands."""

    dead: float
    """Share of lines without signal, in [0, 1]; the greatest of all bands."""

    offsets: NDArray[np.float64]
    """``(band, line)``: by how many unit values each line is off."""


def find_stripes(down: Lines, across: Lines, means: NDArray[np.float64]) -> Stripes:
    """The stripes of a scene.

    Args:
        down: stripes along columns, as ``line_corrections`` finds them.
        across: stripes along rows.
        means: ``(band,)`` means of the scene, in unit values.
    """
    evidence = [float(one.evidence) for one in (down, across)]
    offsets = [_offsets(one, means) for one in (down, across)]
    amplitudes = [float(np.mean(_amplitude(one))) for one in offsets]
    rows = evidence[1] > evidence[0]
    return Stripes(
        rows,
        evidence[rows],
        amplitudes[rows],
        max(_dead(one, means) for one in offsets),
        offsets[rows],
    )


def _offsets(lines: Lines, means: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(band, line)``: what destriping subtracts at the mean of the band."""
    gain, offset = (np.asarray(part[:, 0], dtype=np.float64) for part in (lines.gain, lines.offset))
    return np.asarray((1.0 - gain) * means[:, None] - offset)


def _amplitude(offsets: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard deviation ``(band,)`` of the lines, from differences of neighbours: slow changes are of the ground."""
    return np.asarray(np.diff(offsets).std(1) / np.sqrt(2.0))


def _dead(offsets: NDArray[np.float64], means: NDArray[np.float64]) -> float:
    """Share of lines that stand out from those around them, in the band that has most of them."""
    if offsets.shape[1] < MEDIAN_LINES:
        return 0.0
    medians = np.median(np.lib.stride_tricks.sliding_window_view(offsets, MEDIAN_LINES, axis=1), axis=-1)
    middle = offsets[:, MEDIAN_LINES // 2 : -(MEDIAN_LINES // 2)]
    distance = np.abs(middle - medians)
    deviation = 1.4826 * np.median(distance, axis=1, keepdims=True)
    minimum = MIN_DEAD_DISTANCE * np.abs(means)[:, None]
    return float((distance > np.maximum(OUTLIER_DEVIATIONS * deviation, minimum)).mean(1).max())
