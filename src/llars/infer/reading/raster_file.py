"""Raster files as sources: read window by window, or decimated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import rasterio.windows

from llars.infer.reading.grids import Grid
from llars.infer.tiles import Window
from llars.scene.decode import Decoding, open_raster, read_physical, read_visible

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["RasterFile"]


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
        return RasterFile(self._path, self._decoding.subset(channels), self.grid)

    def decimated(self, rows: int, columns: int) -> NDArray[np.float32]:
        """``(band, rows, columns)``: nearest-neighbour decimation, or pixels repeated."""
        with open_raster(self._path) as dataset:
            stored = dataset.read(list(self._decoding.indexes), out_shape=(self.shape[0], rows, columns))
            return self._decoding.physical(stored, read_visible(dataset, self._decoding, out_shape=(rows, columns)))
