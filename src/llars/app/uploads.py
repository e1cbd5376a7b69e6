"""Admission of uploads: files are checked by their header before any of their pixels is read."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from llars.errors import LlarsError, RasterError
from llars.infer.tiling.memory import in_words

__all__ = ["BusyError", "Limits", "check_result_size", "check_upload"]

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""First bytes of a TIFF or BigTIFF."""


class BusyError(LlarsError):
    """More was asked for than a shared machine can give."""


@dataclass(frozen=True)
class Limits:
    """What one visitor may ask for."""

    upload: int = 100_000_000
    """Bytes of a file."""

    pixels: int = 16_000_000
    """Rows times columns of a scene, and of a result."""

    bands: int = 32

    unpacked: int = 512_000_000
    """Bytes of all pixels without compression."""

    seconds: float = 120.0
    """Seconds of work on one instruction."""

    results: int = 6
    """Most results kept for comparison; a newer one replaces the oldest."""

    idle: float = 3600.0
    """Seconds without activity after which a visitor's files are deleted."""


def check_upload(path: Path, limits: Limits) -> None:
    """Refuse a file that is not a GeoTIFF, or too large once it is unpacked; only its header is read.

    GDAL would open many formats, some of which refer to other files or addresses; only TIFF is passed to it.

    Raises:
        RasterError: it is refused; the message says why and what to do.
    """
    size = path.stat().st_size
    if size > limits.upload:
        raise RasterError(
            f"{path.name} has {in_words(size)}; the playground takes {in_words(limits.upload)}. {_ALTERNATIVE}"
        )
    with path.open("rb") as file:
        if file.read(4) not in MAGIC:
            raise RasterError(f"{path.name} is no GeoTIFF; convert it first: gdal_translate {path.name} scene.tif")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path, driver="GTiff") as file:
                height, width, count = file.height, file.width, file.count
                unpacked = height * width * sum(np.dtype(kind).itemsize for kind in map(_numpy_dtype, file.dtypes))
    except RasterioError:
        raise RasterError(f"{path.name} is damaged or cut off; save or fetch it again") from None
    if height * width > limits.pixels:
        raise RasterError(
            f"{path.name} is {width} x {height} pixels, {height * width / 1e6:.0f} Mpx; "
            f"the playground takes {limits.pixels / 1e6:.0f} Mpx. {_ALTERNATIVE}"
        )
    if count > limits.bands:
        raise RasterError(f"{path.name} has {count} bands; the playground takes {limits.bands}. {_ALTERNATIVE}")
    if unpacked > limits.unpacked:
        raise RasterError(
            f"{path.name} is {in_words(unpacked)} when unpacked; "
            f"the playground takes {in_words(limits.unpacked)}. {_ALTERNATIVE}"
        )


_ALTERNATIVE = "Cut out a part of it, or use `llars restore`, which has no limit"


def _numpy_dtype(dtype: str) -> str:
    """NumPy's name for a type of rasterio's."""
    return {"complex_int16": "complex64"}.get(dtype, dtype)


def check_result_size(shape: tuple[int, ...], scale: int, limits: Limits) -> None:
    """Refuse a finer grid that gets too large; ``shape`` ends with the scene's rows and columns.

    Raises:
        BusyError: the grid would be too large.
    """
    pixels = prod(shape[-2:]) * scale**2
    if pixels > limits.pixels:
        raise BusyError(
            f"a grid {scale} times finer has {pixels / 1e6:.0f} Mpx; "
            f"the playground does {limits.pixels / 1e6:.0f} Mpx. {_ALTERNATIVE}"
        )
