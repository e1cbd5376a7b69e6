"""Amounts of memory, and the tiles that fit into them."""

import time
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import pytest

from llars.errors import ConfigError
from llars.infer import job
from llars.infer.batch.manifest import Entry
from llars.infer.batch.worker import Settings, Task, restore_scene
from llars.infer.job import restore_file
from llars.infer.tiling import allocator
from llars.infer.tiling.allocator import keep_freed, resident, watched
from llars.infer.tiling.engine import TILE_COLUMNS
from llars.infer.tiling.memory import default_limit, half_of_memory, in_words, largest_tile, parse_bytes
from llars.model.config import preset
from llars.model.network import Network

SMALL = preset("llars-small")


@pytest.mark.parametrize(
    ("text", "amount"),
    [("4GB", 4e9), ("4g", 4e9), (" 1.5 GiB", 1.5 * 2**30), ("800M", 8e8), ("2000000000", 2e9), ("512 mib", 2**29)],
)
def test_amounts_are_read_with_their_units(text, amount):
    assert parse_bytes(text) == amount


@pytest.mark.parametrize("text", ["", "much", "-2GB", "0", "4GBit", "2,5GB"])
def test_what_is_no_amount_is_refused(text):
    with pytest.raises(ConfigError, match="no amount of memory"):
        parse_bytes(text)


def columns(limit, bands, scale=1):
    return largest_tile(int(limit * 1e9), bands, SMALL, scale)[1]


def test_tiles_grow_with_memory_and_shrink_with_bands():
    wide = [columns(limit, 13) for limit in (0.9, 1, 1.5, 2, 100)]
    assert wide == sorted(wide)
    assert wide[0] < wide[2] < wide[-1] == TILE_COLUMNS
    assert columns(1, 13) < columns(1, 4)
    assert columns(1, 10, 4) <= columns(1, 10)


@pytest.mark.parametrize(("bands", "across"), [(4, 1), (8, 2), (10, 2), (13, 3), (20, 4), (26, 5)])
def test_a_sentinel_scene_is_few_tiles_wide_by_default(bands, across):
    assert columns(2, bands) * across >= 10_980


@pytest.mark.parametrize(
    ("prompt", "uses_residual", "bands"),
    [
        ("remove the haze", True, 10),
        ("double the resolution", True, 10),
        ("reduce the noise", True, 20),
        ("reduce the noise", False, 10),
    ],
)
def test_what_an_initial_estimate_removes_counts_too(
    small_scene, tmp_path, tiny_weights, monkeypatch, prompt, uses_residual, bands
):
    counted = []
    monkeypatch.setattr(Network, "uses_residual", uses_residual)
    monkeypatch.setattr(job, "largest_tile", lambda _, bands, *others: counted.append(bands) or 64)
    restore_file(small_scene, tmp_path / "a.tif", prompt, model=str(tiny_weights), device="cpu")
    assert counted == [bands]


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


@dataclass
class Library:
    """A C library that notes what is set for the whole process."""

    settings: list[tuple[int, int]] = field(default_factory=list)

    def mallopt(self, key, value):
        self.settings.append((key, value))

    def malloc_trim(self, pad):
        """Leaves nothing behind."""


@pytest.fixture
def library(monkeypatch):
    found = Library()
    monkeypatch.setattr(allocator, "_library", lambda _: found)
    return found


KEEPS = [(-3, 2**25), (-1, 2**31 - 1), (-8, 1)]
"""Blocks from 32 MB on are the system's, all else is kept when freed, in one arena."""


def test_the_host_of_a_restoration_keeps_its_own_settings_and_the_command_sets_them(
    library, small_scene, tmp_path, tiny_weights, llars
):
    restore_file(small_scene, tmp_path / "a.tif", "reduce the noise", model=str(tiny_weights), device="cpu")
    assert library.settings == []
    llars("restore", small_scene, tmp_path / "b.tif", "-p", "noise", "--model", tiny_weights, "--device", "cpu")
    assert (tmp_path / "b.tif").exists()
    assert library.settings == KEEPS


@pytest.mark.parametrize(("threads", "expected"), [(1, KEEPS), (None, [])])
def test_workers_of_this_machine_set_them_and_those_of_a_cluster_do_not(
    library, small_scene, tmp_path, tiny_weights, threads, expected
):
    entry = Entry(small_scene, PurePosixPath("a.tif"), "reduce the noise")
    task = Task("key", entry, Settings(), str(tiny_weights), "cpu", None, threads, tmp_path)
    assert restore_scene(task).error is None
    assert library.settings == expected


def test_too_little_memory_is_refused_with_what_is_needed():
    with pytest.raises(ConfigError, match="500 MB of memory are not enough for 10 bands; allow at least") as e:
        largest_tile(500_000_000, 10, SMALL)
    needed = parse_bytes(str(e.value).split("at least ")[1].split(" (")[0]) / 1e9
    assert columns(needed, 10) >= 64


def test_the_limit_is_a_share_of_the_machine():
    assert 10**8 < half_of_memory() < 10**13
    assert default_limit() == min(half_of_memory(), 2 * 10**9)


def test_less_than_a_gigabyte_is_told_in_megabytes():
    assert [in_words(size) for size in (10**7, 999 * 10**6, 10**9, 1536 * 10**6)] == [
        *("10 MB", "999 MB", "1.0 GB", "1.5 GB"),
    ]
