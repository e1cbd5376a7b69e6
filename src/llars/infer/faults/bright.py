"""Clouds that the estimator takes for ground: where reflectance is bright, white and neither snow, rock nor green."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from llars.infer.tiles import TileGrid
from llars.model.opacity import CELL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from llars.bands import Band
    from llars.infer.layers import Layers

__all__ = ["THICK", "bright_clouds"]

PIECE = 1024
"""Side in pixels of what is read at once."""

PLACES = {"blue": (485.0, 45.0), "green": (560.0, 40.0), "red": (660.0, 50.0), "nir": (850.0, 60.0), "swir": (1610, 60)}
"""Wavelengths in nm, and how far from them a band may lie."""

NEEDED = ("blue", "green", "red")

HAZY = 0.12
"""Of blue less half of red. Fmask has 0.08, and other tests after it; 0.1 is still reached by towns and salty lakes."""

COLOURED, SNOW, GREEN, ROCK = 0.7, 0.7, 0.7, 0.75

BLUISH, WHITE_SHARE = 1.15, 1 / 3
"""Blue over red above which a cell is not white, and the share of bright cells that are white where these are clouds.

Clouds scatter all colours nearly alike, haze does not: of the bright cells of cloudy scenes of the training split 42 to
100 % are white, of those of hazy ones about a tenth.
"""

THICK = 0.36
"""Blue reflectance from which on a cloud is opaque: 0.4 of a white of 0.8, as in training, and 0.6 of dark ground."""

LEAST = 1e-3
"""Reflectance by which nothing is divided."""

SIDE = 3
"""Cells of the least square that counts: what is narrower may be a roof, or surf."""


def bright_clouds(layers: Layers, ranges: Sequence[tuple[float, float]]) -> NDArray[np.float64] | None:
    """Blue reflectance of bright clouds, 0 where there is none; None without blue, green and red.

    The spectral tests for potential clouds of Fmask (Zhu and Woodcock 2012, "Object-based cloud and cloud shadow
    detection in Landsat imagery") as far as there are bands for them, on the means of cells; of these
    only squares of ``SIDE`` cells, as a bright roof is smaller, and none where too few are white, as in haze. Without
    short-wave infrared, snow is taken for clouds.

    Args:
        layers: unit values of reflectance.
        ranges: of each band, the reflectances that the unit values 0 and 1 stand for.

    Returns:
        ``(y, x)`` cells of ``CELL`` x ``CELL`` pixels; how bright they are says how thick the cloud is.
    """
    places = {name: _nearest(layers.bands, *place) for name, place in PLACES.items()}
    channels = {name: index for name, index in places.items() if index is not None}
    if not all(name in channels for name in NEEDED):
        return None
    height, width = layers.size
    blue = np.zeros((-(-height // CELL), -(-width // CELL)))
    bright, white = (np.zeros(blue.shape, dtype=np.bool_) for _ in range(2))
    for piece in TileGrid(height, width, PIECE, 0, CELL):
        values = layers.read(piece.core)[0]
        shown = {}
        for name, index in channels.items():
            low, high = ranges[index]
            shown[name] = _cells(values[index]) * (high - low) + low
        part = piece.core.coarser(CELL).slices
        blue[part], bright[part], white[part] = shown["blue"], _potential(shown), shown["blue"] < BLUISH * shown["red"]
    found = _opened(bright)
    return np.where(found & ((found & white).sum() >= WHITE_SHARE * found.sum()), blue, 0.0)


def _potential(shown: dict[str, NDArray[np.float64]]) -> NDArray[np.bool_]:
    blue, green, red = (shown[name] for name in NEEDED)
    mean = (blue + green + red) / 3.0
    colour = sum(np.abs(one - mean) for one in (blue, green, red)) / np.maximum(mean, LEAST)
    found = (blue - 0.5 * red > HAZY) & (colour < COLOURED)
    if "swir" in shown:
        found &= _difference(green, shown["swir"]) < SNOW
    if "nir" in shown:
        found &= _difference(shown["nir"], red) < GREEN
    if "nir" in shown and "swir" in shown:
        found &= shown["nir"] > ROCK * shown["swir"]
    return np.asarray(found)


def _difference(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normalised, as NDSI and NDVI are."""
    return np.asarray((one - other) / np.maximum(one + other, LEAST))


def _nearest(bands: Sequence[Band], wavelength: float, far: float) -> int | None:
    away = [abs((band.wavelength_nm or np.inf) - wavelength) for band in bands]
    index = int(np.argmin(away))
    return index if away[index] <= far else None


def _cells(image: NDArray[np.float32]) -> NDArray[np.float64]:
    """Means ``(y, x)`` of cells; those at the lower and the right edge may be smaller."""
    starts = [np.arange(0, side, CELL) for side in image.shape]
    sums = np.add.reduceat(np.add.reduceat(image, starts[0], axis=0, dtype=np.float64), starts[1], axis=1)
    rows, columns = (np.diff(one, append=side) for one, side in zip(starts, image.shape, strict=True))
    return np.asarray(sums / np.outer(rows, columns))


def _opened(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Those that lie in a filled square of ``SIDE`` cells."""
    windows = np.lib.stride_tricks.sliding_window_view
    if min(cells.shape) < SIDE:
        return np.zeros_like(cells)
    filled = np.pad(windows(cells, (SIDE, SIDE)).all(axis=(2, 3)), SIDE - 1)
    return np.asarray(windows(filled, (SIDE, SIDE)).any(axis=(2, 3)))
