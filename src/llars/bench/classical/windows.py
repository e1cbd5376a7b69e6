"""Shared by several methods: means over windows, and edge-preserving smoothing."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["Array", "Double", "guided_filter", "local_moments"]

Array = npt.NDArray[np.float32]
Double = npt.NDArray[np.float64]


def local_moments(image: Double, window: int) -> tuple[Double, Double]:
    """Mean and variance over ``window`` x ``window`` pixels of each band ``(band, y, x)``."""
    from scipy.ndimage import uniform_filter

    size = (1, window, window)
    mean = np.asarray(uniform_filter(image, size))
    return mean, np.maximum(uniform_filter(image * image, size) - mean * mean, 0.0)


def guided_filter(guide: Double, image: Double, window: int) -> Double:
    """Edge-preserving smoothing of ``image`` along ``guide``, both ``(y, x)`` (He et al. 2013, IEEE TPAMI 35(6))."""
    from scipy.ndimage import uniform_filter

    mean_guide, mean_image = uniform_filter(guide, window), uniform_filter(image, window)
    slope = (uniform_filter(guide * image, window) - mean_guide * mean_image) / (
        uniform_filter(guide**2, window) - mean_guide**2 + 1e-3
    )
    offset = mean_image - slope * mean_guide
    return np.asarray(uniform_filter(slope, window) * guide + uniform_filter(offset, window))
