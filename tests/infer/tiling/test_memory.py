"""Amounts of memory, and the tiles that fit into them."""

import time

import pytest

from llars.errors import ConfigError
from llars.infer.tiling.allocator import keep_freed, resident, watched
from llars.infer.tiling.engine import TILE_COLUMNS
from llars.infer.tiling.memory import fitting_tile, half_of_memory, in_bytes, sensible_limit
from llars.model.config import preset

SMALL = preset("llars-small")


@pytest.mark.parametrize(
    ("text", "amount"),
    [("4GB", 4e9), ("4g", 4e9), (" 1.5 GiB", 1.5 * 2**30), ("800M", 8e8), ("2000000000", 2e9), ("512 mib", 2**29)],
)
def test_amounts_are_read_with_their_units(text, amount):
    assert in_bytes(text) == amount


@pytest.mark.parametrize("text", ["", "much", "-2GB", "0", "4GBit", "2,5GB"])
def test_what_is_no_amount_is_refused(text):
    with pytest.raises(ConfigError, match="no amount of memory"):
        in_bytes(text)


def columns(limit, bands, scale=1):
    return fitting_tile(int(limit * 1e9), bands, SMALL, scale)[1]


def test_tiles_grow_with_memory_and_shrink_with_bands():
    wide = [columns(limit, 13) for limit in (0.9, 1, 1.5, 2, 100)]
    assert wide == sorted(wide)
    assert wide[0] < wide[2] < wide[-1] == TILE_COLUMNS
    assert columns(1, 13) < columns(1, 4)
    assert columns(1, 10, 4) <= columns(1, 10)


@pytest.mark.parametrize(("bands", "across"), [(4, 1), (10, 2), (13, 3)])
def test_a_sentinel_scene_is_few_tiles_wide_by_default(bands, across):
    assert columns(2, bands) * across >= 10_980


@pytest.mark.skipif(not resident(), reason="the system does not say what a process holds")
def test_what_lies_idle_is_given_back_near_the_limit():
    keep_freed()
    before = resident()
    pieces = [bytearray(2**20) for _ in range(300)]
    # Between the pieces that stay, all others are free.
    left, held = pieces[::3], resident()
    del pieces
    with watched(1):
        deadline = time.monotonic() + 20.0
        while resident() > (before + 2 * held) // 3 and time.monotonic() < deadline:
            time.sleep(0.01)
    assert len(left) == 100
    assert resident() - before < 0.6 * (held - before)


def test_too_little_memory_is_refused_with_what_is_needed():
    with pytest.raises(
        ConfigError, match=r"0\.5 GB of memory are not enough for 10 bands; allow at least [\d.]+ GB"
    ) as e:
        fitting_tile(500_000_000, 10, SMALL)
    needed = float(str(e.value).split("at least ")[1].split()[0])
    assert columns(needed, 10) >= 64


def test_the_limit_is_a_share_of_the_machine():
    assert 10**8 < half_of_memory() < 10**13
    assert sensible_limit() == min(half_of_memory(), 2 * 10**9)
