"""The best that is known without learning: rivals that are told the true noise level or kernel.

Every function takes and gives unit values ``(band, y, x)`` without gaps. The libraries belong to the extra ``bench``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from llars.bands import Band

__all__ = [
    "RIVALS",
    "Rival",
    "along_stripes",
    "bicubic",
    "bm3d",
    "bm3d_debiased",
    "dark_channel",
    "lanczos",
    "moment_matching",
    "nl_means",
    "richardson_lucy",
    "wavelet_fft",
    "wiener",
]

Array = npt.NDArray[np.float32]

LIGHT = 700.0
"""Longest wavelength in nm at which haze is bright enough for the dark channel."""


@dataclass(frozen=True)
class Rival:
    """A classical method with everything it may know about the fault."""

    name: str
    """As the tables call it."""

    run: Callable[[Array, float, Sequence[Band]], Array]
    """From degraded image, severity of the fault and bands to restored image."""

    known: str = ""
    """What it is told that llars is not."""


def bm3d(image: Array, sigma: float) -> Array:
    """BM3D on each band, with the true noise level (Dabov et al. 2007, IEEE TIP 16(8))."""
    return _bm3d(image.astype(np.float32).tobytes(), image.shape, sigma).copy()


def bm3d_debiased(image: Array, sigma: float) -> Array:
    """BM3D, and the bias of noise that was cut off at dark taken out again (Foi 2009, Signal Processing 89(12)).

    A detector records nothing below dark, so noise brightens a dark scene, and a mean of it stays too bright.
    """
    from scipy.stats import norm

    true = np.linspace(-4, 4, 2001)
    # Mean of max(0, N(true, 1)); four deviations from dark nothing is cut off.
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


def along_stripes(method: Callable[[Array], Array], image: Array) -> Array:
    """A method for stripes along y, applied along the stripes that are there: down the columns or along the rows."""
    down, across = (np.abs(np.diff(image.mean(axis=axis), 2)).mean() for axis in (1, 2))
    return method(image) if down >= across else method(image.swapaxes(1, 2)).swapaxes(1, 2)


def moment_matching(image: Array, reach: float = 15.0) -> Array:
    """Mean and deviation of each column matched to those of its neighbourhood (Gadallah et al. 2000, IJRS 21(12)).

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


def wiener(image: Array, sigma_px: float, balance: float = 1e-3) -> Array:
    """Wiener deconvolution of a Gaussian blur with the true kernel; ``balance`` weighs smoothness (Hunt 1971)."""
    from skimage import restoration

    kernel, toolbox = _gaussian_kernel(sigma_px), cast("Any", restoration)
    return _padded(image, lambda band: toolbox.wiener(band, kernel, balance, clip=False))


def richardson_lucy(image: Array, sigma_px: float, iterations: int = 30) -> Array:
    """Richardson-Lucy deconvolution of a Gaussian blur with the true kernel (Richardson 1972, JOSA 62(1))."""
    from skimage import restoration

    kernel, toolbox = _gaussian_kernel(sigma_px), cast("Any", restoration)
    return _padded(np.maximum(image, 0), lambda band: toolbox.richardson_lucy(band, kernel, iterations, clip=False))


def dark_channel(image: Array, bands: Sequence[Band], window: int = 15) -> Array:
    """Dark channel prior with a guided filter on the transmission (He et al. 2011, IEEE TPAMI 33(12)).

    The haze is estimated in the bands up to 700 nm (all, where there are none) and taken out of these.
    """
    from scipy.ndimage import minimum_filter

    chosen = [i for i, band in enumerate(bands) if band.wavelength_nm is not None and band.wavelength_nm <= LIGHT]
    light = image[chosen or slice(None)].astype(np.float64)
    darkest = minimum_filter(light.min(axis=0), window)
    brightest = darkest >= np.quantile(darkest, 0.999)
    air = np.maximum(light[:, brightest].mean(axis=1), 1e-3)[:, None, None]
    transmission = 1 - 0.95 * minimum_filter((light / air).min(axis=0), window)
    transmission = np.maximum(_guided_filter(light.mean(axis=0), transmission, 4 * window + 1), 0.1)
    result = image.copy()
    result[chosen or slice(None)] = (light - air) / transmission + air
    return result


def bicubic(image: Array, factor: int) -> Array:
    """Bicubic enlargement (Keys 1981, a = -1/2)."""

    def keys(t: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        near, far = 1.5 * t**3 - 2.5 * t**2 + 1, -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2
        return np.where(t <= 1, near, np.where(t < 2, far, 0.0))

    return _enlarge(image, factor, keys, 2)


def lanczos(image: Array, factor: int) -> Array:
    """Lanczos enlargement with three lobes (Duchon 1979)."""
    return _enlarge(image, factor, lambda t: np.where(t < 3, np.sinc(t) * np.sinc(t / 3), 0.0), 3)


RIVALS: Mapping[str, tuple[Rival, ...]] = {
    "denoise": (
        Rival("BM3D", lambda image, severity, _: bm3d(image, 0.1 * severity), "noise level"),
        Rival("BM3D, debiased", lambda image, severity, _: bm3d_debiased(image, 0.1 * severity), "noise level"),
        Rival("non-local means", lambda image, severity, _: nl_means(image, 0.1 * severity), "noise level"),
    ),
    "deblur": (
        Rival("Wiener", lambda image, severity, _: wiener(image, 2 * severity), "kernel"),
        Rival("Richardson-Lucy", lambda image, severity, _: richardson_lucy(image, 2 * severity), "kernel"),
    ),
    "destripe": (
        Rival("moment matching", lambda image, *_: along_stripes(moment_matching, image)),
        Rival("wavelet-FFT", lambda image, *_: along_stripes(wavelet_fft, image)),
    ),
    "haze": (Rival("dark channel", lambda image, _, bands: dark_channel(image, bands)),),
    "sr": (Rival("Lanczos", lambda image, severity, _: lanczos(image, round(1 + 3 * severity))),),
    "brightness": (),
}
"""The classical rivals of each task, for the degradations and severity scales of ``llars.degrade``.

That of ``sr`` is measured against bicubic enlargement, which is what doing nothing gives.
"""


@lru_cache(maxsize=1)
def _bm3d(image: bytes, shape: tuple[int, ...], sigma: float) -> Array:
    """Two rivals start from it, and it takes minutes: keep the last result."""
    from bm3d import bm3d as denoise

    bands = np.frombuffer(image, np.float32).reshape(shape).astype(np.float64)
    return np.stack([np.asarray(denoise(band, sigma), np.float32) for band in bands])


def _gaussian_kernel(sigma_px: float) -> npt.NDArray[np.float64]:
    reach = int(np.ceil(4 * sigma_px))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    kernel = np.exp(-(x**2 + y**2) / (2 * sigma_px**2))
    return np.asarray(kernel / kernel.sum(), np.float64)


def _padded(image: Array, restore: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]], by: int = 16) -> Array:
    """``restore`` each band behind a mirrored margin that keeps the wrap-around out."""
    padded = np.pad(image, ((0, 0), (by, by), (by, by)), "symmetric").astype(np.float64)
    return np.stack([restore(band)[by:-by, by:-by] for band in padded]).astype(np.float32)


def _guided_filter(
    guide: npt.NDArray[np.float64], image: npt.NDArray[np.float64], window: int
) -> npt.NDArray[np.float64]:
    """Edge-preserving smoothing of ``image`` along ``guide`` (He et al. 2013, IEEE TPAMI 35(6))."""
    from scipy.ndimage import uniform_filter

    mean_guide, mean_image = uniform_filter(guide, window), uniform_filter(image, window)
    slope = (uniform_filter(guide * image, window) - mean_guide * mean_image) / (
        uniform_filter(guide**2, window) - mean_guide**2 + 1e-3
    )
    offset = mean_image - slope * mean_guide
    return np.asarray(uniform_filter(slope, window) * guide + uniform_filter(offset, window))


def _enlarge(
    image: Array, factor: int, kernel: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]], reach: int
) -> Array:
    """Separable interpolation of pixel areas: the corners of image and result coincide."""

    def weights(length: int) -> npt.NDArray[np.float64]:
        at = (np.arange(length * factor) + 0.5) / factor - 0.5
        taps = np.floor(at)[:, None].astype(int) + np.arange(1 - reach, 1 + reach)
        values = kernel(np.abs(at[:, None] - taps))
        matrix = np.zeros((length * factor, length))
        rows = np.broadcast_to(np.arange(length * factor)[:, None], taps.shape)
        np.add.at(matrix, (rows, taps.clip(0, length - 1)), values / values.sum(axis=1, keepdims=True))
        return matrix

    return np.asarray(weights(image.shape[1]) @ image @ weights(image.shape[2]).T, np.float32)
