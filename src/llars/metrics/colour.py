"""Perceived colour difference of two pictures."""

from __future__ import annotations

from typing import Any

import numpy as np

from llars.errors import BandError
from llars.metrics.windows import Array, pair

__all__ = ["ciede2000", "colour_error"]

TO_XYZ = np.array(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]],
)
"""Linear sRGB to CIE XYZ, illuminant D65 (ITU-R BT.709 primaries)."""

WHITE = np.array([0.95047, 1.0, 1.08883])
"""XYZ of D65 for the 2 degree observer."""


def colour_error(a: Any, b: Any) -> float:
    """Mean CIEDE2000 difference of two pictures; a trained eye just notices a difference of 1.

    Sharma, Wu & Dalal 2005, Color Research & Application 30(1), with all weights 1. scikit-image gives the same;
    tables that say "delta E" without a year often mean the Euclidean distance in Lab of 1976, which is larger.

    Args:
        a: ``(3, y, x)``, sRGB display values 0 to 1: red, green, blue. Values outside are clipped.
        b: its reference.

    Raises:
        BandError: other than three bands.
        DataError: no pixel is valid in both.
    """
    x, y = pair(a, b)
    if len(x) != 3:
        raise BandError(f"{len(x)} bands; the colour error needs red, green and blue: choose three")
    valid = np.isfinite(x).all(axis=0)
    return float(ciede2000(_lab(x[:, valid]), _lab(y[:, valid])).mean())


def ciede2000(first: Array, second: Array) -> Array:
    """CIEDE2000 differences of colours ``(3, n)``: L, a, b; formulas numbered as by Sharma et al. 2005."""
    chroma = (np.hypot(first[1], first[2]) + np.hypot(second[1], second[2])) / 2
    stretch = 1.5 - 0.5 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7))  # (4), (5)
    (l1, c1, h1), (l2, c2, h2) = (_polar(colour, stretch) for colour in (first, second))
    grey = c1 * c2 == 0
    turn = np.where(grey, 0.0, (h2 - h1 + 180.0) % 360.0 - 180.0)  # (10)
    # Opposite hues: for a difference of exactly 180 degrees, the formula keeps the plus sign.
    turn = np.where(~grey & (h2 - h1 == 180.0), 180.0, turn)
    hue = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2))  # (11)
    lightness, colour = (l1 + l2) / 2, (c1 + c2) / 2
    total = h1 + h2
    far = np.abs(h1 - h2) > 180.0
    middle = np.where(far, np.where(total < 360.0, total + 360.0, total - 360.0), total) / 2  # (14)
    middle = np.where(grey, total, middle)
    cosines = {1: -30.0, 2: 0.0, 3: 6.0, 4: -63.0}
    weights = {1: -0.17, 2: 0.24, 3: 0.32, 4: -0.20}
    t = 1 + sum(weights[n] * np.cos(np.radians(n * middle + cosines[n])) for n in weights)  # (15)
    rotation = 30.0 * np.exp(-(((middle - 275.0) / 25.0) ** 2))  # (16)
    blue = 2 * np.sqrt(colour**7 / (colour**7 + 25.0**7))  # (17)
    away = (lightness - 50.0) ** 2
    scaled_l = (l2 - l1) / (1 + 0.015 * away / np.sqrt(20.0 + away))  # (18)
    scaled_c = (c2 - c1) / (1 + 0.045 * colour)  # (19)
    scaled_h = hue / (1 + 0.015 * colour * t)  # (20)
    crossed = -np.sin(np.radians(2 * rotation)) * blue * scaled_c * scaled_h  # (21)
    return np.asarray(np.sqrt(np.maximum(scaled_l**2 + scaled_c**2 + scaled_h**2 + crossed, 0.0)))


def _polar(lab: Array, stretch: Array) -> tuple[Array, Array, Array]:
    """Lightness, chroma and hue (degrees, 0 to 360) with the first colour axis stretched."""
    lightness, a, b = lab[0], lab[1] * stretch, lab[2]
    return lightness, np.hypot(a, b), np.degrees(np.arctan2(b, a)) % 360.0


def _lab(rgb: Array) -> Array:
    """CIE Lab ``(3, n)`` of sRGB display values ``(3, n)``."""
    cut = rgb.clip(0.0, 1.0)
    linear = np.where(cut > 0.04045, ((cut + 0.055) / 1.055) ** 2.4, cut / 12.92)
    xyz = TO_XYZ @ linear / WHITE[:, None]
    root = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16.0 / 116.0)
    return np.stack([116.0 * root[1] - 16.0, 500.0 * (root[0] - root[1]), 200.0 * (root[1] - root[2])])
