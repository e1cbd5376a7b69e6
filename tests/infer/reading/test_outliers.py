"""A few values far outside the range: left out like gaps while the scene is restored, and kept in the result."""

import numpy as np
import pytest
import rasterio
import xarray as xr
from rasterio.transform import Affine
from tests.infer.rasters import NORTH_UP, UTM
from tests.infer.scenes import RED_NIR

from llars.bands import Band
from llars.errors import ValueRangeError
from llars.infer.job import diagnose_file, restore_file
from llars.infer.reading.guides import read_guides
from llars.infer.reading.outliers import Plausible
from llars.infer.reading.picture import picture_of
from llars.infer.reading.sources import ImageSource
from llars.infer.tiles import Window
from llars.tasks import Step

LOWEST = np.finfo(np.float32).min
NOISE, SR2 = Step("denoise", 0.5, "noise"), Step("sr", 1 / 3, "double the resolution", 2)
FILL = (slice(None), slice(60, 66), slice(70, 75))


@pytest.fixture
def scene(textured):
    return textured(2, 150, 130)


def with_fill(scene, number):
    filled = scene.copy()
    filled[FILL] = number
    return filled


@pytest.mark.parametrize("number", [-9999.0, 65535.0, LOWEST, 5.0])
@pytest.mark.parametrize("steps", [[NOISE], [NOISE, SR2], [SR2]])
def test_outliers_are_restored_around_like_gaps_and_keep_their_value(restorer, scene, number, steps):
    scale = max(step.scale for step in steps)
    result, sigma = restorer(with_fill(scene, number), steps, bands=RED_NIR, uncertainty=True)
    expected, spread = restorer(with_fill(scene, np.nan), steps, bands=RED_NIR, uncertainty=True)
    gaps = np.isnan(expected)
    assert gaps.sum() == scene[FILL].size * scale**2
    np.testing.assert_array_equal(result[gaps], np.float32(number))
    np.testing.assert_array_equal(result[~gaps], expected[~gaps])
    np.testing.assert_array_equal(sigma, spread)


def test_outliers_are_exact_over_tiles_and_in_dask(restorer, scene):
    filled = with_fill(scene, -9999.0)
    attrs = {"bands": RED_NIR, "value_range": (0.0, 1.0)}
    lazy = xr.DataArray(filled, dims=("band", "y", "x"), attrs=attrs).chunk(y=50, x=60)
    whole = restorer(filled, [NOISE, SR2], bands=RED_NIR)
    np.testing.assert_allclose(restorer(filled, [NOISE, SR2], bands=RED_NIR, tile=64), whole, atol=1e-3)
    np.testing.assert_allclose(restorer(lazy, [NOISE, SR2], tile=64).values, whole, atol=1e-3)


def test_the_user_is_told_of_outliers_once(restorer, scene):
    said = []
    for part in restorer.stream(with_fill(scene, -9999.0), "noise", bands=RED_NIR, say=said.append):
        assert np.isfinite(part.values).all()
    share = 100 * scene[FILL].size / scene.size
    assert said == [
        f"{share:.2g} % of the values lie far outside 0 to 1 and were left as they are; if they mean no data, declare "
        "it (gdal_edit.py -a_nodata ..., NaN in an array)"
    ]
    said.clear()
    restorer.stream(scene, "noise", bands=RED_NIR, say=said.append)
    assert not said


def test_only_a_scene_with_outliers_is_read_again_for_them(scene, monkeypatch):
    picture = picture_of(with_fill(scene, np.nan), RED_NIR)
    monkeypatch.setattr(ImageSource, "read", lambda *_: pytest.fail("read again"))
    gaps = np.full((2, 8, 8), np.nan, dtype=np.float32)
    assert np.isnan(picture.with_outliers(gaps, Window(60, 70, 68, 78), 1)).all()


def test_the_range_of_a_scene_is_checked_whatever_holds_it_but_not_one_taken_from_the_image(scene):
    attrs = {"bands": RED_NIR, "value_range": (0.0, 1.0), "sensor": "landsat8-oli-sr"}
    image = xr.DataArray(scene, dims=("band", "y", "x"), attrs=attrs)
    assert not picture_of(image).outliers
    numbers = (image * 10_000).assign_attrs(attrs)
    with pytest.raises(ValueRangeError, match="far outside 0 to 1, the range of these bands, the farthest at"):
        picture_of(numbers)
    own = picture_of(numbers.assign_attrs(sensor="unknown"))
    assert not own.outliers
    assert own.layers.survey.valid == (150 * 130, 150 * 130)


def test_a_declared_nodata_number_is_a_gap(restorer, scene):
    attrs = {"bands": RED_NIR, "value_range": (0.0, 1.0)}
    declared = xr.DataArray(with_fill(scene, -1.0), dims=("band", "y", "x"), attrs={**attrs, "_FillValue": -1.0})
    masked = xr.DataArray(with_fill(scene, np.nan), dims=("band", "y", "x"), attrs=attrs)
    for image in (declared, declared.chunk(y=50)):
        result = restorer(image, "noise")
        np.testing.assert_array_equal(result.values, restorer(masked, "noise").values)
        assert result.rio.encoded_nodata == -1.0
        assert np.isnan(result.rio.nodata)
    bytes_image = xr.DataArray(np.ones((2, 16, 16), np.uint8), dims=("band", "y", "x"), attrs=declared.attrs)
    assert picture_of(bytes_image).load()[1].all(), "a number that the type cannot hold occurs nowhere"


@pytest.mark.parametrize(("dtype", "number"), [("float32", -9999.0), ("float32", LOWEST), ("uint16", 65535)])
@pytest.mark.parametrize("scale", [None, 2])
def test_files_keep_the_stored_numbers_of_outliers(restorer, scene, tmp_path, dtype, number, scale):
    factor = 1e-4 if dtype == "uint16" else 1.0
    source, target = tmp_path / "in.tif", tmp_path / "out.tif"
    stored = np.round(scene * 1e4).astype(dtype) if dtype == "uint16" else scene.copy()
    stored[FILL] = number
    with rasterio.open(
        source, "w", "GTiff", 130, 150, 2, UTM, NORTH_UP, dtype, tiled=True, blockxsize=32, blockysize=32
    ) as file:
        file.write(stored)
        file.descriptions, file.scales = ("B04", "B08"), (factor,) * 2
        file.update_tags(SENSOR="sentinel2-l2a")
    report = restore_file(source, target, "noise", scale=scale, tile=64, restorer=restorer)
    assert sum("far outside" in note for note in report.notes) == 1
    with rasterio.open(target) as file:
        result = file.read()
    kept = np.zeros(stored.shape, dtype=bool)
    kept[FILL] = True
    kept = kept.repeat(scale or 1, 1).repeat(scale or 1, 2)
    assert (result[kept] == np.asarray(number, dtype=dtype)).all()
    assert np.isfinite(result).all()
    # Restored values stay near the range of the scene: nothing of the outliers reached them.
    assert np.abs(result[~kept] * factor).max() < 3.0


def test_the_diagnosis_is_that_of_gaps(scene, tmp_path):
    found = []
    for number in (np.nan, -9999.0):
        path = tmp_path / f"{number}.tif"
        with rasterio.open(path, "w", "GTiff", 130, 150, 2, UTM, NORTH_UP, "float32") as file:
            file.write(with_fill(scene, number))
            file.descriptions = ("B04", "B08")
            file.update_tags(SENSOR="sentinel2-l2a")
        found.append(diagnose_file(path))
    assert found[0] == found[1]
    assert [finding.measures for finding in found[0]] == [finding.measures for finding in found[1]]


def test_outliers_of_a_guide_are_gaps_unless_they_are_many(scene):
    target = picture_of(scene, RED_NIR)
    for number, gaps in ((-9999.0, True), (0.5, False)):
        guide = read_guides({"pan": with_fill(scene[:1], number)}, target, str)
        (layers,) = (one.on(target.grid.on_a_map(), 10.0) for one in guide.values())
        assert layers.survey.valid == (scene[0].size - gaps * scene[:1][FILL].size,)
    (many,) = read_guides({"pan": scene[:1] * 10_000}, target, str).values()
    assert many.on(target.grid.on_a_map(), 10.0).survey.valid == (scene[0].size,)


def test_a_range_taken_from_the_image_reaches_further(scene):
    attrs = {"bands": RED_NIR, "value_range": (0.0, 1.0), "sensor": "unknown"}
    for number, sensor, found in ((5.0, "unknown", 0), (5.0, "naip", 60), (-9999.0, "unknown", 60)):
        image = xr.DataArray(with_fill(scene, number), dims=("band", "y", "x"), attrs={**attrs, "sensor": sensor})
        assert picture_of(image).outliers == found


def test_on_a_grid_in_which_the_scene_does_not_nest_outliers_are_missing(fuser, textured, placed):
    """The input is resampled without them, so that nothing of them reaches their neighbours."""
    scene = placed(with_fill(textured(2, 90, 90), -9999.0), RED_NIR, Affine(10, 0, 500_000, 0, -10, 5_000_000))
    pan = placed(textured(1, 180, 180), [Band("PAN", 625.0)], Affine(4.9, 0, 500_003, 0, -4.9, 4_999_998))
    result = fuser(scene, "panchromatic", guides={"pan": pan}).values
    missing = np.isnan(result)
    assert missing.any()
    assert missing.mean() < 0.02
    # Values that a random network gives; the outliers are a thousand times further away.
    assert np.abs(result[~missing]).max() < 10.0


def test_plausible_values_pass_unchanged(scene):
    window = Window(3, 5, 80, 90)
    plausible = Plausible(ImageSource(with_fill(scene, 9.0)), ((0.0, 1.0), (0.0, 4.0)))
    values = plausible.read(window)
    # 9 lies 8.5 widths from the middle of the first range, and 1.75 of the second.
    assert np.isnan(values[0, 57:63, 65:70]).all()
    values[0, 57:63, 65:70] = 9.0
    np.testing.assert_array_equal(values, with_fill(scene, 9.0)[:, 3:80, 5:90])
    assert (plausible.removed, plausible.farthest) == (30, 9.0)
