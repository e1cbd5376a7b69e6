"""Scenes for eyes."""

import math

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS
from tests.commands import write

from llars.bands import plain_bands
from llars.infer.raster.profile import read_profile
from llars.infer.reading.grids import Grid
from llars.infer.report.display import (
    RasterFile,
    composites,
    data_uri,
    display_size,
    jpeg,
    pixel_aspect,
    png,
)
from llars.infer.report.stretch import limits, to_bytes
from llars.infer.tiles import Window
from llars.sensors import get_sensor


def opened(path) -> RasterFile:
    profile = read_profile(path)
    return RasterFile(path, profile.decoding, Grid(profile.height, profile.width, profile.transform, profile.crs))


def decoded(content: bytes) -> np.ndarray:
    with rasterio.MemoryFile(content) as memory, memory.open() as file:
        return file.read()


@pytest.mark.parametrize(
    ("transform", "crs", "aspect"),
    [
        (Affine(10, 0, 0, 0, -10, 0), "EPSG:32633", 1.0),
        (Affine(30, 0, 0, 0, -10, 0), "EPSG:32633", 3.0),
        (Affine(1e-4, 0, 25, 0, -1e-4, 60.005), "EPSG:4326", math.cos(math.radians(60.0))),
        (Affine(6, -8, 0, -8, -6, 0), "EPSG:32633", 1.0),
    ],
)
def test_pixels_are_as_wide_as_on_the_ground(transform, crs, aspect):
    assert pixel_aspect(Grid(100, 100, transform, CRS.from_string(crs))) == pytest.approx(aspect, rel=1e-3)


def test_pictures_keep_every_pixel_that_fits_and_their_proportions():
    tall = Grid(100, 100, Affine(10, 0, 0, 0, -20, 0), CRS.from_epsg(32633))
    assert display_size(tall, 1000) == (200, 100)
    assert display_size(tall, 50) == (50, 25)
    assert display_size(Grid(100, 400), 1000) == (100, 400)


def test_combinations_are_named_by_what_they_show():
    names = composites(get_sensor("sentinel2-l2a").bands)
    bands = {name: [get_sensor("sentinel2-l2a").bands[i].name for i in channels] for name, channels in names.items()}
    assert next(iter(bands.values())) == ["B04", "B03", "B02"]
    assert ["B08", "B04", "B03"] in bands.values()
    assert any("B11" in one for one in bands.values())
    assert bands["B12 alone"] == ["B12"] * 3


def test_bands_of_which_nothing_is_known_are_shown_too():
    assert list(composites(plain_bands(2))) == ["band_1 alone", "band_2 alone"]
    assert composites(plain_bands(4))["First bands"] == (0, 1, 2)


def test_thinning_takes_pixels_as_they_are_and_gaps_stay(tmp_path):
    numbers = np.arange(3 * 40 * 60, dtype=np.uint16).reshape(3, 40, 60)
    path = write(tmp_path / "scene.tif", numbers, nodata=0)
    file = opened(path)
    thin = file.decimated(20, 30)
    assert thin.shape == (3, 20, 30)
    whole = file.read(Window(0, 0, 40, 60))
    assert np.isin(thin[np.isfinite(thin)], whole[np.isfinite(whole)]).all()
    assert np.array_equal(file.only([2, 0]).decimated(40, 60), whole[[2, 0]], equal_nan=True)


def test_a_stretch_spans_all_images_and_gaps_are_black():
    dark, bright = (np.full((3, 8, 8), value, dtype=np.float32) for value in (0.1, 0.5))
    dark[:, 0, 0] = np.nan
    low, high = limits([dark, bright], (2.0, 98.0))
    assert (low.ravel() == np.float32(0.1)).all()
    assert (high.ravel() == np.float32(0.5)).all()
    assert to_bytes(bright, low, high).min() == 255
    shown = to_bytes(dark, low, high, gap=9)
    assert shown[0, 0, 0] == 9
    assert shown[0, 1, 1] == 0


def test_a_jpeg_gets_worse_before_it_gets_too_large():
    noise = np.random.default_rng(0).integers(0, 256, (3, 200, 200)).astype(np.uint8)
    best = jpeg(noise, 10**9)
    small = jpeg(noise, len(best) // 2)
    assert len(small) <= len(best) // 2
    assert decoded(small).shape == (3, 200, 200)


def test_a_png_keeps_every_number_and_an_address_holds_it():
    picture = np.random.default_rng(0).integers(0, 256, (4, 5, 7)).astype(np.uint8)
    assert np.array_equal(decoded(png(picture)), picture)
    assert data_uri(png(picture)).startswith("data:image/png;base64,")
    assert data_uri(jpeg(picture[:3], 10**6)).startswith("data:image/jpeg;base64,")
