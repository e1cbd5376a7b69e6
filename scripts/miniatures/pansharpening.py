"""Sets of multispectral and panchromatic images, in MATLAB files and in HDF5 stacks."""

from functools import partial
from pathlib import Path

import numpy as np

from miniatures.writing import SIDE, hdf5, land, mat5, mat73

NBU = {
    "nbu-ikonos": ("1_IKONOS", 4),
    "nbu-quickbird": ("2_QuickBird", 4),
    "nbu-gf1": ("3 Gaofen-1", 4),
    "nbu-wv4": ("4_WorldView-4", 4),
    "nbu-wv2": ("5 WorldView-2", 8),
    "nbu-wv3": ("6_WorldView-3", 8),
}
"""Folder, as spelled in the archive or in the lists, and number of bands."""

PANCOLLECTION = {"gf2": (4, 1023), "qb": (4, 2047), "wv3": (8, 2047), "wv2": (8, 2047)}
"""Number of bands and largest digital number."""


def _nbu(folder: Path, satellite: str, bands: int) -> None:
    root = folder / "NBU_PansharpRSData" / "1_Satellite_Dataset" / "Dataset" / satellite
    ms_key, pan_key = ("I_MS", "I_PAN") if "Gaofen" in satellite else ("imgMS", "imgPAN")
    write = mat73 if bands == 8 else mat5
    for number in range(1, 500, 40):
        ms = np.uint16(1000 * land(bands, seed=number)).transpose(1, 2, 0)
        pan = np.uint16(1000 * land(1, 4 * SIDE, seed=number)[0])
        write(root / "MS_256" / f"{number}.mat", **{ms_key: ms})
        write(root / "PAN_1024" / f"{number}.mat", **{"block" if number == 1 else pan_key: pan})


def _stack(bands: int, side: int, count: int, most: int) -> np.ndarray:
    return np.round(most * np.stack([land(bands, side, seed=i) for i in range(count)]))


def _pancollection(folder: Path, code: str, full: bool) -> None:
    bands, most = PANCOLLECTION[code]
    root = folder / "PanCollection"
    parts = {f"train_{code}": (8, 5), f"valid_{code}": (8, 2)} if code != "wv2" and not full else {}
    parts[f"test_{code}_OrigScale_multiExm1" if full else f"test_{code}_multiExm1"] = (SIDE, 3)
    for name, (side, count) in parts.items():
        arrays = {
            "ms": _stack(bands, side, count, most),
            "lms": _stack(bands, 4 * side, count, most),
            "pan": _stack(1, 4 * side, count, most),
        }
        if not full:
            arrays["gt"] = arrays["lms"]
        hdf5(root / f"{name}.h5", **arrays)


MAKERS = {
    **{name: partial(_nbu, satellite=satellite, bands=bands) for name, (satellite, bands) in NBU.items()},
    **{f"pancollection-{code}": partial(_pancollection, code=code, full=False) for code in PANCOLLECTION},
    **{f"pancollection-{code}-full": partial(_pancollection, code=code, full=True) for code in PANCOLLECTION},
}
