"""Closeness of an image to its reference.

Images are ``(band, y, x)`` or ``(y, x)``: NumPy arrays (masked ones too), torch tensors or xarray objects. A sample
that is masked, NaN or infinite in either image is left out of both. Sums are computed in float64. Axes of DataArrays
go by name; two DataArrays whose coordinates disagree are refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from llars.errors import BandError, DataError, LlarsError
from llars.metrics.windows import (
    SSIM_WINDOW,
    Array,
    blocks,
    check_positive,
    check_window,
    hypercomplex_quality,
    mean_over_windows,
    pair,
    quotient,
    similarity_terms,
    windowed,
)

__all__ = [
    "check_range",
    "compare",
    "edge_preservation",
    "ergas",
    "mae",
    "psnr",
    "q2n",
    "rmse",
    "sam",
    "scc",
    "ssim",
    "uiqi",
]


def psnr(a: Any, b: Any, data_range: float = 1.0) -> float:
    """Peak signal-to-noise ratio in dB over all samples; infinite for equal images.

    From the mean square error of all bands together, as in torchmetrics and scikit-image. Pansharpening toolboxes
    average the PSNR of the bands, which is never lower, and the higher the more the bands' errors differ.

    Args:
        a: the image.
        b: its reference, same shape.
        data_range: the peak, in the images' units.

    Raises:
        DataError: no sample is valid in both, or shapes or coordinates disagree (every metric raises it).
        ValueRangeError: ``data_range`` is not a positive number.
    """
    check_range(data_range)
    error = rmse(a, b)
    return float("inf") if error == 0 else 20.0 * float(np.log10(data_range / error))


def mae(a: Any, b: Any) -> float:
    """Mean absolute error over all samples, in the images' units; libraries agree."""
    difference = np.subtract(*pair(a, b))
    return float(np.nanmean(np.abs(difference)))


def rmse(a: Any, b: Any) -> float:
    """Root mean square error over all samples, in the images' units.

    Of all bands together, as in sewar; the mean of the bands' errors, which some papers give, is never larger.
    """
    difference = np.subtract(*pair(a, b))
    return float(np.sqrt(np.nanmean(difference**2)))


def ssim(a: Any, b: Any, data_range: float = 1.0) -> float:
    """Structural similarity, mean over bands and over the windows without an invalid sample.

    Gaussian window of 11 pixels with sigma 1.5, K1 = 0.01, K2 = 0.03, as in the code of the authors (Wang et al. 2004,
    IEEE TIP 13(4)). pytorch-msssim gives the same, and so does scikit-image with ``gaussian_weights=True,
    use_sample_covariance=False``; its default is a flat window of 7 pixels and sample covariances. torchmetrics (1.9)
    differs in the fourth digit.

    Raises ``DataError`` where no 11 x 11 window is valid.
    """
    check_range(data_range)

    def similarity(x: Array, y: Array) -> Array:
        luminance, structure = similarity_terms(x, y, data_range)
        return luminance * structure

    return mean_over_windows(*pair(a, b), SSIM_WINDOW, similarity)


def uiqi(a: Any, b: Any, window: int = 8) -> float:
    """Universal image quality index, mean over bands and over the valid windows (Wang & Bovik 2002, IEEE SPL 9(3)).

    Flat windows that slide by a pixel, as in the authors' own code. torchmetrics weights windows of 11 pixels by a
    Gaussian, which is another index; sewar (to 0.4.10) confuses means with sums, so its values are far too high.

    Raises:
        DataError: no ``window`` x ``window`` pixels are valid.
        ValueRangeError: ``window`` is not a whole number of at least 1.
    """
    check_window(window)
    box = np.full(window, 1.0 / window)

    def quality(x: Array, y: Array) -> Array:
        # Centring the values changes the variances only in their rounding error.
        cx, cy = float(np.nanmean(x)), float(np.nanmean(y))
        x0, y0 = x - cx, y - cy
        mx0, my0 = windowed(x0, box), windowed(y0, box)
        spread = windowed(x0 * x0 + y0 * y0, box) - mx0**2 - my0**2
        common = windowed(x0 * y0, box) - mx0 * my0
        mx, my = mx0 + cx, my0 + cy
        return quotient(2 * common, spread, x0, y0) * quotient(2 * mx * my, mx**2 + my**2, x, y)

    return mean_over_windows(*pair(a, b), window, quality)


def scc(a: Any, b: Any) -> float:
    """Spatial correlation coefficient: correlation of the Laplacians, mean over bands (Zhou et al. 1998, IJRS 19(4)).

    One correlation over the whole image, as published; torchmetrics and sewar, which agree with each other, average
    the correlations of windows of 8 pixels.

    Raises:
        DataError: no band has detail in both images.
    """
    scores = []
    for x, y in zip(*pair(a, b), strict=True):
        if min(x.shape) < 3:
            break
        p, q = (9 * (image[1:-1, 1:-1] - windowed(image, np.full(3, 1 / 3))) for image in (x, y))
        valid = np.isfinite(p) & np.isfinite(q)
        if valid.any():
            p, q = p[valid] - p[valid].mean(), q[valid] - q[valid].mean()
            # Below this, the "detail" of a flat or linear band is rounding error.
            if p.std() > 1e-12 * np.nanmax(np.abs(x)) and q.std() > 1e-12 * np.nanmax(np.abs(y)):
                scores.append(float(p @ q) / float(np.sqrt((p @ p) * (q @ q))))
    if not scores:
        raise DataError(
            "no band has spatial detail in both images; the spatial correlation needs detail and 3 x 3 pixels"
        )
    return float(np.mean(scores))


def edge_preservation(a: Any, b: Any) -> float:
    """Edge preservation index: the share of the differences between neighbours that a filter kept; 1 is best.

    ``sum |gradient of a| / sum |gradient of b|`` over the differences down and across that are valid in both, mean over
    bands. Below 1 edges are blurred, above 1 noise remains or edges are exaggerated. A ratio, as in papers on
    despeckling, not the correlation of high-passed images of the same name (see ``scc``). No library has either.

    Raises:
        DataError: no band of the reference has two neighbours that differ.
    """
    scores = []
    for x, y in zip(*pair(a, b), strict=True):
        variation, variation_of_truth = (
            sum(float(np.nansum(np.abs(np.diff(i, axis=axis)))) for axis in (0, 1)) for i in (x, y)
        )
        if variation_of_truth > 0:
            scores.append(variation / variation_of_truth)
    if not scores:
        raise DataError("the reference is flat; edge preservation needs two neighbours that differ")
    return float(np.mean(scores))


def sam(a: Any, b: Any) -> float:
    """Spectral angle in degrees, mean over the pixels whose spectra are valid and not zero (Kruse et al. 1993, RSE 44).

    torchmetrics and sewar give the same mean in radians; toolboxes that compute one angle between the vectors of all
    samples differ.

    Raises:
        BandError: fewer than two bands.
        DataError: there is no such pixel.
    """
    x, y = pair(a, b)
    if len(x) < 2:
        raise BandError("1 band; the spectral angle needs at least two")
    nx, ny = np.linalg.norm(x, axis=0), np.linalg.norm(y, axis=0)
    keep = (nx > 0) & (ny > 0)  # False where NaN
    if not keep.any():
        raise DataError(
            "no pixel has a spectrum in both images; the spectral angle needs one that is valid and not zero"
        )
    x, y = x[:, keep] / nx[keep], y[:, keep] / ny[keep]
    # Kahan's form: exact for equal spectra, where the arc cosine loses half its digits.
    angle = 2 * np.arctan2(np.linalg.norm(x - y, axis=0), np.linalg.norm(x + y, axis=0))
    return float(np.degrees(angle).mean())


def ergas(a: Any, b: Any, ratio: float = 1.0) -> float:
    """Relative dimensionless global error, ``100 / ratio * sqrt(mean((RMSE_k / mean_k)^2))`` (Wald 2000).

    Wald's factor is 100 h / l, the size of the fine pixel over that of the coarse one. For torchmetrics (1.9) and
    pansharpening toolboxes the "ratio" is l / h, as here; sewar multiplies by its ``r``, which therefore is h / l.

    Args:
        a: the image.
        b: its reference, whose band means are divided by.
        ratio: how many times finer the image is than its source (4 for a typical PAN); 1 if both have one grid.

    Raises:
        DataError: a band of the reference has mean zero.
        ValueRangeError: ``ratio`` is not a positive number.
    """
    check_positive("ratio", ratio, "4 for a PAN four times finer")
    x, y = pair(a, b)
    full = np.isfinite(x).any(axis=(1, 2))
    means = np.nanmean(y[full], axis=(1, 2))
    if np.any(means == 0):
        raise DataError("a band of the reference has mean zero; ERGAS divides by band means, leave that band out")
    errors = np.nanmean((x[full] - y[full]) ** 2, axis=(1, 2))
    return float(100.0 / ratio * np.sqrt(np.mean(errors / means**2)))


def q2n(a: Any, b: Any, window: int = 32) -> float:
    """Hypercomplex quality index Q2n: Q4 for up to four bands, Q8 for up to eight, and so on; 1 is perfect.

    A pixel is one hypercomplex number (bands padded with zeros to a power of two); the index multiplies correlation,
    contrast and brightness, here over blocks of ``window`` pixels of which at least half are valid.
    Alparone et al. 2004, IEEE GRSL 1(4); Garzelli & Nencini 2009, IEEE GRSL 6(4).

    As published. Pansharpening toolboxes first scale every band of a block by the mean and standard deviation of the
    reference, so that all bands have equal weight and their units do not matter: that is another index.

    Raises:
        DataError: no block is valid. Blocks shrink to the image where it is smaller.
        ValueRangeError: ``window`` is not a whole number of at least 1.
    """
    check_window(window)
    x, y = pair(a, b)
    scores = []
    for rows in blocks(x.shape[1], window):
        for columns in blocks(x.shape[2], window):
            p, q = (image[:, rows, columns].reshape(len(image), -1) for image in (x, y))
            valid = np.isfinite(p).all(axis=0)
            if valid.sum() >= max(2, valid.size / 2):
                scores.append(hypercomplex_quality(p[:, valid], q[:, valid]))
    if not scores:
        raise DataError(f"no block of {window} x {window} pixels is at least half valid in both images")
    return float(np.mean(scores))


def compare(a: Any, b: Any, data_range: float = 1.0) -> dict[str, float]:
    """Every metric with a reference that applies to this pair: SAM and Q2n need two bands, SSIM an 11 x 11 window.

    Arguments and errors are those of ``psnr``.
    """
    x, y = pair(a, b)
    result = {"psnr": psnr(x, y, data_range), "mae": mae(x, y), "rmse": rmse(x, y)}
    rest: dict[str, Callable[[], float]] = {
        "ssim": lambda: ssim(x, y, data_range),
        "sam": lambda: sam(x, y),
        "ergas": lambda: ergas(x, y),
        "uiqi": lambda: uiqi(x, y),
        "q2n": lambda: q2n(x, y),
        "scc": lambda: scc(x, y),
    }
    for name, metric in rest.items():
        if name == "q2n" and len(x) == 1:
            continue
        try:
            result[name] = metric()
        except LlarsError:
            # The metric is undefined here: one band, a small or flat image.
            continue
    return result


def check_range(data_range: float) -> None:
    """Raise ``ValueRangeError`` unless the peak is a positive number."""
    check_positive("data_range", data_range, "1.0")
