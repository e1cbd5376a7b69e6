"""Rasters that stay open between reads: what a block was decoded to is kept, and not decoded again."""

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
"""Rasters that a thread keeps open; the pixels they hold are bounded by GDAL's cache."""

Key = tuple[str, int, int]


class _Open(threading.local):
    """GDAL's handles belong to the thread, and to the process, that opened them."""

    def __init__(self) -> None:
        self.datasets: OrderedDict[Key, DatasetReader] = OrderedDict()


_OPEN = _Open()
_WORK: list[object] = []
"""One entry for each piece of work that wants plain files kept open."""


@contextmanager
def files_kept_open() -> Iterator[None]:
    """Inside, plain files stay open between reads too, in all threads; then this thread closes what it kept.

    Only while one piece of work lasts: whoever has a file open may hinder those who want to replace it.
    """
    work = object()
    _WORK.append(work)
    try:
        yield
    finally:
        _WORK.remove(work)
        forget()


def stays_open(path: str) -> bool:
    """Whether a local file is to be kept open: always where it is made of others."""
    return path.endswith(".vrt") or (bool(_WORK) and Path(path).is_file())


def kept_open(name: str) -> DatasetReader:
    """The raster that GDAL opens as ``name``, a file or the text of a VRT; not to be closed."""
    changed = 0 if name.startswith("<") else Path(name).stat().st_mtime_ns
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
