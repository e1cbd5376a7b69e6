"""Stripes: how far whole lines are off, and how many are dead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from llars.starts.stripes import Lines

__all__ = ["Stripes", "find_stripes"]

DEAD = 0.5
"""Part of its band's mean by which a dead line lies off those around it, at least: a road or an edge does not."""

STANDS_OUT = 6.0
"""Deviations of the other lines by which it does."""

AROUND = 5
"""Lines whose median it is told from."""


@dataclass(frozen=True)
class Stripes:
    """How lines differ from what their neighbours make one expect."""

    rows: bool
    """Lines are rows; else columns."""

    evidence: float
    """How far differences between lines stand out from what the ground explains; about 0.3 without stripes."""

    contrast: float
    """Evidence over that of lines across: the ground is alike in both directions."""

    amplitude: float
    """Standard deviation of the lines, in unit values at the bands' means, mean over bands."""

    dead: float
    """Share of lines without signal, in [0, 1]; the greatest of all bands."""

    offsets: NDArray[np.float64]
    """``(band, line)``: by how many unit values each line is off."""


def find_stripes(down: Lines, across: Lines, means: NDArray[np.float64]) -> Stripes:
    """The stripes of a scene.

    Args:
        down: of columns, as ``starts.surveyed_lines`` finds them.
        across: of rows.
        means: ``(band,)`` of the scene, unit values.
    """
    evidence = [float(one.evidence) for one in (down, across)]
    off = [_offsets(one, means) for one in (down, across)]
    amplitudes = [float(np.mean(_amplitude(one))) for one in off]
    rows = evidence[1] > evidence[0]
    return Stripes(
        rows,
        evidence[rows],
        evidence[rows] / max(evidence[not rows], 1e-6),
        amplitudes[rows],
        max(_dead(one, means) for one in off),
        off[rows],
    )


def _offsets(lines: Lines, means: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(band, line)``: what mending takes away at the mean of the band."""
    gain, offset = (np.asarray(part[:, 0], dtype=np.float64) for part in (lines.gain, lines.offset))
    return np.asarray((1.0 - gain) * means[:, None] - offset)


def _amplitude(offsets: NDArray[np.float64]) -> NDArray[np.float64]:
    """Deviation ``(band,)`` of the lines, from differences of neighbours: slow changes are the ground's."""
    return np.asarray(np.diff(offsets).std(1) / np.sqrt(2.0))


def _dead(offsets: NDArray[np.float64], means: NDArray[np.float64]) -> float:
    """Share of lines that stand out from those around them, in the band that has most of them."""
    if offsets.shape[1] < AROUND:
        return 0.0
    around = np.median(np.lib.stride_tricks.sliding_window_view(offsets, AROUND, axis=1), axis=-1)
    middle = offsets[:, AROUND // 2 : -(AROUND // 2)]
    apart = np.abs(middle - around)
    usual = 1.4826 * np.median(apart, axis=1, keepdims=True)
    least = DEAD * np.abs(means)[:, None]
    return float((apart > np.maximum(STANDS_OUT * usual, least)).mean(1).max())
