"""Grids, masks and control points of written files."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp
from rasterio.rpc import RPC
from tests.infer.rasters import HEIGHT, WIDTH, facts, make, restore

from llars.infer.raster import read_profile, write_like
from llars.scene import open_scene

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


@pytest.mark.parametrize("place", ["north up", "rotated", "points", "nowhere"])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_finer_grid_has_the_same_bounds(tmp_path: Path, scale: int, place: str) -> None:
    source, target = make(tmp_path / "in.tif", place=place), tmp_path / "out.tif"
    scene = open_scene(source, "sentinel2-l1c")
    profile = read_profile(source, "sentinel2-l1c")
    write_like(target, scene.values.repeat(scale, 1).repeat(scale, 2) * 0 + 0.5, profile, scale=scale)
    before, after = facts(source), facts(target)
    with rasterio.open(source) as coarse, rasterio.open(target) as fine:
        assert fine.shape == (HEIGHT * scale, WIDTH * scale)
        np.testing.assert_array_equal(fine.read() == 0, (coarse.read() == 0).repeat(scale, 1).repeat(scale, 2))
        if place in ("north up", "rotated"):
            for row, column in ((0, 0), (0, WIDTH), (HEIGHT, 0), (HEIGHT, WIDTH)):
                corner = fine.transform @ (column * scale, row * scale)
                assert corner == pytest.approx(coarse.transform @ (column, row), rel=1e-15)
    assert after["points"] == [(row * scale, col * scale, x, y) for row, col, x, y in before["points"]]
    for key in before.keys() - {"shape", "transform", "points"}:
        assert after[key] == before[key], key


@pytest.mark.parametrize("scale", [1, 2])
def test_rational_polynomials_follow_the_grid(tmp_path: Path, scale: int) -> None:
    source = make(tmp_path / "in.tif", place="nowhere")
    rpcs = RPC(
        **dict.fromkeys(("height_off", "lat_off", "long_off"), 50.0),
        **dict.fromkeys(("height_scale", "lat_scale", "long_scale"), 0.1),
        **dict.fromkeys(("line_num_coeff", "line_den_coeff", "samp_num_coeff", "samp_den_coeff"), [1.0] * 20),
        line_off=29.5,
        line_scale=30.0,
        samp_off=34.5,
        samp_scale=35.0,
    )
    with rasterio.open(source, "r+") as file:
        file.rpcs = rpcs
    values = open_scene(source, "sentinel2-l1c").values.repeat(scale, 1).repeat(scale, 2)
    write_like(tmp_path / "out.tif", values, read_profile(source, "sentinel2-l1c"), scale=scale)
    with rasterio.open(tmp_path / "out.tif") as file:
        # The middle of the image, between pixels 29 and 30 of 60: line 29.5 counted from the first pixel's middle.
        assert file.rpcs.line_off == HEIGHT * scale / 2 - 0.5
        assert file.rpcs.samp_off == WIDTH * scale / 2 - 0.5
        assert (file.rpcs.line_scale, file.rpcs.samp_scale) == (30 * scale, 35 * scale)
        assert file.rpcs.lat_off == rpcs.lat_off


@pytest.mark.parametrize("scale", [1, 2])
def test_alpha_is_copied(tmp_path: Path, scale: int) -> None:
    source = make(tmp_path / "in.tif", "uint8", nodata=None, photometric="RGB", alpha="yes")
    with rasterio.open(source, "r+") as file:
        file.descriptions = ("R", "G", "B", "alpha")
        opacity = np.full((HEIGHT, WIDTH), 255, "uint8")
        opacity[:7], opacity[7:9] = 0, 128
        file.write(opacity, 4)
    scene = open_scene(source)
    assert scene.shape == (3, HEIGHT, WIDTH)
    finer = scene.values.repeat(scale, 1).repeat(scale, 2)
    write_like(tmp_path / "out.tif", finer, read_profile(source), scale=scale)
    with rasterio.open(tmp_path / "out.tif") as file:
        assert file.colorinterp == (ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha)
        np.testing.assert_array_equal(file.read(4), opacity.repeat(scale, 0).repeat(scale, 1))


@pytest.mark.parametrize("name", ["out.tif", "out.cog.tif"])
@pytest.mark.parametrize("descriptions", [("R", "G", "B", "N"), (None,) * 4])
def test_a_band_that_is_marked_as_alpha_keeps_its_mark(
    tmp_path: Path, descriptions: tuple[str | None, ...], name: str
) -> None:
    source = make(tmp_path / "in.tif", "uint8", nodata=None, photometric="RGB", alpha="yes")
    with rasterio.open(source, "r+") as file:
        file.descriptions = descriptions
        colours = file.colorinterp
    assert colours[3] is ColorInterp.alpha
    restore(source, tmp_path / name, sensor=None)
    with rasterio.open(tmp_path / name) as file:
        assert file.colorinterp == colours
    assert open_scene(tmp_path / name).sizes["band"] == 4


def test_an_internal_mask_is_copied(tmp_path: Path) -> None:
    source = make(tmp_path / "in.tif", nodata=None)
    shown = np.full((HEIGHT, WIDTH), 255, "uint8")
    shown[10:20, 30:50] = 0
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(source, "r+") as file:
        file.write_mask(shown)
    before, after = restore(source, tmp_path / "out.tif", lambda values: values + np.float32(0.01))
    with rasterio.open(tmp_path / "out.tif") as file:
        np.testing.assert_array_equal(file.read_masks(1), shown)
    np.testing.assert_array_equal(after[:, 10:20, 30:50], before[:, 10:20, 30:50])
    assert facts(source) == facts(tmp_path / "out.tif")


@pytest.mark.parametrize(("name", "width"), [("out.tif", 256), ("out.cog.tif", 512)])
def test_a_scene_as_wide_as_a_block_is_tiled(tmp_path: Path, name: str, width: int) -> None:
    source = make(tmp_path / "in.tif", count=1)
    profile = replace(read_profile(source, "sentinel2-l1c"), source=None, width=width, height=32)
    write_like(tmp_path / name, np.full((1, 32, width), 0.3, np.float32), profile)
    with rasterio.open(tmp_path / name) as file:
        assert file.profile["tiled"]
