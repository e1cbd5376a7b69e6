"""Which pixels are said to be made up: those under clouds, on whatever grid they end, and whatever is finer."""

from dataclasses import dataclass

import numpy as np
import pytest
import rasterio

from llars import cli
from llars.infer.reading.grids import Grid
from llars.infer.tiles import Window
from llars.infer.tiling.invention import FILLED, FINER, MEASURED, NO_DATA, invented
from llars.infer.tiling.planning import OutputGrid
from llars.tasks import Step

HEIGHT, WIDTH = 24, 32


@dataclass(frozen=True)
class CloudFree:
    """A cloud over rows 4 to 9 and columns 8 to 15."""

    size: tuple[int, int] = (HEIGHT, WIDTH)

    def hidden(self, window):
        whole = np.zeros(self.size, dtype=bool)
        whole[4:10, 8:16] = True
        return whole[window.slices]


GRID = Grid(HEIGHT, WIDTH, None, None)
CLOUD, DOUBLE, NOISE = Step("cloud", 0.5), Step("sr", 1 / 3, scale=2), Step("denoise", 0.5)
SAME, TWICE = OutputGrid(GRID, 1), OutputGrid(GRID.finer(2), 2)
WHOLE, FINE = Window(0, 0, HEIGHT, WIDTH), Window(0, 0, 2 * HEIGHT, 2 * WIDTH)


def test_without_clouds_all_is_measured():
    assert (invented(WHOLE, GRID, [NOISE], [SAME], []) == MEASURED).all()
    assert (invented(WHOLE, GRID, [], [], []) == MEASURED).all()


def test_what_clouds_hide_is_filled():
    mask = invented(WHOLE, GRID, [NOISE, CLOUD], [SAME, SAME], [CloudFree()])
    assert mask.shape == (1, HEIGHT, WIDTH)
    assert (mask[0, 4:10, 8:16] == FILLED).all()
    assert (mask == FILLED).sum() == 6 * 8
    part = invented(Window(6, 10, 20, 30), GRID, [CLOUD], [SAME], [CloudFree()])
    assert (part == mask[:, 6:20, 10:30]).all()


def test_a_finer_grid_is_a_guess_and_a_filled_one_a_bolder():
    mask = invented(FINE, GRID, [CLOUD, DOUBLE], [SAME, TWICE], [CloudFree()])
    assert (mask[0, 8:20, 16:32] == FILLED).all()
    assert (mask == FILLED).sum() == 4 * 6 * 8
    assert (mask == FINER).sum() == mask.size - 4 * 6 * 8
    after = invented(
        FINE, GRID, [DOUBLE, CLOUD], [TWICE, OutputGrid(TWICE.grid, 1)], [CloudFree((2 * HEIGHT, 2 * WIDTH))]
    )
    assert (after[0, 4:10, 8:16] == FILLED).all()


@pytest.mark.parametrize(("prompt", "expected"), [("reduce the noise", MEASURED), ("double the resolution", FINER)])
def test_the_command_writes_a_mask_of_bytes(prompt, expected, llars, small_scene, tiny_weights, tmp_path):
    gappy, output, mask = (tmp_path / name for name in ("gappy.tif", "out.tif", "mask.tif"))
    with rasterio.open(small_scene) as source:
        values, profile = source.read(), {**source.profile, "nodata": 0}
        values[:, :6, :9] = 0
        with rasterio.open(gappy, "w", **profile) as target:
            target.write(values)
            target.descriptions, target.scales, target.offsets = source.descriptions, source.scales, source.offsets
            target.update_tags(**source.tags())
    result = llars("restore", gappy, output, "-p", prompt, "--model", tiny_weights, "--invented", mask)
    assert result.code == cli.OK, result.err
    with rasterio.open(output) as image, rasterio.open(mask) as flags:
        assert (flags.count, flags.dtypes[0], flags.nodata) == (1, "uint8", NO_DATA)
        assert (flags.shape, flags.transform) == (image.shape, image.transform)
        gaps = (image.read() == 0).all(axis=0)
        assert gaps.sum() >= 6 * 9
        assert (flags.read(1) == np.where(gaps, NO_DATA, expected)).all()
