"""Preview pictures: before and after side by side."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from llars.bands import Band, true_colour
from llars.errors import OutputError
from llars.infer.reading.sources import ImageSource
from llars.infer.report.display import png
from llars.infer.report.stretch import limits, to_bytes
from llars.infer.tiles import Window, strips

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

__all__ = ["Thumbnail", "before_after", "write_png"]

STRETCH_PERCENT = (2.0, 98.0)
LONGEST_SIDE = 1600
"""Pixels of the longer side of each half; larger scenes are decimated."""

STRIP_PIXELS = 2**20
"""Pixels that are read at once."""

GAP = 8
"""White pixels between the halves."""


class Thumbnail:
    """A scene decimated for display, filled window by window; NaN where nothing was added."""

    def __init__(self, size: tuple[int, int], bands: Sequence[Band]) -> None:
        """``size`` is that of the scene in rows and columns."""
        stride = max(1, -(-max(size) // LONGEST_SIDE))
        self.channels = np.array(true_colour(bands))
        """Channels of the scene that are shown as red, green and blue."""
        self._rows, self._columns = (np.arange(0, side, stride) for side in size)
        self._size = size
        self.image = np.full((3, len(self._rows), len(self._columns)), np.nan, dtype=np.float32)
        """``(3, y, x)``, physical values."""

    def add(self, window: Window, values: NDArray[np.float32]) -> None:
        """Add the displayed pixels of a window's ``values`` ``(band, y, x)``."""
        rows, columns = (
            _within(self._rows, window.top, window.bottom),
            _within(self._columns, window.left, window.right),
        )
        place = np.ix_(self.channels, self._rows[rows] - window.top, self._columns[columns] - window.left)
        self.image[:, rows, columns] = values[place]

    def of(self, scene: xr.DataArray) -> NDArray[np.float32]:
        """The same pixels of another ``scene`` that shows the same area on any grid; read strip by strip."""
        height, width = scene.sizes["y"], scene.sizes["x"]
        rows, columns = (
            (2 * at + 1) * own // (2 * size)
            for at, own, size in zip((self._rows, self._columns), (height, width), self._size, strict=True)
        )
        image, source = np.empty_like(self.image), ImageSource(scene.isel(band=self.channels))
        for strip in strips(height, width, STRIP_PIXELS):
            here = _within(rows, strip.top, strip.bottom)
            if here.stop > here.start:
                image[:, here] = source.read(strip)[:, rows[here] - strip.top][:, :, columns]
        return image


def _within(indices: NDArray[np.intp], start: int, stop: int) -> slice:
    first, last = np.searchsorted(indices, (start, stop))
    return slice(int(first), int(last))


def before_after(before: NDArray[np.float32], after: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Both images ``(3, y, x)`` of one size side by side as ``(3, y, x)``, stretched alike; no data is black."""
    low, high = limits((before, after), STRETCH_PERCENT)
    halves = [to_bytes(half, low, high) for half in (before, after)]
    return np.concatenate((halves[0], np.full((3, before.shape[1], GAP), 255, dtype=np.uint8), halves[1]), axis=2)


def write_png(path: str | os.PathLike[str], image: NDArray[np.uint8]) -> None:
    """Write ``(3, y, x)`` as a PNG file.

    Raises:
        OutputError: the file cannot be written.
    """
    try:
        # Encoded in memory: GDAL tells of a full disk by errors of its own, or not at all.
        Path(path).write_bytes(png(image))
    except OSError as fault:
        raise OutputError(
            f"cannot write the picture {Path(path).name}: {fault.strerror}; free space or choose another folder"
        ) from None
