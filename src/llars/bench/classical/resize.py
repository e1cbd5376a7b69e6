"""Enlargement by interpolation: rivals for a finer grid."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from llars.bench.classical.windows import Array, Double

__all__ = ["bicubic", "lanczos"]


def bicubic(image: Array, factor: int) -> Array:
    """Bicubic enlargement (Keys 1981, a = -1/2)."""

    def keys(t: Double) -> Double:
        near, far = 1.5 * t**3 - 2.5 * t**2 + 1, -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2
        return np.where(t <= 1, near, np.where(t < 2, far, 0.0))

    return _enlarge(image, factor, keys, 2)


def lanczos(image: Array, factor: int) -> Array:
    """Lanczos enlargement with three lobes (Duchon 1979)."""
    return _enlarge(image, factor, lambda t: np.where(t < 3, np.sinc(t) * np.sinc(t / 3), 0.0), 3)


def _enlarge(image: Array, factor: int, kernel: Callable[[Double], Double], reach: int) -> Array:
    """Separable interpolation with pixels as areas: the corners of image and result coincide."""

    def weights(length: int) -> Double:
        at = (np.arange(length * factor) + 0.5) / factor - 0.5
        taps = np.floor(at)[:, None].astype(int) + np.arange(1 - reach, 1 + reach)
        values = kernel(np.abs(at[:, None] - taps))
        matrix = np.zeros((length * factor, length))
        rows = np.broadcast_to(np.arange(length * factor)[:, None], taps.shape)
        np.add.at(matrix, (rows, taps.clip(0, length - 1)), values / values.sum(axis=1, keepdims=True))
        return matrix

    return np.asarray(weights(image.shape[1]) @ image @ weights(image.shape[2]).T, np.float32)
