"""Sources of pixels: arrays, files and intermediate results, all read window by window."""

from __future__ import annotations

import errno
import functools
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from typing import IO, TYPE_CHECKING, Any, Protocol

import numpy as np
import xarray as xr

from llars.errors import OutputError
from llars.infer.reading.pixels import repeat
from llars.infer.tiles import Window

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["ImageSource", "Mapped", "Repeated", "Scratch", "Shifted", "Source", "nodata_of", "to_unit", "with_nan"]

Range = tuple[float, float]


class Source(Protocol):
    """An image that is read window by window."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Bands, rows, columns."""

    def read(self, window: Window) -> NDArray[np.float32]:
        """Pixels ``(band, y, x)`` of a window inside the image, NaN where there is no data; free to be modified."""


class ImageSource:
    """An image given as a DataArray with dimensions band, y and x, or as an array ``(band, y, x)``."""

    def __init__(self, image: xr.DataArray | NDArray[Any]) -> None:
        self._image = image.transpose("band", "y", "x") if isinstance(image, xr.DataArray) else image
        self._nodata = nodata_of(image)
        bands, rows, columns = self._image.shape
        self.shape = (bands, rows, columns)

    def read(self, window: Window) -> NDArray[np.float32]:
        """Physical values; infinite and masked ones, and the nodata number, become NaN."""
        rows, columns = window.slices
        part: Any
        if isinstance(self._image, xr.DataArray):
            part = self._image.isel(y=rows, x=columns)
            # Synchronously: this may be one of Dask's own threads, which must not wait for another.
            part = (part if part.chunks is None else part.compute(scheduler="synchronous")).values
        else:
            part = self._image[:, rows, columns]
        return with_nan(part, self._nodata)


def nodata_of(image: xr.DataArray | NDArray[Any]) -> float | None:
    """The nodata number that a DataArray declares (``.rio.nodata``); None where it has none, or not as a value."""
    if not isinstance(image, xr.DataArray):
        return None
    try:
        number = image.rio.nodata
    except OverflowError:  # a number that the type of the values cannot hold occurs nowhere
        return None
    return None if number is None or np.isnan(number) else number


def with_nan(part: NDArray[Any], nodata: float | None = None) -> NDArray[np.float32]:
    """A copy of physical values as float32, NaN where they are infinite, masked or equal to ``nodata``."""
    with np.errstate(over="ignore"):
        values = np.array(part, dtype=np.float32)
    if isinstance(part, np.ma.MaskedArray):
        # NumPy copies what lies under a mask like any other number.
        values[np.ma.getmaskarray(part)] = np.nan
    if nodata is not None:
        values[part == nodata] = np.nan
    np.copyto(values, np.float32(np.nan), where=np.isinf(values))
    return values


class Mapped:
    """A source whose values are converted when they are read."""

    def __init__(self, source: Source, convert: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> None:
        self._source, self._convert, self.shape = source, convert, source.shape

    def read(self, window: Window) -> NDArray[np.float32]:
        """The converted values."""
        return self._convert(self._source.read(window))


def to_unit(ranges: Sequence[Range]) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Conversion of physical values to unit values, 0 to 1 over each band's range."""
    low = np.array([low for low, _ in ranges], dtype=np.float32)[:, None, None]
    width = np.array([high - low for low, high in ranges], dtype=np.float32)[:, None, None]

    # Not a closure: restorations that Dask takes to other processes are pickled.
    return functools.partial(_scaled, low, width)


def _scaled(low: NDArray[np.float32], width: NDArray[np.float32], values: NDArray[np.float32]) -> NDArray[np.float32]:
    values -= low
    values /= width
    return values


class Shifted:
    """A source on a grid of the same pixels with another origin and size; no data where the source has no pixels."""

    def __init__(self, source: Source, rows: int, columns: int, height: int, width: int) -> None:
        """``rows`` and ``columns`` say where the grid's first pixel lies in the source."""
        self._source, self._rows, self._columns = source, rows, columns
        self.shape = (source.shape[0], height, width)

    def read(self, window: Window) -> NDArray[np.float32]:
        """The source's pixels at that place."""
        source_window = window.shifted(self._rows, self._columns)
        inside_source = source_window.within(*self._source.shape[1:])
        values = np.full((self.shape[0], *window.shape), np.nan, dtype=np.float32)
        if all(inside_source.shape):
            values[(slice(None), *inside_source.inside(source_window))] = self._source.read(inside_source)
        return values


class Repeated:
    """A source whose pixels are each repeated as a block of ``factor`` x ``factor``."""

    def __init__(self, source: Source, factor: int) -> None:
        self._source, self._factor = source, factor
        bands, height, width = source.shape
        self.shape = (bands, height * factor, width * factor)

    def read(self, window: Window) -> NDArray[np.float32]:
        """The repeated pixels of a window."""
        cells = window.coarser(self._factor)
        part = (slice(None), *window.inside(cells.finer(self._factor)))
        return repeat(self._source.read(cells), self._factor)[part]


class Scratch:
    """An image that is written and read window by window: in memory, or in a file."""

    def __init__(self, shape: tuple[int, int, int], folder: Path | None = None, name: str | None = None) -> None:
        """``folder`` holds the file; None keeps the image in memory. Without a ``name`` the file is temporary.

        Raises:
            OutputError: the disk has no room for the whole file.
        """
        self.shape = shape
        self._file = None if folder is None else _reserved(folder, name, 4 * shape[0] * shape[1] * shape[2])
        self._array = np.empty(shape, dtype=np.float32) if self._file is None else None

    def _pixels(self) -> NDArray[np.float32]:
        if self._array is not None:
            return self._array
        # Mapped anew each time: a lasting mapping would keep every page that was touched in memory.
        return np.memmap(self._file, dtype=np.float32, mode="r+", shape=self.shape)  # type: ignore[call-overload, no-any-return]

    def read(self, window: Window) -> NDArray[np.float32]:
        """What was written to a window."""
        return np.array(self._pixels()[(slice(None), *window.slices)])

    def write(self, window: Window, values: NDArray[np.float32]) -> None:
        """Write ``values`` ``(band, y, x)`` to a window."""
        self._pixels()[(slice(None), *window.slices)] = values

    def sync(self) -> None:
        """Wait until all that was written is on the disk."""
        if self._file is not None:
            os.fsync(self._file.fileno())


def _reserved(folder: Path, name: str | None, size: int) -> IO[bytes]:
    """A file of ``size`` bytes, all of which have their place on the disk; a file that exists keeps its content."""
    path = None if name is None else folder / name
    new = path is None or not path.exists()
    try:
        file = _opened(folder, path, "w+b" if new else "r+b")
        try:
            _reserve(file, size, folder)
        except OSError:
            file.close()
            if new and path is not None:
                path.unlink()
            raise
    except OSError as fault:
        free = shutil.disk_usage(folder).free
        raise OutputError(
            f"{fault.strerror}: what is kept between the steps needs {size / 1e9:.3g} GB beside the output, "
            f"the disk has {free / 1e9:.3g} GB; free space or choose another folder"
        ) from None
    return file


def _opened(folder: Path, path: Path | None, mode: str) -> IO[bytes]:
    if path is None:
        return tempfile.TemporaryFile(dir=folder)
    return path.open(mode)


def _reserve(file: IO[bytes], size: int, folder: Path) -> None:
    """Raise OSError if the disk cannot hold ``size`` bytes of the file.

    Without this the file has holes, and a write through a mapping to a hole on a full disk ends the process (SIGBUS).
    """
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except OSError as fault:
            # Some file systems cannot reserve space.
            if fault.errno not in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
                raise
        else:
            return
    if size - os.fstat(file.fileno()).st_size > shutil.disk_usage(folder).free:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    file.truncate(size)
