"""Clouds that the estimator takes for ground: pixels that are bright and white, and not snow, rock or vegetation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from llars.infer.tiles import TileGrid
from llars.model.opacity import CELL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from llars.bands import Band
    from llars.infer.reading.layers import Layers

__all__ = ["OPAQUE_REFLECTANCE", "bright_clouds"]

TILE = 1024
"""Side in pixels of the pieces that are read at once."""

WAVELENGTHS = {
    "blue": (485.0, 45.0),
    "green": (560.0, 40.0),
    "red": (660.0, 50.0),
    "edge": (705.0, 15.0),
    "nir": (850.0, 60.0),
    "swir": (1610.0, 60.0),
}
"""Wavelengths in nm, and how far from each a band may lie."""

VISIBLE, INFRARED = ("blue", "green", "red"), ("red", "nir", "swir")
"""Bands of the two tests. Each test needs all of its own; in the second, the red edge stands in for red."""

MIN_HOT = 0.12
"""Least blue minus half of red. Fmask has 0.08, and tests that follow it; towns and salt lakes still reach 0.1."""

MAX_WHITENESS, MAX_NDSI, MAX_NDVI, MIN_NIR_TO_SWIR = 0.7, 0.7, 0.7, 0.75

MIN_RED, RED_TEST_MAX_NDVI, RED_TEST_MIN_NIR_TO_SWIR = 0.28, 0.25, 1.0
"""Without blue or green: least red, greatest NDVI, least ratio of near to short-wave infrared.

The ratio is ACCA's (Irish 2000, "Landsat 7 automatic cloud cover assessment"), against rocks and deserts. The others
lie beyond what clear dates and scenes of the training and validation splits reach: bare ground reaches 0.22 in red.
"""

MAX_BLUE_TO_RED, MIN_WHITE_SHARE = 1.15, 1 / 3
"""Ratio of blue to red above which a cell is not white, and least share of the bright cells of clouds that are white.

Clouds scatter all colours nearly alike, haze does not: of the bright cells of cloudy scenes of the training split 42 to
100 % are white, of those of hazy ones about a tenth.
"""

OPAQUE_REFLECTANCE = 0.36
"""Reflectance above which a cloud is opaque: 0.4 of a white of 0.8, as in training, plus 0.6 of dark ground."""

MIN_DIVISOR = 1e-3
"""Smallest divisor, in reflectance."""

SIDE = 3
"""Side in cells of the smallest square that counts: anything narrower may be a roof, or surf."""


def bright_clouds(layers: Layers, ranges: Sequence[tuple[float, float]]) -> NDArray[np.float64] | None:
    """Brightness of clouds, 0 where there is none; None without the bands that the tests need.

    The spectral tests for potential clouds of Fmask (Zhu and Woodcock 2012, "Object-based cloud and cloud shadow
    detection in Landsat imagery") as far as there are bands for them, on the means of cells. Only squares
    of ``SIDE`` cells count, as a bright roof is smaller, and none do where too few are white, as in haze. Without
    short-wave infrared, snow is taken for clouds. Without blue or green, clouds are cells that are bright in the red
    (or the red edge), about as bright in the near infrared, and darker in the short-wave infrared.

    Args:
        layers: unit values of reflectance.
        ranges: of each band, the reflectances that the unit values 0 and 1 stand for.

    Returns:
        Reflectance in the blue, or else the red, of ``(y, x)`` cells of ``CELL`` x ``CELL`` pixels.
    """
    channels = _channels(layers.bands)
    if not channels:
        return None
    height, width = layers.size
    cloud_brightness = np.zeros((-(-height // CELL), -(-width // CELL)))
    bright, white = (np.zeros(cloud_brightness.shape, dtype=np.bool_) for _ in range(2))
    for tile in TileGrid(height, width, TILE, 0, CELL):
        values = layers.read(tile.core)[0]
        reflectance = {}
        for name, index in channels.items():
            low, high = ranges[index]
            reflectance[name] = _cells(values[index]) * (high - low) + low
        part = tile.core.coarser(CELL).slices
        if "blue" in reflectance:
            cloud_brightness[part], bright[part] = reflectance["blue"], _potential(reflectance)
            white[part] = reflectance["blue"] < MAX_BLUE_TO_RED * reflectance["red"]
        else:
            cloud_brightness[part], bright[part], white[part] = reflectance["red"], _red_test(reflectance), True
    cloudy = _opened(bright)
    return np.where(cloudy & ((cloudy & white).sum() >= MIN_WHITE_SHARE * cloudy.sum()), cloud_brightness, 0.0)


def _channels(bands: Sequence[Band]) -> dict[str, int]:
    """Indices, by name, of the bands of one of the two tests; empty where neither has all of its own."""
    channels_found = {name: _nearest(bands, *place) for name, place in WAVELENGTHS.items()}
    channels = {name: index for name, index in channels_found.items() if index is not None}
    edge = channels.pop("edge", None)
    if channels.keys() >= {*VISIBLE}:
        return channels
    if edge is not None:
        channels.setdefault("red", edge)
    return {name: channels[name] for name in INFRARED} if channels.keys() >= {*INFRARED} else {}


def _potential(reflectance: dict[str, NDArray[np.float64]]) -> NDArray[np.bool_]:
    blue, green, red = (reflectance[name] for name in VISIBLE)
    mean = (blue + green + red) / 3.0
    colour = sum(np.abs(one - mean) for one in (blue, green, red)) / np.maximum(mean, MIN_DIVISOR)
    cloudy = (blue - 0.5 * red > MIN_HOT) & (colour < MAX_WHITENESS)
    if "swir" in reflectance:
        cloudy &= _normalised_difference(green, reflectance["swir"]) < MAX_NDSI
    if "nir" in reflectance:
        cloudy &= _normalised_difference(reflectance["nir"], red) < MAX_NDVI
    if "nir" in reflectance and "swir" in reflectance:
        cloudy &= reflectance["nir"] > MIN_NIR_TO_SWIR * reflectance["swir"]
    return np.asarray(cloudy)


def _red_test(reflectance: dict[str, NDArray[np.float64]]) -> NDArray[np.bool_]:
    red, nir, swir = (reflectance[name] for name in INFRARED)
    cloudy = (
        (red > MIN_RED)
        & (_normalised_difference(nir, red) < RED_TEST_MAX_NDVI)
        & (nir > RED_TEST_MIN_NIR_TO_SWIR * swir)
        & (_normalised_difference(red, swir) < MAX_NDSI)
    )
    return np.asarray(cloudy)


def _normalised_difference(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normalised difference, as in NDSI and NDVI."""
    return np.asarray((one - other) / np.maximum(one + other, MIN_DIVISOR))


def _nearest(bands: Sequence[Band], wavelength: float, tolerance: float) -> int | None:
    distances = [abs((band.wavelength_nm or np.inf) - wavelength) for band in bands]
    index = int(np.argmin(distances))
    return index if distances[index] <= tolerance else None


def _cells(image: NDArray[np.float32]) -> NDArray[np.float64]:
    """Means ``(y, x)`` of cells; those at the lower and the right edge may be smaller."""
    starts = [np.arange(0, side, CELL) for side in image.shape]
    sums = np.add.reduceat(np.add.reduceat(image, starts[0], axis=0, dtype=np.float64), starts[1], axis=1)
    rows, columns = (np.diff(one, append=side) for one, side in zip(starts, image.shape, strict=True))
    return np.asarray(sums / np.outer(rows, columns))


def _opened(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Morphological opening: the cells that lie in a filled square of ``SIDE`` x ``SIDE`` cells."""
    windows = np.lib.stride_tricks.sliding_window_view
    if min(cells.shape) < SIDE:
        return np.zeros_like(cells)
    filled = np.pad(windows(cells, (SIDE, SIDE)).all(axis=(2, 3)), SIDE - 1)
    return np.asarray(windows(filled, (SIDE, SIDE)).any(axis=(2, 3)))
