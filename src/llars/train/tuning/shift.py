"""Measures the shift between two images by phase correlation (Kuglin and Hines, 1975)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Shift", "measure_shift"]

MIN_PEAK_RATIO = 3.0
"""The highest peak is trusted if it is this many times as high as any other, away from it."""


Shift = tuple[int, int]
"""Rows down and columns right by which the second image is displaced from the first."""


def measure_shift(first: NDArray[np.float32], second: NDArray[np.float32]) -> Shift | None:
    """Whole pixels by which the content of ``second`` lies down and right of that of ``first``; None if unclear.

    Args:
        first: ``(y, x)``, without gaps.
        second: the same shape.
    """
    height, width = first.shape
    window = np.outer(np.hanning(height), np.hanning(width))
    spectra = [np.fft.rfft2((image - image.mean()) * window) for image in (first, second)]
    # Between pure phase correlation, where noise can move the peak, and plain correlation, whose peak is wide.
    cross = spectra[1] * np.conj(spectra[0])
    surface = np.fft.irfft2(cross / np.sqrt(np.abs(cross)).clip(1e-12), s=(height, width))
    row, column = (int(at) for at in np.unravel_index(int(surface.argmax()), surface.shape))
    rows, columns = (np.arange(size) for size in (height, width))
    near_peak = np.minimum((rows - row) % height, (row - rows) % height)[:, None] <= 2
    near_peak = near_peak & (np.minimum((columns - column) % width, (column - columns) % width)[None] <= 2)
    if surface[row, column] < MIN_PEAK_RATIO * np.abs(surface[~near_peak]).max():
        return None
    return (row + height // 2) % height - height // 2, (column + width // 2) % width - width // 2
