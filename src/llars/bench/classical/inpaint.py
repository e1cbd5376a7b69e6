"""Rivals for clouds, with known cloud masks: gaps are filled from their surroundings or from other dates."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from llars.bench.classical.windows import Array

__all__ = ["median_composite", "navier_stokes", "telea"]

Mask = npt.NDArray[np.bool_]

RADIUS = 5.0
"""Radius in pixels of the neighbourhood from which a pixel is filled."""

FULL = 60000.0
"""16-bit level of the brightest pixel, which leaves room to overshoot."""


def telea(image: Array, mask: Mask) -> Array:
    """Fast marching from the rim of the gaps ``(y, x)`` (Telea 2004, Journal of Graphics Tools 9(1))."""
    return _inpainted(image, mask, "INPAINT_TELEA")


def navier_stokes(image: Array, mask: Mask) -> Array:
    """Lines of equal brightness propagated into the gaps ``(y, x)`` as in a fluid (Bertalmio et al. 2001, CVPR)."""
    return _inpainted(image, mask, "INPAINT_NS")


def median_composite(image: Array, mask: Mask, others: Array) -> Array:
    """Fills the gaps ``(y, x)`` with the median of other dates ``(date, band, y, x)``; NaN in a date is nodata.

    Where no other date has data the image stays as it is.
    """
    there = np.isfinite(others)
    # The middle of the sorted values, as NaN sorts to the end.
    counts = there.sum(axis=0)
    ordered = np.sort(others, axis=0)
    low, high = ((counts - 1).clip(min=0) // 2)[None], (counts // 2).clip(max=len(others) - 1)[None]
    median = (np.take_along_axis(ordered, low, 0)[0] + np.take_along_axis(ordered, high, 0)[0]) / 2
    return np.where(mask & (counts > 0), median, image).astype(np.float32)


def _inpainted(image: Array, mask: Mask, method: str) -> Array:
    import cv2

    flag = int(getattr(cv2, method))
    result = image.astype(np.float32)
    if not mask.any() or mask.all():
        return result
    for band, out in zip(image, result, strict=True):
        low, width = float(band[~mask].min()), max(float(np.ptp(band[~mask])), 1e-6)
        # In 16 bits, as the library rounds floating-point values to whole numbers.
        levels = ((band - low) / width).clip(0, 1) * FULL
        filled = cv2.inpaint(levels.round().astype(np.uint16), mask.astype(np.uint8), RADIUS, flag)
        out[mask] = filled[mask] / FULL * width + low
    return result
