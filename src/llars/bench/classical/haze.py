"""Rivals for haze."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from llars.bands import Band
from llars.bench.classical.windows import Array, guided_filter

__all__ = ["clahe", "dark_channel"]

LIGHT = 700.0
"""Longest wavelength in nm at which haze is bright enough for the dark channel."""


def dark_channel(image: Array, bands: Sequence[Band], window: int = 15) -> Array:
    """Dark channel prior with a guided filter on the transmission (He et al. 2011, IEEE TPAMI 33(12)).

    The haze is estimated in, and removed from, the bands up to 700 nm (all bands if there are none).
    """
    from scipy.ndimage import minimum_filter

    chosen = [i for i, band in enumerate(bands) if band.wavelength_nm is not None and band.wavelength_nm <= LIGHT]
    light = image[chosen or slice(None)].astype(np.float64)
    darkest = minimum_filter(light.min(axis=0), window)
    brightest = darkest >= np.quantile(darkest, 0.999)
    air = np.maximum(light[:, brightest].mean(axis=1), 1e-3)[:, None, None]
    transmission = 1 - 0.95 * minimum_filter((light / air).min(axis=0), window)
    transmission = np.maximum(guided_filter(light.mean(axis=0), transmission, 4 * window + 1), 0.1)
    result = image.copy()
    result[chosen or slice(None)] = (light - air) / transmission + air
    return result


def clahe(image: Array) -> Array:
    """Contrast-limited adaptive histogram equalisation of each band (Zuiderveld 1994, Graphics Gems IV).

    It restores contrast but not radiometry, and is widely used on hazy pictures.
    """
    from skimage import exposure

    equalise = cast("Any", exposure).equalize_adapthist
    result = np.empty_like(image)
    for band, out in zip(image, result, strict=True):
        low, width = float(band.min()), max(float(np.ptp(band)), 1e-6)
        out[:] = equalise((band - low) / width) * width + low
    return result
