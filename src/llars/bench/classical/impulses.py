"""Rivals for impulse noise."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from llars.bench.classical.windows import Array

__all__ = ["adaptive_median", "median"]

SIDES = (3, 5, 7)
"""Sides of the windows of the adaptive median filter, in pixels."""


def median(image: Array) -> Array:
    """Median of 3 x 3 pixels of each band (Tukey 1977, "Exploratory Data Analysis")."""
    return np.asarray(ndimage.median_filter(image, (1, 3, 3), mode="mirror"), np.float32)


def adaptive_median(image: Array) -> Array:
    """Adaptive median filter of each band (Hwang and Haddad 1995, IEEE TIP 4(4)).

    A pixel that is an extreme of its window becomes the median of the smallest window whose median is not an extreme.
    """
    result, decided = image.copy(), np.zeros(image.shape, dtype=bool)
    for side in SIDES:
        window = (1, side, side)
        middle = ndimage.median_filter(image, window, mode="mirror")
        least, most = (one(image, window, mode="mirror") for one in (ndimage.minimum_filter, ndimage.maximum_filter))
        usable = (least < middle) & (middle < most)
        kept = (least < image) & (image < most)
        result = np.where(decided | (usable & kept), result, middle)
        decided |= usable
    return np.asarray(result, np.float32)
