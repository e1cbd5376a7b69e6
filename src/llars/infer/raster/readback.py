"""Whether a raster holds what was written to it.

GDAL reports only some of the errors of a full disk: what fails while it closes a file is lost, and a block that could
not be written again may leave an older, readable state behind. So all that was written is read back.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.windows import Window

__all__ = ["Readback"]

LOST = "a part of the file did not reach the disk"


class Readback:
    """Checksums of the windows that were written to a raster; no two of them overlap."""

    def __init__(self) -> None:
        self._sums: list[tuple[Window, tuple[int, ...], int]] = []
        self._masks: list[tuple[Window, int]] = []

    def add(self, window: Window, bands: tuple[int, ...], numbers: NDArray[np.generic]) -> None:
        """Remember the numbers ``(band, y, x)`` that were written to a window of some bands."""
        self._sums.append((window, bands, _checksum(numbers)))

    def add_mask(self, window: Window, mask: NDArray[np.generic]) -> None:
        """Remember the mask ``(y, x)`` that was written to a window; the file keeps only whether it is zero."""
        self._masks.append((window, _checksum(mask != 0)))

    def check(self, path: Path) -> None:
        """Read everything back.

        Raises:
            OSError: the file does not hold what was written.
        """
        try:
            with rasterio.open(path, num_threads="ALL_CPUS") as file:
                whole = all(_checksum(file.read(list(bands), window=at)) == told for at, bands, told in self._sums)
                whole &= all(_checksum(file.read_masks(1, window=at) != 0) == told for at, told in self._masks)
        except RasterioError as error:
            raise OSError(None, LOST) from error
        if not whole:
            raise OSError(None, LOST)


def _checksum(numbers: NDArray[np.generic]) -> int:
    return zlib.crc32(np.ascontiguousarray(numbers).data.cast("B"))
