"""Scenes for display: true proportions, band composites, stretched, in formats that browsers show."""

from __future__ import annotations

import base64
import math
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import rasterio.windows

from llars.bands import Band, Modality, true_colour
from llars.infer.reading.grids import Grid
from llars.infer.tiles import Window
from llars.scene.decode import Decoding, open_raster, read_physical, read_visible

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = [
    "RasterFile",
    "composites",
    "data_uri",
    "display_size",
    "jpeg",
    "pixel_aspect",
    "png",
]

NEAR_INFRARED_NM, SHORT_WAVE_NM = (750.0, 900.0), (1500.0, 2400.0)

QUALITIES = (95, 90, 85, 75, 60, 45)
"""JPEG qualities, tried until a file is small enough."""


class RasterFile:
    """A raster file whose decoding is known, read window by window or decimated; a ``Source``."""

    def __init__(self, path: str | Path, decoding: Decoding, grid: Grid) -> None:
        self._path, self._decoding = path, decoding
        self.grid = grid
        self.shape = (len(decoding.indexes), grid.height, grid.width)

    def read(self, window: Window) -> NDArray[np.float32]:
        """Physical values ``(band, y, x)``, NaN where there is no data."""
        rows, columns = window.shape
        with open_raster(self._path) as dataset:
            dataset_window = rasterio.windows.Window(window.left, window.top, columns, rows)
            return read_physical(dataset, self._decoding, dataset_window)

    def only(self, channels: Sequence[int]) -> RasterFile:
        """Some of its bands, in that order."""
        own = self._decoding
        decoding = replace(
            own,
            indexes=tuple(own.indexes[channel] for channel in channels),
            scales=tuple(own.scales[channel] for channel in channels),
            offsets=tuple(own.offsets[channel] for channel in channels),
            nodata=tuple(own.nodata[channel] for channel in channels),
        )
        return RasterFile(self._path, decoding, self.grid)

    def decimated(self, rows: int, columns: int) -> NDArray[np.float32]:
        """``(band, rows, columns)``: nearest-neighbour decimation, or pixels repeated."""
        with open_raster(self._path) as dataset:
            stored = dataset.read(list(self._decoding.indexes), out_shape=(self.shape[0], rows, columns))
            return self._decoding.physical(stored, read_visible(dataset, self._decoding, out_shape=(rows, columns)))


def pixel_aspect(grid: Grid) -> float:
    """Width of a pixel on the ground over its height; in degrees it depends on the latitude."""
    if grid.transform is None:
        return 1.0
    a, b, _, d, e, top = tuple(grid.transform)[:6]
    shrink = 1.0
    if grid.crs is not None and grid.crs.is_geographic:
        latitude = top + d * grid.width / 2 + e * grid.height / 2
        shrink = math.cos(math.radians(min(abs(latitude), 89.0)))
    across, down = math.hypot(a * shrink, d), math.hypot(b * shrink, e)
    return across / down if across and down else 1.0


def display_size(grid: Grid, longest: int) -> tuple[int, int]:
    """Rows and columns of square pixels that show the grid at its true proportions, no side longer than ``longest``."""
    aspect = pixel_aspect(grid)
    width, height = grid.width * max(aspect, 1.0), grid.height / min(aspect, 1.0)
    factor = min(1.0, longest / max(width, height))
    return max(round(height * factor), 1), max(round(width * factor), 1)


def composites(bands: Sequence[Band]) -> dict[str, tuple[int, int, int]]:
    """Channels to show as red, green and blue, by name of the composite; natural colours first, if any."""
    red, green, blue = natural = true_colour(bands)
    colours = len(set(natural)) == 3 and bands[red].modality is Modality.OPTICAL
    choices = {"Natural colour": natural} if colours else {"First bands": natural} if len(set(natural)) == 3 else {}
    near = _within(bands, NEAR_INFRARED_NM, 840.0)
    short = _within(bands, SHORT_WAVE_NM, 1610.0)
    if colours and near is not None:
        choices["False colour: vegetation in red"] = (near, red, green)
        if short is not None:
            choices["Short-wave infrared: water and bare soil"] = (short, near, blue)
    return choices | {f"{band.name} alone": (channel,) * 3 for channel, band in enumerate(bands)}


def _within(bands: Sequence[Band], ends: tuple[float, float], goal: float) -> int | None:
    """The optical band between two wavelengths that is nearest to ``goal``, in nm."""
    distances = {
        channel: abs(band.wavelength_nm - goal)
        for channel, band in enumerate(bands)
        if band.modality is Modality.OPTICAL and band.wavelength_nm and ends[0] <= band.wavelength_nm <= ends[1]
    }
    return min(distances, key=lambda channel: distances[channel], default=None)


def jpeg(image: NDArray[np.uint8], max_bytes: int) -> bytes:
    """``(3, y, x)`` as a JPEG file of at most ``max_bytes`` bytes, where any quality allows that."""
    content = b""
    for quality in QUALITIES:
        content = _encoded(image, "JPEG", QUALITY=quality, WRITE_EXIF_METADATA="NO")
        if len(content) <= max_bytes:
            break
    return content


def png(image: NDArray[np.uint8]) -> bytes:
    """``(channel, y, x)`` of 1, 3 or 4 channels as a PNG file: for few colours, small pictures, and transparency."""
    return _encoded(image, "PNG", ZLEVEL=6)


def data_uri(content: bytes) -> str:
    """A picture as a data URI."""
    kind = "png" if content.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _encoded(image: NDArray[np.uint8], driver: str, **options: object) -> bytes:
    from rasterio.errors import NotGeoreferencedWarning
    from rasterio.io import MemoryFile

    count, height, width = image.shape
    with warnings.catch_warnings(), MemoryFile() as memory:
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with memory.open(driver=driver, width=width, height=height, count=count, dtype="uint8", **options) as picture:
            picture.write(image)
        return bytes(memory.getbuffer())
