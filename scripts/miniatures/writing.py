"""A synthetic landscape, and functions that write files of every format."""

import warnings
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import rasterio
import scipy.io
import torch
from rasterio.errors import NotGeoreferencedWarning

SIDE = 16


def land(bands: int, side: int = SIDE, seed: int = 0, width: int | None = None) -> np.ndarray:
    """``(band, y, x)`` in 0.1 to 0.9: waves that differ between bands; a smaller ``side`` shows the same waves."""
    y, x = np.mgrid[:side, : width or side] / side
    rows = [0.5 + 0.3 * np.sin(5 * y + seed + 0.4 * band) * np.cos(4 * x - seed) + 0.02 * band for band in range(bands)]
    return np.clip(np.stack(rows), 0.1, 0.9)


def hazy(clear: np.ndarray) -> np.ndarray:
    """The same image through haze."""
    return 0.6 * clear + 0.36


def image(path: Path, values: np.ndarray, driver: str = "GTiff") -> None:
    """Writes a raster in the dtype of ``values``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count, height, width = values.shape
    profile = {"driver": driver, "count": count, "height": height, "width": width, "dtype": values.dtype}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", **profile) as target:
            target.write(values)
    path.with_name(path.name + ".aux.xml").unlink(missing_ok=True)


def picture(path: Path, values: np.ndarray) -> None:
    """Writes values in 0 to 1 as an 8-bit picture: PNG, JPEG or GeoTIFF, by its suffix."""
    drivers = {".png": "PNG", ".jpg": "JPEG"}
    image(path, np.round(values * 255).astype(np.uint8), drivers.get(path.suffix, "GTiff"))


def mat5(path: Path, **arrays: np.ndarray) -> None:
    """Writes a MATLAB file of version 5; arrays are (y, x, band), and a single band is (y, x)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scipy.io.savemat(path, arrays)


def mat73(path: Path, **arrays: np.ndarray) -> None:
    """Writes the same in version 7.3: HDF5 after a header of 512 bytes, with axes reversed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w", userblock_size=512) as file:
        for key, array in arrays.items():
            file[key] = array.T
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")


def hdf5(path: Path, **arrays: np.ndarray) -> None:
    """Writes an HDF5 file with the arrays under their names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for key, array in arrays.items():
            file[key] = array


def tensor(path: Path, values: np.ndarray) -> None:
    """Writes a file with a single tensor."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(torch.from_numpy(values), path)


def bare(path: Path, values: np.ndarray, interleave: str, header: bool) -> None:
    """Writes ``(band, y, x)`` as raw int16, interleaved by band (``bsq``), row (``bil``) or pixel (``bip``)."""
    axes: dict[str, Any] = {"bsq": (0, 1, 2), "bil": (1, 0, 2), "bip": (1, 2, 0)}
    path.parent.mkdir(parents=True, exist_ok=True)
    values.astype("<i2").transpose(axes[interleave]).tofile(path)
    if header:
        bands, lines, samples = values.shape
        path.with_suffix(".hdr").write_text(
            f"ENVI\nsamples = {samples}\nlines = {lines}\nbands = {bands}\nheader offset = 0\n"
            f"file type = ENVI Standard\ndata type = 2\ninterleave = {interleave}\nbyte order = 0\n"
        )
