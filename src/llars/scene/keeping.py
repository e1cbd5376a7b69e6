"""Rasters that stay open between reads, so that decoded blocks are cached and not decoded again."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import rasterio
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader

__all__ = ["files_kept_open", "forget", "kept_open", "stays_open"]

MOST = 4
"""Most rasters that a thread keeps open; their pixels are bounded by GDAL's cache."""

State = tuple[tuple[int, int, int] | None, ...]
"""Modification time in nanoseconds, size in bytes and inode of each file; None for one that does not exist."""


@dataclass(frozen=True)
class _Kept:
    """An open raster, the files that it reads, and their state before it was opened."""

    dataset: DatasetReader
    files: tuple[str, ...]
    state: State
    process: int

    @property
    def current(self) -> bool:
        """Whether it was opened by this process, and none of its files has been written since."""
        return self.process == os.getpid() and self.state == _state(self.files)


class _Open(threading.local):
    """Open datasets of one thread: GDAL's handles belong to the thread and the process that opened them."""

    def __init__(self) -> None:
        self.rasters: dict[str, _Kept] = {}
        """By name, the most recently used last."""
        self.faults = _faults


_faults = 0
"""Number of calls of ``forget``."""
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
        _OPEN.rasters.clear()


def stays_open(path: str) -> bool:
    """Whether to keep a local file open: always if it is a VRT, which is made of other files."""
    return (bool(_WORK) or path.endswith(".vrt")) and Path(path).is_file()


def kept_open(name: str) -> DatasetReader:
    """The raster that GDAL opens as ``name``, a file or the text of a VRT; callers must not close it.

    It is opened again if one of the files that it reads has been written.

    Raises:
        RasterioError: GDAL cannot open it.
    """
    rasters = _OPEN.rasters
    if _OPEN.faults != _faults:
        rasters.clear()
        _OPEN.faults = _faults
    kept = rasters.pop(name, None)
    if kept is None or not kept.current:
        # Closed before it is opened again: within a thread, GDAL lets VRTs share the handles of their sources.
        kept = None
        kept = _opened(name)
    rasters[name] = kept
    for old in list(rasters)[:-MOST]:
        # Readers that still use it hold a reference; it is closed after the last of them.
        del rasters[old]
    return kept.dataset


def forget() -> None:
    """Make every thread close its rasters before it opens more: after an error, files may be repaired and reread."""
    global _faults
    _faults += 1
    _OPEN.rasters.clear()


def _opened(name: str) -> _Kept:
    files = tuple(sorted(_files(name, set())))
    state = _state(files)
    return _Kept(_plainly_opened(name), files, state, os.getpid())


def _plainly_opened(name: str) -> DatasetReader:
    # A copy: urllib, which parses names for rasterio, caches them, and with a VirtualRaster all that it holds.
    return rasterio.open(str(name))


def _files(name: str, seen: set[str]) -> set[str]:
    """The files on disk that a raster is read from; of VRTs, those of their sources."""
    if not (name.startswith("<") or name.endswith(".vrt")):
        return {_on_disk(name)}
    seen.add(name)
    try:
        with _plainly_opened(name) as virtual:
            sources = {*virtual.files} - seen
    except RasterioError:
        sources = set()
    own = set() if name.startswith("<") else {_on_disk(name)}
    return own.union(*(_files(source, seen) for source in sources))


def _on_disk(name: str) -> str:
    """The file, or the archive that contains it."""
    if not (virtual := re.match(r"(?:/vsi(?:zip|tar|gzip)/)+", name)):
        return name
    inside = name[virtual.end() :]
    if inside.startswith("{"):
        return inside[1:].partition("}")[0]
    return next((str(place) for place in (Path(inside), *Path(inside).parents) if place.is_file()), name)


def _state(files: tuple[str, ...]) -> State:
    return tuple(map(_stamp, files))


def _stamp(file: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(file)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
