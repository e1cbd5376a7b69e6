"""Resampling: right places, right means, no gap bleeds, no window shows."""

import numpy as np
import pytest
from rasterio.crs import CRS
from rasterio.transform import Affine

from llars.infer.reading import warping
from llars.infer.reading.grids import Grid, positions
from llars.infer.reading.sources import ImageSource
from llars.infer.reading.warping import Warped, from_decibels, to_decibels
from llars.infer.tiles import Window

UTM = CRS.from_epsg(32633)
OWN = Grid(120, 120, Affine(10, 0, 500_000, 0, -10, 5_000_000), UTM)
DEGREES = Grid(70, 100, Affine(1.3e-4, 0, 14.9995, 0, -9.1e-5, 45.1530), CRS.from_epsg(4326))
SHIFTED = Grid(120, 120, Affine(10, 0, 500_003, 0, -10, 5_000_004), UTM)
COARSER = Grid(40, 40, Affine(30, 0, 500_000, 0, -30, 5_000_000), UTM)


def whole(warped):
    return warped.read(Window(0, 0, *warped.shape[1:]))


@pytest.mark.parametrize("grid", [DEGREES, SHIFTED, COARSER])
def test_pixels_come_from_their_places(grid):
    rows, columns = np.meshgrid(np.arange(120.0), np.arange(120.0), indexing="ij")
    found = whole(Warped(ImageSource(np.stack((rows, columns)).astype(np.float32)), OWN, grid))
    centres = np.meshgrid(np.arange(grid.height) + 0.5, np.arange(grid.width) + 0.5, indexing="ij")
    expected = np.stack(positions(grid, *centres, OWN)) - 0.5
    inner = ((expected > 2) & (expected < 117)).all(0)
    assert inner.any()
    # GDAL interpolates positions to an eighth of a pixel at worst; here within a fiftieth.
    assert np.abs(found - expected)[:, inner].max() < 0.02


@pytest.mark.parametrize("grid", [DEGREES, SHIFTED, COARSER])
def test_windows_do_not_show(grid, monkeypatch):
    monkeypatch.setattr(warping, "CHUNK", 32)
    source = np.random.default_rng(0).random((2, 120, 120), dtype=np.float32)
    source[0, 30:50, 40:90] = np.nan
    warped = Warped(ImageSource(source), OWN, grid)
    found = whole(warped)
    for window in (Window(0, 0, 16, 40), Window(5, 7, 40, 39), Window(33, 33, 34, 34)):
        np.testing.assert_array_equal(warped.read(window), found[(slice(None), *window.slices)])


def test_finer_pixels_are_averaged_without_those_that_are_missing():
    source = np.random.default_rng(0).random((1, 120, 120), dtype=np.float32)
    source[0, :3, :3] = np.nan
    source[0, 3, 4] = np.nan
    found = whole(Warped(ImageSource(source), OWN, COARSER))
    expected = np.nanmean(source.reshape(40, 3, 40, 3).transpose(0, 2, 1, 3).reshape(40, 40, 9)[:, :], axis=2)
    assert np.isnan(found[0, 0, 0])
    np.testing.assert_allclose(found[0], expected, atol=1e-5)


def test_beyond_the_source_there_is_no_data():
    far = Grid(50, 50, Affine(10, 0, 600_000, 0, -10, 5_000_000), UTM)
    assert np.isnan(whole(Warped(ImageSource(np.ones((1, 120, 120))), OWN, far))).all()
    found = whole(Warped(ImageSource(np.ones((1, 120, 120))), OWN, SHIFTED))
    np.testing.assert_allclose(found[np.isfinite(found)], 1, atol=1e-5)
    assert np.isfinite(found[:, 1:-1, 1:-1]).all()


def test_power_is_interpolated_without_overshoot():
    step = np.full((1, 120, 120), 1e-3, dtype=np.float32)
    step[:, :, 60:] = 1.0
    assert whole(Warped(ImageSource(step), OWN, SHIFTED, smooth=True))[:, 1:-1, 1:-1].min() > 0
    assert whole(Warped(ImageSource(step), OWN, SHIFTED))[:, 1:-1, 1:-1].min() < 0


def test_decibels_and_back():
    power = np.array([[[1e-4, 0.5, 1.0, 30.0]]], dtype=np.float32)
    np.testing.assert_allclose(from_decibels(to_decibels(power.copy())), power, rtol=1e-5)
    nothing = to_decibels(np.array([[[0.0, -1.0, np.nan]]], dtype=np.float32))
    assert np.isnan(nothing).all()
