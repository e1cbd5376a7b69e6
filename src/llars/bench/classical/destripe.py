"""Rivals for stripes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from llars.bench.classical.windows import Array

__all__ = ["along_stripes", "moment_matching", "wavelet_fft"]


def along_stripes(method: Callable[[Array], Array], image: Array) -> Array:
    """Applies a method for stripes along y in the direction of the stripes: along columns or along rows."""
    down, across = (np.abs(np.diff(image.mean(axis=axis), 2)).mean() for axis in (1, 2))
    return method(image) if down >= across else method(image.swapaxes(1, 2)).swapaxes(1, 2)


def moment_matching(image: Array, reach: float = 15.0) -> Array:
    """Mean and std of each column matched to those of its neighbourhood (Gadallah et al. 2000, IJRS 21(12)).

    Args:
        image: unit values with stripes along y.
        reach: standard deviation of the neighbourhood, in columns.
    """
    from scipy.ndimage import gaussian_filter1d

    mean, deviation = image.mean(axis=1, keepdims=True), image.std(axis=1, keepdims=True) + 1e-6
    usual_mean, usual_deviation = (gaussian_filter1d(moment, reach, axis=2) for moment in (mean, deviation))
    return np.asarray((image - mean) * (usual_deviation / deviation) + usual_mean, np.float32)


def wavelet_fft(image: Array, damping: float = 4.0) -> Array:
    """Stripes along y damped in the vertical details of a wavelet transform (Münch et al. 2009, Opt. Express 17(10)).

    Args:
        image: unit values with stripes along y.
        damping: standard deviation of the notch around zero frequency, in cycles per image height.
    """
    import pywt

    height, width = image.shape[1:]
    levels = min(6, pywt.dwt_max_level(min(height, width), "db8"))
    result = np.empty_like(image)
    for band, out in zip(image, result, strict=True):
        approximation, *details = pywt.wavedec2(band.astype(np.float64), "db8", "symmetric", levels)
        clean = [approximation]
        for horizontal, vertical, diagonal in details:
            cycles = np.arange(vertical.shape[0] // 2 + 1)
            keep = 1 - np.exp(-0.5 * (cycles / damping) ** 2)
            spectrum = np.fft.rfft(vertical, axis=0) * keep[:, None]
            clean.append((horizontal, np.fft.irfft(spectrum, len(vertical), axis=0), diagonal))
        out[:] = pywt.waverec2(clean, "db8", "symmetric")[:height, :width]
    return result
