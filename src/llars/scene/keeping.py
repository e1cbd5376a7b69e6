"""Rasters made of others that stay open between reads: what a JPEG 2000 tile decoded to is not decoded again."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from pathlib import Path

import rasterio
from rasterio.io import DatasetReader

__all__ = ["forget", "kept_open"]

MOST = 4
"""Rasters that a thread keeps open; the pixels they hold are bounded by GDAL's cache."""

Key = tuple[str, int, int]


class _Open(threading.local):
    """GDAL's handles belong to the thread, and to the process, that opened them."""

    def __init__(self) -> None:
        self.datasets: OrderedDict[Key, DatasetReader] = OrderedDict()


_OPEN = _Open()


def kept_open(name: str) -> DatasetReader:
    """The raster that GDAL opens as ``name``, a file of VRT or its text; not to be closed."""
    changed = Path(name).stat().st_mtime_ns if name.endswith(".vrt") else 0
    key, datasets = (name, changed, os.getpid()), _OPEN.datasets
    if key not in datasets:
        datasets[key] = rasterio.open(name)
        while len(datasets) > MOST:
            # Whoever still reads it holds it; it closes with its last user.
            datasets.popitem(last=False)
    datasets.move_to_end(key)
    return datasets[key]


def forget() -> None:
    """Close what this thread keeps open and nobody reads: after a fault, files may be put right."""
    _OPEN.datasets.clear()
