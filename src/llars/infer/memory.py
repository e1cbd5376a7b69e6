"""How much memory there is, and the tiles that fit into it."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import rasterio

from llars.errors import ConfigError
from llars.infer.engine import DEFAULT_TILE
from llars.infer.pixels import REACH
from llars.model.config import ModelConfig

__all__ = ["bounded_cache", "fitting_tile", "in_bytes", "sensible_limit"]

UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}

SHARE = 0.5
"""Of the machine's memory, where nobody says how much may be used."""

RESIDENT = 500_000_000
"""What torch, GDAL, the network and the statistics of a scene need before the first tile, in bytes."""

PER_CHANNEL, PER_BAND = 6, 48
"""Bytes per pixel of a tile with its halo for every channel of the finest level (float32), and for every band:
input, validity, normalised, filtered, gate, correction and result, some of them twice; measured, with a reserve."""

SMALLEST_TILE, STEP = 64, 128
"""Sides of tiles in pixels: the smallest that is worth its halo, and what larger ones are multiples of."""

CACHE_SHARE, LARGEST_CACHE = 1 / 16, 256_000_000
"""Of the limit for GDAL's cache of blocks, and its size in bytes."""

CGROUP = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""Where a container's limit stands."""


def in_bytes(text: str) -> int:
    """``4GB``, ``1.5 GiB`` or ``800M`` in bytes.

    Raises:
        ConfigError: it is no amount of memory.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?i?)b?\s*", text, flags=re.IGNORECASE)
    if found is None or found[2].lower() not in UNITS or float(found[1]) == 0:
        raise ConfigError(f"{text!r} is no amount of memory; say for example 4GB or 800MB")
    return int(float(found[1]) * UNITS[found[2].lower()])


def sensible_limit() -> int:
    """Half of the memory that the machine, or the container, has; 4 GB where it does not say."""
    amounts = []
    if hasattr(os, "sysconf") and {"SC_PHYS_PAGES", "SC_PAGE_SIZE"} <= os.sysconf_names.keys():
        amounts.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for path in CGROUP:
        try:
            amounts.append(int(path.read_text()))
        except (OSError, ValueError):
            continue
    return int(SHARE * min(amounts)) if amounts else 4 * 10**9


def fitting_tile(limit: int, bands: int, config: ModelConfig, scale: int = 1) -> int:
    """Side of the largest tile, up to the default, that a restoration has memory for.

    Args:
        limit: bytes in all.
        bands: of the target and of all guides.
        config: of the network.
        scale: how many times finer the grid gets.

    Raises:
        ConfigError: not even small tiles fit.
    """
    margin = 2 * (config.halo + config.multiple + (REACH * scale if scale > 1 else 0))
    per_pixel = PER_CHANNEL * config.widths[0] + PER_BAND * bands
    room = limit - RESIDENT - _cache(limit)
    side = math.isqrt(max(room, 0) // per_pixel) - margin
    if side < SMALLEST_TILE:
        needed = RESIDENT + (SMALLEST_TILE + margin) ** 2 * per_pixel
        raise ConfigError(
            f"{limit / 1e9:.1f} GB of memory are not enough for {bands} bands; "
            f"allow at least {math.ceil(needed / (1 - CACHE_SHARE) / 1e8) / 10:.1f} GB (--max-memory)"
        )
    return min(side // STEP * STEP or SMALLEST_TILE, DEFAULT_TILE)


def _cache(limit: int) -> int:
    return min(int(limit * CACHE_SHARE), LARGEST_CACHE)


@contextmanager
def bounded_cache(limit: int) -> Iterator[None]:
    """Keep GDAL's cache of blocks to its share of ``limit`` bytes: left alone, it takes a twentieth of the machine."""
    with rasterio.Env(GDAL_CACHEMAX=_cache(limit)):
        yield
