"""Amounts of memory, and the tiles that fit into them."""

import pytest

from llars.errors import ConfigError
from llars.infer.engine import DEFAULT_TILE
from llars.infer.memory import fitting_tile, in_bytes, sensible_limit
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


def test_tiles_grow_with_memory_and_shrink_with_bands():
    sides = [fitting_tile(int(limit * 1e9), 10, SMALL) for limit in (1, 1.5, 2, 3, 100)]
    assert sides == sorted(sides)
    assert sides[0] < sides[2] < sides[-1] == DEFAULT_TILE
    assert fitting_tile(2 * 10**9, 13, SMALL) <= fitting_tile(2 * 10**9, 4, SMALL)
    assert fitting_tile(2 * 10**9, 10, SMALL, 4) <= fitting_tile(2 * 10**9, 10, SMALL)


def test_too_little_memory_is_refused_with_what_is_needed():
    with pytest.raises(
        ConfigError, match=r"0\.5 GB of memory are not enough for 10 bands; allow at least [\d.]+ GB"
    ) as e:
        fitting_tile(500_000_000, 10, SMALL)
    needed = float(str(e.value).split("at least ")[1].split()[0])
    assert fitting_tile(int(needed * 1e9), 10, SMALL) >= 64


def test_the_limit_is_a_share_of_the_machine():
    assert 10**8 < sensible_limit() < 10**13
