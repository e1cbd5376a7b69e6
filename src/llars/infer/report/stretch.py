"""The contrast stretch that an image and its results share on display."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["limits", "to_bytes"]

CLIPPED_PERCENTILE = 25.0
"""Percentile of the input above which it may be clipped: less than three quarters of a scene are under clouds, and all
of it is in haze."""


def limits(
    images: Sequence[NDArray[np.float32]], percent: tuple[float, float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Black and white points, per channel, of images ``(channel, y, x)`` that are stretched alike.

    From the lowest of their lower percentiles to the highest of their upper ones. Clouds in the first image, the input,
    are clipped where they would leave the results dark: results take at least half of the range.
    """
    with warnings.catch_warnings():
        # A channel without any data is black, not worth a warning.
        warnings.simplefilter("ignore", RuntimeWarning)
        percentiles = (*percent, CLIPPED_PERCENTILE)
        ends = np.array([np.nanpercentile(image, percentiles, axis=(1, 2), keepdims=True) for image in images])
    low, high = np.fmin.reduce(ends[:, 0]), ends[0, 1]
    if len(images) > 1:
        results = np.fmax.reduce(ends[1:, 1])
        span = results - low
        high = np.fmax(results, np.fmin(high, np.fmax(low + 2.0 * span, ends[0, 2] + span)))
    return low, high


def to_bytes(
    image: NDArray[np.float32], low: NDArray[np.float64], high: NDArray[np.float64], gap: int = 0
) -> NDArray[np.uint8]:
    """An image ``(channel, y, x)`` in 0 to 255; ``gap`` is the number for no data."""
    unit = (image - low) / np.where(high > low, high - low, 1.0)
    grey = np.clip(np.nan_to_num(unit, nan=0.0), 0.0, 1.0) * 255.0 + 0.5
    return np.where(np.isnan(image), np.uint8(gap), grey.astype(np.uint8))
