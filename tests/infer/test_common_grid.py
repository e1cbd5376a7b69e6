"""How coarser bands are led by finer ones, and when they are not."""

import numpy as np
import pytest
import rasterio
import xarray as xr
from rasterio.transform import Affine

from llars.bands import Band
from llars.infer.common_grid import _best_sample, _compare_methods, _fit_mixture
from llars.scene.products.mixing import stacked, weighted

BANDS = (Band("B05", 704, 15, 20),)


@pytest.fixture
def fine(textured):
    return textured(4, 96, 120, seed=2)


def halved(values, factor=2):
    bands, rows, columns = values.shape
    return values.reshape(bands, rows // factor, factor, columns // factor, factor).mean((2, 4))


def test_a_band_that_is_a_mixture_is_found_to_be_one(fine) -> None:
    weights = np.array([0.2, 0.0, 0.5, 0.4])
    truth = np.tensordot(weights, fine, 1)[None] + 0.03
    mixture = _fit_mixture(truth.astype(np.float32), fine)
    np.testing.assert_allclose(mixture.weights, weights, atol=1e-4)
    assert mixture.constant == pytest.approx(0.03, abs=1e-4)
    # What is slow, haze say, says nothing of detail.
    hazy = truth + np.linspace(0, 2, 96)[None, :, None]
    np.testing.assert_allclose(_fit_mixture(hazy.astype(np.float32), fine).weights, weights, atol=0.02)


def test_gaps_do_not_count(fine) -> None:
    truth = (0.3 * fine[:1] + 0.6 * fine[2:3]).astype(np.float32)
    truth[:, :20, :30] = np.nan
    fine[:, 60:, 50:] = np.nan
    mixture = _fit_mixture(truth, fine)
    np.testing.assert_allclose(mixture.weights, [0.3, 0, 0.6, 0], atol=1e-4)
    assert mixture.constant == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("factor", [1, 2])
def test_the_mixture_as_a_raster_is_that_of_the_physical_values(fine, tmp_path, factor) -> None:
    numbers = np.rint(fine * 10_000 + 1000).astype(np.uint16)
    numbers[:, :6, :8] = 0
    path = tmp_path / "fine.tif"
    place = {"crs": "EPSG:32633", "transform": Affine(10, 0, 600_000, 0, -10, 5_400_000), "nodata": 0}
    with rasterio.open(path, "w", driver="GTiff", count=4, height=96, width=120, dtype="uint16", **place) as file:
        file.write(numbers)
        file.scales, file.offsets = (1e-4,) * 4, (-0.1,) * 4
    text = weighted(str(path), [0.2, -0.1, 0.5, 0.4], 0.03, factor)
    with rasterio.open(text) as file:
        assert file.res == (10 * factor, 10 * factor)
        values = file.read(1)
    physical = numbers * 1e-4 - 0.1
    truth = halved(np.tensordot([0.2, -0.1, 0.5, 0.4], physical, 1)[None] + 0.03, factor)[0]
    gap = (slice(6 // factor), slice(8 // factor))
    assert np.isnan(values[gap]).all()
    values[gap] = truth[gap] = 0
    # GDAL rounds means of integers to integers: half a number of 1e-4 in each band, times the weights.
    np.testing.assert_allclose(values, truth, atol=1e-5 if factor == 1 else 0.5e-4 * 1.2 + 1e-6)
    both = stacked([(str(path), 3), (str(path), 1)])
    with rasterio.open(both) as file:
        np.testing.assert_array_equal(file.read(), numbers[[2, 0]])
        assert (file.scales, file.offsets, file.nodata) == ((1e-4,) * 2, (-0.1,) * 2, 0)


def test_both_ways_are_tried_where_the_truth_is_known(fine) -> None:
    truth = fine[:1]

    def restore(scene, steps, guides=None):
        assert scene.shape == (1, 48, 60)
        assert (scene.attrs["bands"][0].gsd_m, steps[0].task) == (40, "pansharpen" if guides else "sr")
        return xr.DataArray(truth + (0.01 if guides else 0.02), dims=("band", "y", "x"))

    led, alone = _compare_methods(restore, BANDS, truth, fine, 2)
    assert (led, alone) == (pytest.approx(0.01, rel=1e-3), pytest.approx(0.02, rel=1e-3))
    assert _compare_methods(restore, BANDS, truth[:, :24, :24], fine[:, :24, :24], 2) is None


def test_the_sample_lies_where_the_data_are(monkeypatch, placed) -> None:
    monkeypatch.setattr("llars.infer.common_grid.SIDE", 24)
    values = np.full((2, 120, 96), np.nan, np.float32)
    values[:, 90:, 60:] = 0.3
    transform = Affine(20, 0, 0, 0, -20, 0)
    coarse = placed(values, [*BANDS, Band("B06")], transform)
    fine = placed(values.repeat(2, 1).repeat(2, 2), [*BANDS, Band("B06")], transform @ Affine.scale(0.5))
    truth, guide = _best_sample(coarse, fine, 2)
    assert truth.shape == guide.shape == (2, 24, 24)
    assert np.isfinite(truth).mean() > 0.9
    np.testing.assert_array_equal(np.isfinite(truth), np.isfinite(guide))
