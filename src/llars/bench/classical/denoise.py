"""Rivals for additive noise, with known noise level."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, cast

import numpy as np

from llars.bench.classical.windows import Array

__all__ = ["bm3d", "bm3d_debiased", "nl_means", "wavelet"]


def bm3d(image: Array, sigma: float) -> Array:
    """BM3D on each band, with the true noise level (Dabov et al. 2007, IEEE TIP 16(8))."""
    return _bm3d(image.astype(np.float32).tobytes(), image.shape, sigma).copy()


def bm3d_debiased(image: Array, sigma: float) -> Array:
    """BM3D with correction of the bias of noise that is clipped at zero (Foi 2009, Signal Processing 89(12)).

    A detector records nothing below zero, so noise brightens dark scenes, and averaging leaves them too bright.
    """
    from scipy.stats import norm

    true = np.linspace(-4, 4, 2001)
    # Mean of max(0, N(true, 1)); four standard deviations above zero nothing is clipped.
    recorded = true * norm.cdf(true) + norm.pdf(true)
    denoised = bm3d(image, sigma)
    unbiased = np.interp(denoised / sigma, recorded, true) * sigma
    return np.where(denoised < 4 * sigma, np.maximum(unbiased, 0), denoised).astype(np.float32)


def nl_means(image: Array, sigma: float) -> Array:
    """Non-local means with patches across all bands (Buades et al. 2005, CVPR)."""
    from skimage.restoration import denoise_nl_means

    result = denoise_nl_means(
        image, patch_size=5, patch_distance=7, h=0.8 * sigma, sigma=sigma, fast_mode=True, channel_axis=0
    )
    return np.asarray(result, np.float32)


def wavelet(image: Array, sigma: float) -> Array:
    """Soft thresholding of each band's wavelets, level by level (BayesShrink: Chang et al. 2000, IEEE TIP 9(9))."""
    from skimage import restoration

    denoise = cast("Any", restoration).denoise_wavelet
    return np.asarray(denoise(image, sigma, "db4", method="BayesShrink", channel_axis=0), np.float32)


@lru_cache(maxsize=1)
def _bm3d(image: bytes, shape: tuple[int, ...], sigma: float) -> Array:
    """BM3D, keeping the last result: two rivals start from it, and it takes minutes."""
    from bm3d import bm3d as denoise

    bands = np.frombuffer(image, np.float32).reshape(shape).astype(np.float64)
    return np.stack([np.asarray(denoise(band, sigma), np.float32) for band in bands])
