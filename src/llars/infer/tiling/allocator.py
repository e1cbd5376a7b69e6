"""How the C library handles freed memory: kept for the next layer, returned to the system between two stages."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["give_back", "keep_freed", "resident", "watched"]

LARGE_BLOCK, KEPT_WHEN_FREED = 2**25, 2**31 - 1
"""Size in bytes from which a block is mapped by itself (the C library's maximum), and bytes kept when freed."""

WATCHED_SHARE, SECONDS, GROWTH = 0.85, 0.05, 2**27
"""Share of the limit above which idle memory is returned; seconds between checks; growth in bytes until the next."""

STATE = Path("/proc/self/statm")


def keep_freed() -> None:
    """Make the C library keep freed memory: fetching the same pages anew for every layer takes a third of the time.

    This cannot be undone and affects the whole process: it is for commands and workers, not for hosts such as Jupyter.
    """
    if (library := _library("mallopt")) is not None:
        trim_threshold, mmap_threshold, arena_max = -1, -3, -8
        library.mallopt(mmap_threshold, LARGE_BLOCK)
        library.mallopt(trim_threshold, KEPT_WHEN_FREED)
        # One arena, so that one thread can reuse what another has freed.
        library.mallopt(arena_max, 1)


def give_back() -> None:
    """Return free memory to the system: blocks of the sizes of one stage would lie idle during the next."""
    if (library := _library("malloc_trim")) is not None:
        library.malloc_trim(0)


def resident() -> int:
    """Bytes of memory that this process holds; 0 where the system does not say."""
    try:
        return int(STATE.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


@contextmanager
def watched(limit: int) -> Iterator[None]:
    """Return idle memory whenever the process comes near ``limit`` bytes.

    Memory that is kept gets fragmented: in time the free pieces add up to more than any layer needs.
    """
    stopped = threading.Event()

    def watch() -> None:
        bound = limit * WATCHED_SHARE
        while not stopped.wait(SECONDS):
            if resident() > bound:
                give_back()
                # If that much is really in use, trying again soon would only cost time.
                bound = max(limit * WATCHED_SHARE, resident() + GROWTH)

    watcher = threading.Thread(target=watch, name="llars-memory", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        stopped.set()
        watcher.join()


def _library(function: str) -> ctypes.CDLL | None:
    """The C library, if it has the function; else None."""
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    return library if library is not None and hasattr(library, function) else None
