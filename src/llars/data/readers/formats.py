"""Reads the file formats in which sets are published as arrays: one function per format, lazily where possible."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from llars.data.readers.description import Layer
from llars.errors import DataError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

__all__ = ["Images", "opened"]


@dataclass(frozen=True)
class Images:
    """The images of an open file."""

    path: Path
    """The file."""

    count: int
    """Number of images."""

    read: Callable[[int], NDArray[Any]]
    """Reads the image with a given number as ``(band, y, x)``, in the dtype of the file."""


@contextmanager
def opened(path: Path, layer: Layer) -> Iterator[Images]:
    """Opens a file of a set.

    Args:
        path: the file; its suffix states the format.
        layer: where in the file the images are.

    Yields:
        Its images, which can be read until the context ends.

    Raises:
        DataError: the file is damaged or does not hold what it should.
    """
    with _format(path, layer)(path, layer) as (array, count):
        yield Images(path, count, lambda i: _read(path, array, layer, i))


def _read(path: Path, array: Any, layer: Layer, index: int) -> NDArray[Any]:
    try:
        image = _ordered(np.asarray(array[index] if "n" in layer.axes else array), layer.axes.replace("n", ""))
    except Exception as error:
        raise _damaged(path, error) from error
    if layer.take and max(layer.take) >= len(image):
        raise DataError(f"{path} has {len(image)} bands, expected at least {max(layer.take) + 1}; fetch it again")
    return image[list(layer.take)] if layer.take else image


def _ordered(array: NDArray[Any], axes: str) -> NDArray[Any]:
    """``(band, y, x)`` from an array with the given ``axes``."""
    if array.ndim == 2:
        # MATLAB drops a last axis of length one, and a single band is often saved without its axis.
        array, axes = array[..., None], axes.replace("b", "") + "b"
    if array.ndim != len(axes):
        raise ValueError(f"{array.ndim} axes, expected {axes}")
    return np.ascontiguousarray(array.transpose([axes.index(axis) for axis in "byx"]))


def _damaged(path: Path, error: Exception) -> DataError:
    line = " ".join(str(error).split()) or type(error).__name__
    return DataError(f"{path} cannot be read ({line}); fetch it again")


def _format(path: Path, layer: Layer) -> Callable[[Path, Layer], AbstractContextManager[tuple[Any, int]]]:
    suffix = path.suffix.lower()
    if layer.raw and suffix in (".bil", ".int"):
        headers = path.with_suffix(".hdr"), path.with_name(path.name + ".hdr")
        return _raster if any(header.exists() for header in headers) else _raw
    return {".mat": _mat, ".h5": _hdf5, ".pt": _torch}.get(suffix, _raster)


@contextmanager
def _guard(path: Path) -> Iterator[None]:
    """Converts the errors of any kind that the libraries raise on damaged files to ``DataError``."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:
        raise _damaged(path, error) from error


@contextmanager
def _raster(path: Path, _: Layer) -> Iterator[tuple[Any, int]]:
    """PNG, JPEG, GeoTIFF, and raw files with a header beside them. An alpha channel is not a band."""
    import rasterio
    from rasterio.enums import ColorInterp
    from rasterio.errors import NotGeoreferencedWarning

    # By default GDAL fills the rest of a truncated JPEG with grey, and of a truncated PNG with undefined memory.
    strict = rasterio.Env(GDAL_ERROR_ON_LIBJPEG_WARNING=True, GDAL_PNG_WHOLE_IMAGE_OPTIM=False)
    with _guard(path), warnings.catch_warnings(), strict:
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path) as source:
            bands = [i for i, kind in zip(source.indexes, source.colorinterp, strict=True) if kind != ColorInterp.alpha]
            values = source.read(bands)
            if source.colorinterp[0] == ColorInterp.palette:
                colours = source.colormap(1)
                values = np.array([colours[i][:3] for i in range(len(colours))], np.uint8)[values[0]].transpose(2, 0, 1)
    yield values, 1


@contextmanager
def _raw(path: Path, layer: Layer) -> Iterator[tuple[Any, int]]:
    """Raw 16-bit integers. Only the suffix ``.bil`` states the interleaving; otherwise the smoothest of three orders is
    taken, as a wrong order looks like noise.
    """
    assert layer.raw is not None
    bands, height, width = layer.raw
    with _guard(path):
        numbers = np.fromfile(path, "<i2")
    if numbers.size != bands * height * width:
        raise DataError(f"{path} has {numbers.size} numbers, expected {bands} x {height} x {width}; fetch it again")
    by_row = numbers.reshape(height, bands, width).transpose(1, 0, 2)
    by_band = numbers.reshape(bands, height, width)
    by_pixel = numbers.reshape(height, width, bands).transpose(2, 0, 1)
    orders = [by_row] if path.suffix.lower() == ".bil" else [by_band, by_row, by_pixel]
    yield np.ascontiguousarray(min(orders, key=_roughness)), 1


def _roughness(values: NDArray[Any]) -> float:
    middle = values[:, values.shape[1] // 4 : -values.shape[1] // 4].astype(np.float32)
    return float(np.abs(np.diff(middle, axis=1)).mean() + np.abs(np.diff(middle, axis=2)).mean())


@contextmanager
def _mat(path: Path, layer: Layer) -> Iterator[tuple[Any, int]]:
    """MATLAB files of version 5, and of version 7.3, which are HDF5 with the axes reversed."""
    h5py = _library("h5py", path)
    with _guard(path):
        if h5py.is_hdf5(path):
            with h5py.File(path, "r") as file:
                values = file[_key(path, list(file), layer)][()].T
        else:
            stored = _library("scipy.io", path).loadmat(path)
            values = stored[_key(path, [key for key in stored if not key.startswith("__")], layer)]
    yield values, len(values) if "n" in layer.axes else 1


@contextmanager
def _hdf5(path: Path, layer: Layer) -> Iterator[tuple[Any, int]]:
    """HDF5; of a file of many images only those asked for are read."""
    h5py = _library("h5py", path)
    with _guard(path):
        file = h5py.File(path, "r")
    with file:
        with _guard(path):
            values = file[_key(path, list(file), layer)]
            count = len(values)
        yield values, count if "n" in layer.axes else 1


@contextmanager
def _torch(path: Path, layer: Layer) -> Iterator[tuple[Any, int]]:
    """A file with a single tensor; pickles that hold code are refused."""
    import torch

    with _guard(path):
        # Files from before torch 1.6 are not zip archives and cannot be memory-mapped.
        tensor = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    if not isinstance(tensor, torch.Tensor):
        raise DataError(f"{path} holds a {type(tensor).__name__}, expected one tensor; fetch it again")
    yield tensor, len(tensor) if "n" in layer.axes else 1


def _library(name: str, path: Path) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise DataError(f"{path} is read with {name.partition('.')[0]}; pip install 'llars[train]'") from None


def _key(path: Path, available: list[str], layer: Layer) -> str:
    for key in layer.keys:
        if key in available:
            return key
    raise DataError(
        f"{path} holds {', '.join(available) or 'nothing'}, expected {' or '.join(layer.keys)}; fetch it again"
    )
