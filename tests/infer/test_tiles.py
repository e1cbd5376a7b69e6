"""Laws of the tile grid."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llars.errors import ConfigError
from llars.infer.tiles import TileGrid, Window, mirror

grids = st.builds(
    TileGrid,
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    tile=st.integers(1, 120),
    halo=st.integers(0, 40),
    multiple=st.sampled_from([1, 4, 16]),
)


@given(grids)
def test_every_pixel_is_written_exactly_once(grid):
    written = np.zeros((grid.height, grid.width), dtype=int)
    for tile in grid:
        written[tile.core.slices] += 1
    assert (written == 1).all()
    assert len(grid) == len(list(grid))


@given(grids)
def test_windows_are_aligned_and_hold_the_halo_as_far_as_the_scene_goes(grid):
    for tile in grid:
        core, window = tile.core, tile.window
        assert all(side % grid.multiple == 0 for side in (window.top, window.left, window.bottom, window.right))
        assert min(window.top, window.left) >= 0
        assert window.top <= max(core.top - grid.halo, 0)
        assert window.left <= max(core.left - grid.halo, 0)
        assert window.bottom >= min(core.bottom + grid.halo, grid.height)
        assert window.right >= min(core.right + grid.halo, grid.width)
        assert window.bottom < grid.height + grid.multiple
        assert window.right < grid.width + grid.multiple


def test_one_tile_reads_no_more_than_the_scene():
    (tile,) = TileGrid(100, 64, tile=1024, halo=128, multiple=16)
    assert tile.window.shape == (112, 64)


@given(grids)
def test_reading_windows_and_cropping_them_gives_the_scene_back(grid):
    scene = np.arange(grid.height * grid.width).reshape(grid.height, grid.width)
    found = np.full_like(scene, -1)
    for tile in grid:
        window = tile.window
        rows = mirror(window.top, window.bottom, grid.height)
        columns = mirror(window.left, window.right, grid.width)
        found[tile.core.slices] = scene[np.ix_(rows, columns)][tile.crop]
    assert np.array_equal(found, scene)


@settings(max_examples=40)
@given(grids, st.integers(0, 2**32 - 1))
def test_columns_hold_the_tiles_that_are_not_done(grid, seed):
    fates, done, left = np.random.default_rng(seed).integers(4, size=len(grid)), [], []
    for tile, fate in zip(grid, fates, strict=True):
        core, middle = tile.core, (tile.core.left + tile.core.right) // 2
        halves = [replace(core, right=middle), replace(core, left=middle)]
        # Whole, in two halves, one half only, not at all.
        done += ([core], halves, halves[:1], [])[fate]
        left += [core] if fate > 1 else []
    columns = [*grid.columns(done)]
    assert [core for column in columns for core in column.cores] == sorted(left, key=lambda core: (core.left, core.top))
    assert [column.cores[0].left for column in columns] == sorted({core.left for core in left})


class Gone(list):
    """Finished windows, and how often somebody went through them."""

    times = 0

    def __iter__(self):
        self.times += 1
        return super().__iter__()


def test_finished_windows_are_gone_through_once_however_many_tiles_there_are():
    grid = TileGrid(320, 320, tile=16)
    done = Gone(tile.core for tile in grid)
    assert not [*grid.columns(done)]
    assert done.times == 1


@given(st.integers(2, 12), st.integers(0, 30), st.integers(0, 30))
def test_mirror_is_numpys_reflect_padding(size, before, after):
    axis = np.arange(size)
    assert np.array_equal(axis[mirror(-before, size + after, size)], np.pad(axis, (before, after), mode="reflect"))


def test_one_pixel_mirrors_into_itself():
    assert mirror(-3, 4, 1).tolist() == [0] * 7


@pytest.mark.parametrize("sizes", [{"tile": 0}, {"height": 0}, {"halo": -1}, {"multiple": 0}])
def test_impossible_grids_are_refused(sizes):
    with pytest.raises(ConfigError, match="at least 1"):
        TileGrid(**({"height": 10, "width": 10, "tile": 4} | sizes))


def test_windows_share_a_part_or_nothing():
    window = Window(2, 3, 10, 12)
    assert window.overlap(Window(5, 0, 20, 7)) == Window(5, 3, 10, 7) == Window(5, 0, 20, 7).overlap(window)
    assert window.overlap(Window(10, 3, 14, 12)).shape == (0, 9)
    assert window.overlap(Window(-9, 20, -4, 30)).shape == (0, 0)
    assert Window(4, 3, 10, 5).lies_in(window) and window.lies_in(window)
    assert not Window(4, 2, 10, 5).lies_in(window)
