"""What the C library does with memory that is freed: kept for the next layer, given back between two stages."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["give_back", "keep_freed", "resident", "watched"]

LARGE_BLOCK, KEPT_FREE = 2**25, 2**31 - 1
"""Bytes from which the C library asks the system for every block (its highest choice), and that it keeps when freed."""

WATCHED_SHARE, SECONDS, GROWTH = 0.85, 0.05, 2**27
"""Of a limit, from where on what lies idle is given back; how often that is looked at; bytes between two times."""

STATE = Path("/proc/self/statm")


def keep_freed() -> None:
    """Have the C library keep what is freed: fetching the same pages anew for every layer takes a third of the time.

    For good, and for all that the process does: only for a process of our own, not for one that llars is a guest of.
    """
    if (library := _library("mallopt")) is not None:
        trim_threshold, mmap_threshold, arena_max = -1, -3, -8
        library.mallopt(mmap_threshold, LARGE_BLOCK)
        library.mallopt(trim_threshold, KEPT_FREE)
        # What one thread frees, another takes.
        library.mallopt(arena_max, 1)


def give_back() -> None:
    """Return to the system what is free now: blocks of another stage's sizes would lie idle beside the next one's."""
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
    """Give back what lies idle whenever the process comes near ``limit`` bytes.

    What is kept lies in pieces between what is used: in time their sum is more than any layer needs.
    """
    over = threading.Event()

    def watch() -> None:
        bound = limit * WATCHED_SHARE
        while not over.wait(SECONDS):
            if resident() > bound:
                give_back()
                # Where that much is in use, giving back again would only cost time.
                bound = max(limit * WATCHED_SHARE, resident() + GROWTH)

    watcher = threading.Thread(target=watch, name="llars-memory", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _library(function: str) -> ctypes.CDLL | None:
    """The C library, where it is one that has the function."""
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    return library if library is not None and hasattr(library, function) else None
