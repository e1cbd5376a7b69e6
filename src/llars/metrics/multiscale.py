"""Structural similarity at several scales."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from llars.errors import DataError
from llars.metrics.reference import check_range
from llars.metrics.windows import SSIM_WINDOW, Array, pair, similarity_terms

__all__ = ["ms_ssim"]

EXPONENTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Weight of each scale, the finest first (Wang et al. 2003, from an experiment with viewers)."""


def ms_ssim(a: Any, b: Any, data_range: float = 1.0) -> float:
    """Multi-scale structural similarity, mean over bands (Wang, Simoncelli & Bovik 2003, Asilomar).

    Contrast and structure at five scales, luminance at the coarsest. Scales are halved by means of 2 x 2 pixels, as in
    pytorch-msssim, which gives the same values, and in torchmetrics, whose SSIM differs in the fourth digit. The
    authors' own code and sewar sample a filtered image at every second pixel instead, which
    differs in the third. A negative mean of contrast and structure counts as 0.

    Args:
        a: the image.
        b: its reference, same shape; a sample that is invalid in either is left out of both.
        data_range: the peak, in the images' units.

    Raises:
        DataError: a side is below 176 pixels, or no window is valid at some scale.
        ValueRangeError: ``data_range`` is not a positive number.
    """
    check_range(data_range)
    x, y = pair(a, b)
    smallest = SSIM_WINDOW * 2 ** (len(EXPONENTS) - 1)
    if min(x.shape[1:]) < smallest:
        raise DataError(
            f"an image of {x.shape[1]} x {x.shape[2]} pixels; MS-SSIM needs {smallest} a side, "
            "take ssim for smaller ones"
        )
    scores = np.ones(len(x))
    for scale, exponent in enumerate(EXPONENTS):
        last = scale == len(EXPONENTS) - 1
        means = np.array([_mean_similarity(p, q, data_range, last) for p, q in zip(x, y, strict=True)])
        scores *= np.maximum(means, 0.0) ** exponent
        x, y = _halved(x), _halved(y)
    if not np.isfinite(scores).any():
        raise DataError(f"no valid window of {SSIM_WINDOW} x {SSIM_WINDOW} pixels at each of {len(EXPONENTS)} scales")
    return float(np.nanmean(scores))


def _mean_similarity(x: Array, y: Array, data_range: float, with_luminance: bool) -> float:
    luminance, structure = similarity_terms(x, y, data_range)
    values = luminance * structure if with_luminance else structure
    return float(np.nanmean(values)) if np.isfinite(values).any() else np.nan


def _halved(image: Array) -> Array:
    """Means of the valid samples of 2 x 2 pixels; an odd last row or column is left out."""
    height, width = (side // 2 for side in image.shape[1:])
    blocks = image[:, : 2 * height, : 2 * width].reshape(-1, height, 2, width, 2)
    with warnings.catch_warnings(category=RuntimeWarning, action="ignore"):  # blocks without any valid sample
        return np.asarray(np.nanmean(blocks, axis=(2, 4)))
