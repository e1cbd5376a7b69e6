"""Rivals for spatio-temporal fusion: predict the fine image of a date of which there is only a coarse one.

All images are ``(band, y, x)`` on the fine grid, in unit values with the same calibration for both sensors.
"""

from __future__ import annotations

import numpy as np

from llars.bench.classical.windows import Array, Double

__all__ = ["fine_plus_difference", "starfm"]

UNCERTAINTY = 0.005
"""Standard deviation of an observation in unit values: smaller differences are not significant."""


def fine_plus_difference(coarse_now: Array, fine_before: Array, coarse_before: Array) -> Array:
    """The earlier fine image plus the change between the coarse ones."""
    return (fine_before + (coarse_now - coarse_before)).astype(np.float32)


def starfm(
    coarse_now: Array, fine_before: Array, coarse_before: Array, window: int = 31, classes: int = 4, reach: float = 15.0
) -> Array:
    """STARFM with one earlier pair of images (Gao et al. 2006, IEEE TGRS 44(8)).

    Every pixel is predicted from spectrally similar neighbours. Their weights fall with the difference between the
    sensors, the change between the dates, and the distance; neighbours for which one of the first two is larger than at
    the pixel itself do not count.

    Args:
        coarse_now: the coarse image of the date to predict.
        fine_before: the fine image of the earlier date.
        coarse_before: the coarse image of that date.
        window: side of the neighbourhood in pixels.
        classes: expected number of land cover classes; neighbours within 2 sigma / classes count as similar.
        reach: distance in pixels at which a neighbour's weight is halved.
    """
    images = (np.asarray(image, np.float64) for image in (coarse_now, fine_before, coarse_before))
    bands = [_band(now, fine, before, window, classes, reach) for now, fine, before in zip(*images, strict=True)]
    return np.stack(bands).astype(np.float32)


def _band(now: Double, fine: Double, before: Double, window: int, classes: int, reach: float) -> Double:
    height, width = fine.shape
    margin = window // 2
    spectral, temporal = np.abs(fine - before), np.abs(before - now)
    kind = 2.0 * fine.std() / classes
    padded = [np.pad(image, margin, "symmetric") for image in (fine, spectral, temporal, now + fine - before)]
    total, weights = np.zeros_like(fine), np.zeros_like(fine)
    tolerance = np.sqrt(2.0) * UNCERTAINTY
    for y in range(window):
        for x in range(window):
            near, sensors, change, guess = (image[y : y + height, x : x + width] for image in padded)
            alike = np.abs(near - fine) <= kind
            alike &= (sensors <= spectral + tolerance) & (change <= temporal + tolerance)
            distance = 1.0 + np.hypot(y - margin, x - margin) / reach
            weight = alike / ((sensors + UNCERTAINTY) * (change + UNCERTAINTY) * distance)
            total += weight * guess
            weights += weight
    return np.asarray(total / weights)  # never 0: every pixel is similar to itself
