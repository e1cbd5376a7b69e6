"""Images on other grids: resampled when a window of them is read."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import rasterio.warp
from rasterio.crs import CRS
from rasterio.enums import Resampling

from llars.infer.reading.grids import Grid, footprint, pixel_ratio
from llars.infer.reading.sources import Source
from llars.infer.tiles import Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Warped", "from_decibels", "to_decibels"]

UNKNOWN_CRS = CRS.from_epsg(3857)
"""Placeholder for an unknown CRS: between two grids that both have it, nothing is reprojected."""

KERNEL = 2.5
"""Radius of the widest kernel (cubic) plus half a pixel, in pixels of the coarser grid."""

MUCH_FINER = 1.2
"""Source pixels per pixel of the grid above which they are averaged. A source that is as fine but shifted is
interpolated, as averaging would blur it."""

CHUNK = 256
"""Side in pixels of the pieces, anchored to the grid, that are resampled at once."""


class Warped:
    """A source resampled to another grid and CRS.

    Pixels finer than the grid's are averaged by area; others are interpolated by cubic convolution, or bilinearly
    where overshoots would be unphysical (power). Missing pixels are ignored.

    Within each call, GDAL interpolates coordinates between a few exact ones. Calls are therefore made for fixed
    pieces of the grid, so that the result does not depend on the window.
    """

    def __init__(self, source: Source, own: Grid, grid: Grid, smooth: bool = False) -> None:
        """``own`` is the source's grid, ``grid`` the one to bring it to; ``smooth`` interpolates bilinearly."""
        self._source, self._own, self._grid = source, own, grid
        self.shape = (source.shape[0], grid.height, grid.width)
        self._ratio = pixel_ratio(grid, own)
        interpolation = Resampling.bilinear if smooth else Resampling.cubic
        self._resampling = Resampling.average if self._ratio > MUCH_FINER else interpolation

    def read(self, window: Window) -> NDArray[np.float32]:
        """The resampled pixels."""
        values = np.full((self.shape[0], *window.shape), np.nan, dtype=np.float32)
        around = window.coarser(CHUNK)
        for row in range(around.top, around.bottom):
            for column in range(around.left, around.right):
                chunk = Window(row, column, row + 1, column + 1).finer(CHUNK).within(*self.shape[1:])
                overlap, warped = chunk.overlap(window), self._chunk(chunk)
                if warped is not None:
                    values[(slice(None), *overlap.inside(window))] = warped[(slice(None), *overlap.inside(chunk))]
        return values

    def _chunk(self, chunk: Window) -> NDArray[np.float32] | None:
        chunk_grid = self._grid.part(chunk)
        covered_window = footprint(chunk_grid, self._own)
        if covered_window is None:
            return None
        source_window = covered_window.grown(math.ceil(KERNEL * max(self._ratio, 1.0))).within(*self._source.shape[1:])
        if not all(source_window.shape):
            return None
        own, values = self._own.part(source_window), np.full((self.shape[0], *chunk.shape), np.nan, dtype=np.float32)
        rasterio.warp.reproject(
            self._source.read(source_window),
            values,
            src_transform=own.transform,
            src_crs=own.crs or UNKNOWN_CRS,
            src_nodata=np.nan,
            dst_transform=chunk_grid.transform,
            dst_crs=chunk_grid.crs or UNKNOWN_CRS,
            dst_nodata=np.nan,
            resampling=self._resampling,
            UNIFIED_SRC_NODATA="NO",
            # Kernels as wide as a source pixel: GDAL would derive their width from the sizes of the two pieces.
            XSCALE="1",
            YSCALE="1",
        )
        return values


def to_decibels(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Linear power to decibels; power that is not positive becomes NaN."""
    values[~(values > 0.0)] = np.nan
    return np.asarray(10.0 * np.log10(values), dtype=np.float32)


def from_decibels(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The inverse of ``to_decibels``."""
    return np.asarray(np.power(np.float32(10.0), values / 10.0), dtype=np.float32)
