"""Rivals for speckle, with known number of looks L. They work on intensities, in linear power.

Cu = 1 / sqrt(L) is the coefficient of variation of speckle, Ci that of the image in a window.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from llars.bench.classical.windows import Array, Double, local_moments

__all__ = ["bm3d_log", "frost", "gamma_map", "in_power", "kuan", "lee", "refined_lee"]

WINDOW = 7
"""Side of the windows in pixels, as in the paper on the refined Lee filter."""

Filter = Callable[[Array, float], Array]


def in_power(image: Array, method: Filter, looks: float, decibels: tuple[float, float] | None) -> Array:
    """Applies a filter of intensities to an image whose unit values are (dB - low) / (high - low).

    If ``decibels`` (low and high) is None, the values are taken as intensities.
    """
    if decibels is None:
        return method(image, looks)
    low, high = decibels
    power = 10.0 ** ((image.astype(np.float64) * (high - low) + low) / 10.0)
    filtered = np.maximum(method(power.astype(np.float32), looks), 1e-12)
    return ((10.0 * np.log10(filtered) - low) / (high - low)).astype(np.float32)


def lee(image: Array, looks: float) -> Array:
    """Local linear estimate with weight 1 - Cu^2 / Ci^2 (Lee 1980, IEEE TPAMI 2(2))."""
    mean, variation = _variation(image)
    weight = np.maximum(1.0 - 1.0 / (looks * variation), 0.0)
    return (mean + weight * (image - mean)).astype(np.float32)


def kuan(image: Array, looks: float) -> Array:
    """As ``lee`` without linearisation, weight (1 - Cu^2 / Ci^2) / (1 + Cu^2) (Kuan et al. 1985, IEEE TPAMI 7(2))."""
    mean, variation = _variation(image)
    weight = np.maximum(1.0 - 1.0 / (looks * variation), 0.0) / (1.0 + 1.0 / looks)
    return (mean + weight * (image - mean)).astype(np.float32)


def gamma_map(image: Array, looks: float) -> Array:
    """MAP estimate of the intensity for gamma distributed scene and speckle (Lopes et al. 1990, IGARSS).

    The mean in homogeneous windows (Ci < Cu), and the pixel itself at point targets (Ci > sqrt(2) Cu).
    """
    mean, variation = _variation(image)
    speckle = 1.0 / looks
    order = (1.0 + speckle) / np.maximum(variation - speckle, 1e-9)
    lead = order - looks - 1.0
    root = np.sqrt((mean * lead) ** 2 + 4.0 * order * looks * mean * image)
    probable = (lead * mean + root) / (2.0 * order)
    result = np.where(variation <= speckle, mean, np.where(variation >= 2.0 * speckle, image, probable))
    return result.astype(np.float32)


def frost(image: Array, looks: float, damping: float = 2.0) -> Array:
    """Mean weighted by exp(-K Ci^2 / Cu^2 times distance) (Frost et al. 1982, IEEE TPAMI 4(2)).

    ``Ci^2`` is relative to that of speckle, so that the damping K has the same effect for any number of looks. The
    distance is in units of ``WINDOW`` pixels.
    """
    values = image.astype(np.float64)
    _, variation = _variation(image)
    decay = damping * variation * looks / WINDOW
    reach = WINDOW // 2
    padded = np.pad(values, ((0, 0), (reach, reach), (reach, reach)), "symmetric")
    total, weights = np.zeros_like(values), np.zeros_like(values)
    height, width = image.shape[1:]
    for y in range(WINDOW):
        for x in range(WINDOW):
            weight = np.exp(-decay * np.hypot(y - reach, x - reach))
            total += weight * padded[:, y : y + height, x : x + width]
            weights += weight
    return (total / weights).astype(np.float32)


def refined_lee(image: Array, looks: float) -> Array:
    """Local linear estimate over the half of the window on the pixel's own side of an edge (Lee 1981, CGIP 15(4)).

    Nine means over 3 x 3 pixels give the gradients in four directions. The window is halved across the steepest, and
    the half whose outer mean is nearer to the central mean is used.
    """
    from scipy.ndimage import correlate, uniform_filter

    values = image.astype(np.float64)
    result = np.empty_like(image)
    for band, out in zip(values, result, strict=True):
        blocks = uniform_filter(band, 3)
        nine = {(y, x): _shifted(blocks, 2 * y, 2 * x) for y in (-1, 0, 1) for x in (-1, 0, 1)}
        sides = [(0, 1), (1, 0), (1, 1), (1, -1)]
        steps = np.stack([_gradient(nine, side) for side in sides])
        steepest = np.abs(steps).argmax(axis=0)
        for index, (y, x) in enumerate(sides):
            nearer = np.abs(nine[y, x] - nine[0, 0]) <= np.abs(nine[-y, -x] - nine[0, 0])
            for sign, chosen in ((1, nearer), (-1, ~nearer)):
                half = _half_window(sign * y, sign * x)
                mean = correlate(band, half)
                variance = np.maximum(correlate(band * band, half) - mean * mean, 1e-30)
                true = np.maximum((variance - mean * mean / looks) / (1.0 + 1.0 / looks), 0.0)
                here = chosen & (steepest == index)
                out[here] = (mean + true / variance * (band - mean))[here]
    return result


def bm3d_log(image: Array, looks: float) -> Array:
    """BM3D on the logarithm, where speckle is additive with known mean and variance; its bias is corrected.

    The non-local rival: grouping and shrinkage as in SAR-BM3D (Parrilli et al. 2012, IEEE TGRS 50(2)), whose code is
    not free, with the homomorphic approach of the same authors' comparisons. The logarithm of L-look speckle has mean
    psi(L) - ln L and variance psi'(L).
    """
    from bm3d import bm3d as denoise
    from scipy.special import digamma, polygamma

    sigma, bias = float(np.sqrt(polygamma(1, looks))), float(digamma(looks) - np.log(looks))
    result = np.empty_like(image)
    for band, out in zip(image, result, strict=True):
        logarithm = np.log(np.maximum(band.astype(np.float64), 1e-12))
        # The library's thresholds are made for images from 0 to 1.
        low, width = logarithm.min(), max(float(np.ptp(logarithm)), 1e-6)
        out[:] = np.exp(denoise((logarithm - low) / width, sigma / width) * width + low - bias)
    return result


def _variation(image: Array) -> tuple[Double, Double]:
    """Local means and squared coefficients of variation (Ci^2)."""
    mean, variance = local_moments(image.astype(np.float64), WINDOW)
    return mean, np.maximum(variance / np.maximum(mean * mean, 1e-30), 1e-9)


def _shifted(image: Double, y: int, x: int) -> Double:
    """The pixel ``y`` rows below and ``x`` columns to the right; mirrored at the edge."""
    margin = max(abs(y), abs(x))
    padded = np.pad(image, margin, "symmetric")
    height, width = image.shape
    return padded[margin + y : margin + y + height, margin + x : margin + x + width]


def _gradient(nine: dict[tuple[int, int], Double], side: tuple[int, int]) -> Double:
    """Sum of the means towards ``side`` minus the sum of those on the opposite side."""
    (y, x), total = side, np.zeros_like(nine[0, 0])
    for (row, column), mean in nine.items():
        total += np.sign(row * y + column * x) * mean
    return total


def _half_window(y: int, x: int) -> Double:
    """Weights of the half of the window towards ``(y, x)``, including the line through its centre."""
    reach = WINDOW // 2
    row, column = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    half = (row * y + column * x >= 0).astype(np.float64)
    return np.asarray(half / half.sum())
