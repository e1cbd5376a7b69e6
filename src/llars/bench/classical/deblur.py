"""Rivals for blur, with a known or an assumed kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np

from llars.bench.classical.windows import Array, Double

__all__ = ["gaussian_kernel", "richardson_lucy", "wiener"]

MARGIN = 32
"""Width of the mirrored margin in pixels."""


def gaussian_kernel(sigma_px: float) -> Double:
    """A Gaussian kernel with this standard deviation in pixels, summing to 1."""
    reach = int(np.ceil(4 * sigma_px))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    kernel = np.exp(-(x**2 + y**2) / (2 * sigma_px**2))
    return np.asarray(kernel / kernel.sum(), np.float64)


def wiener(image: Array, kernel: Double, balance: float = 1e-3) -> Array:
    """Wiener deconvolution; ``balance`` is the weight of smoothness (Hunt 1971).

    The margin is tapered into its own blur (as by MATLAB's edgetaper): otherwise a kernel whose transfer function has
    zeros, such as that of motion, would spread the step between opposite edges far into the image.
    """
    from skimage import restoration

    toolbox = cast("Any", restoration)
    return _padded(image, lambda band: toolbox.wiener(_tapered(band, kernel), kernel, balance, clip=False))


def richardson_lucy(image: Array, kernel: Double, iterations: int = 30) -> Array:
    """Richardson-Lucy deconvolution (Richardson 1972, JOSA 62(1))."""
    from skimage import restoration

    toolbox = cast("Any", restoration)
    return _padded(np.maximum(image, 0), lambda band: toolbox.richardson_lucy(band, kernel, iterations, clip=False))


def _padded(image: Array, restore: Callable[[Double], Double], by: int = MARGIN) -> Array:
    """``restore`` applied to each band with a mirrored margin, which keeps wrap-around out of the result."""
    padded = np.pad(image, ((0, 0), (by, by), (by, by)), "symmetric").astype(np.float64)
    return np.stack([restore(band)[by:-by, by:-by] for band in padded]).astype(np.float32)


def _tapered(band: Double, kernel: Double, times: int = 3) -> Double:
    """``(y, x)`` with its margin blended into the circular blur of the image, so that opposite edges match."""
    down, across = (np.minimum(np.arange(side), np.arange(side)[::-1]) / MARGIN for side in band.shape)
    inside = np.outer(*(np.sin(0.5 * np.pi * ramp.clip(0, 1)) ** 2 for ramp in (down, across)))
    placed = np.zeros_like(band)
    height, width = kernel.shape
    placed[:height, :width] = kernel
    transfer = np.fft.rfft2(np.roll(placed, (-(height // 2), -(width // 2)), (0, 1)))
    result = band
    for _ in range(times):
        blurred = np.fft.irfft2(np.fft.rfft2(result) * transfer, band.shape)
        result = inside * band + (1 - inside) * blurred
    return result
