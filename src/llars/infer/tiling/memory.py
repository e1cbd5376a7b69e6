"""The available memory, and the tiles that fit into it."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import rasterio

from llars.errors import ConfigError
from llars.infer.tiles import CHUNK, STRIP
from llars.infer.tiling.allocator import watched
from llars.infer.tiling.engine import SMALLEST_TILE, TILE_COLUMNS, TILE_ROWS
from llars.initial.pansharpening import BLUR_REACH
from llars.model.config import ModelConfig

__all__ = ["bounded_memory", "default_limit", "half_of_memory", "in_words", "largest_tile", "parse_bytes"]

UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}

MEMORY_SHARE, MAX_BYTES = 0.5, 2 * 10**9
"""Share of the machine's memory, and bytes, that are used at most by default: more is no faster."""

RESIDENT = 640_000_000
"""Bytes that torch, GDAL, the network and the statistics of a scene need before the first tile."""

STRIP_CHANNEL, STRIP_BAND = 6, 48
"""Bytes per pixel of a strip in the network, for every channel of the finest level and for every band."""

KEPT_CHANNEL, KEPT_BAND = 1, 8
"""The same for the rows kept in the network until those below arrive: as many as its halo."""

TILE_BAND, CHUNK_BAND = 32, 28
"""Bytes per pixel and band of tiles, one finished and one being written, and of chunks, one in use and one ahead."""

TILE_HEIGHTS = (TILE_ROWS, TILE_ROWS // 2)
"""Rows of a tile: fewer where that avoids cutting a scene of many bands into columns."""

SMALLEST, STEP = SMALLEST_TILE, 256
"""Fewest columns of a tile, and the width that wider ones are multiples of: the blocks of a GeoTIFF."""

CACHE_SHARE, LARGEST_CACHE = 1 / 8, 256_000_000
"""Share of the limit for GDAL's block cache, and its largest size in bytes."""

CGROUP = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""Files that hold the memory limit of a container."""


def parse_bytes(text: str) -> int:
    """``4GB``, ``1.5 GiB`` or ``800M`` in bytes.

    Raises:
        ConfigError: it is no amount of memory.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?i?)b?\s*", text, flags=re.IGNORECASE)
    if match is None or match[2].lower() not in UNITS or float(match[1]) == 0:
        raise ConfigError(f"{text!r} is no amount of memory; say for example 4GB or 800MB")
    return int(float(match[1]) * UNITS[match[2].lower()])


def in_words(size: int) -> str:
    """Bytes as ``1.5 GB``, ``800 MB`` or ``20 kB``."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


def default_limit() -> int:
    """Bytes that one restoration may use by default: 2 GB, or half of the machine's memory where that is less."""
    return min(half_of_memory(), MAX_BYTES)


def half_of_memory() -> int:
    """Half of the memory of the machine, or of the container; 4 GB where neither is known."""
    amounts = []
    if hasattr(os, "sysconf") and {"SC_PHYS_PAGES", "SC_PAGE_SIZE"} <= os.sysconf_names.keys():
        amounts.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for path in CGROUP:
        try:
            amounts.append(int(path.read_text()))
        except (OSError, ValueError):
            continue
    return int(MEMORY_SHARE * min(amounts)) if amounts else 2 * MAX_BYTES


def largest_tile(limit: int, bands: int, config: ModelConfig, scale: int = 1) -> tuple[int, int]:
    """Rows and columns of the widest tiles, up to the default, that fit into the memory limit.

    Args:
        limit: total memory in bytes.
        bands: number of bands that the network takes: those of the target and all guides, and those of the target
            once more where it is an initial estimate, beside which it is read as it was observed.
        config: of the network.
        scale: how many times finer the grid gets.

    Raises:
        ConfigError: not even small tiles fit.
    """
    margin = 2 * (config.halo + config.multiple + (BLUR_REACH * scale if scale > 1 else 0))
    strip = STRIP_CHANNEL * config.widths[0] + STRIP_BAND * bands
    kept = config.halo * (KEPT_CHANNEL * config.widths[0] + KEPT_BAND * bands)
    available = max(limit - RESIDENT - _cache(limit), 0)
    for rows in TILE_HEIGHTS:
        column = kept + (rows * TILE_BAND + CHUNK * CHUNK_BAND) * bands
        # A narrow tile may have fewer pixels than a strip.
        width = max((available - STRIP * strip) // column, available // (column + rows * strip)) - margin
        if width >= TILE_COLUMNS:
            break
    if width < SMALLEST:
        needed = (RESIDENT + (SMALLEST + margin) * (column + rows * strip)) / (1 - CACHE_SHARE)
        raise ConfigError(
            f"{in_words(limit)} of memory are not enough for {bands} bands; "
            f"allow at least {in_words(math.ceil(needed / 1e8) * 10**8)} (--max-memory)"
        )
    return rows, min(width // STEP * STEP or SMALLEST, TILE_COLUMNS)


def _cache(limit: int) -> int:
    return min(int(limit * CACHE_SHARE), LARGEST_CACHE)


@contextmanager
def bounded_memory(limit: int) -> Iterator[None]:
    """Keep to ``limit`` bytes: cap GDAL's block cache (left alone, it takes a twentieth of the machine's memory), and
    return idle memory near the limit. GDAL compresses and decompresses on all processors.

    All of this ends with the block. How the C library keeps freed memory cannot be reset, so only commands and workers
    set that: see ``keep_freed``.
    """
    with rasterio.Env(GDAL_CACHEMAX=_cache(limit), GDAL_NUM_THREADS="ALL_CPUS"), watched(limit):
        yield
