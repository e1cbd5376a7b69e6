"""Rasters that stay open between reads, so that decoded blocks are cached and not decoded again."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import rasterio
from rasterio.io import DatasetReader

__all__ = ["files_kept_open", "forget", "kept_open", "stays_open"]

MOST = 4
"""Most rasters that a thread keeps open; their pixels are bounded by GDAL's cache."""

Key = tuple[str, int, int]


class _Open(threading.local):
    """Open datasets of one thread: GDAL's handles belong to the thread and the process that opened them."""

    def __init__(self) -> None:
        self.datasets: OrderedDict[Key, DatasetReader] = OrderedDict()


_OPEN = _Open()
_WORK: list[object] = []
"""One entry for each piece of work that wants plain files kept open."""


@contextmanager
def files_kept_open() -> Iterator[None]:
    """Within the block, plain files stay open between reads too, in all threads; at its end this thread closes its own.

    Only while one piece of work lasts: an open file may keep others from replacing it.
    """
    work = object()
    _WORK.append(work)
    try:
        yield
    finally:
        _WORK.remove(work)
        forget()


def stays_open(path: str) -> bool:
    """Whether to keep a local file open: always if it is a VRT, which is made of other files."""
    return path.endswith(".vrt") or (bool(_WORK) and Path(path).is_file())


def kept_open(name: str) -> DatasetReader:
    """The raster that GDAL opens as ``name``, a file or the text of a VRT; callers must not close it."""
    changed = 0 if name.startswith("<") else Path(name).stat().st_mtime_ns
    key, datasets = (name, changed, os.getpid()), _OPEN.datasets
    if key not in datasets:
        datasets[key] = rasterio.open(name)
        while len(datasets) > MOST:
            # Readers that still use it hold a reference; it is closed after the last of them.
            datasets.popitem(last=False)
    datasets.move_to_end(key)
    return datasets[key]


def forget() -> None:
    """Close what this thread keeps open and nobody reads: after an error, files may be repaired and read again."""
    _OPEN.datasets.clear()
