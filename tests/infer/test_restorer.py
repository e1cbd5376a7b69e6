"""Laws of restoring a scene: tiles don't show, gaps don't bleed, radiometry holds, types are kept."""

import json

import numpy as np
import pytest
import xarray as xr
from tests.infer.scenes import RED_NIR

from llars.errors import (
    BandError,
    ConfigError,
    InstructionError,
    RasterError,
    ValueRangeError,
    WeightsError,
)
from llars.infer.diagnosis.findings import corrective_steps
from llars.infer.restorer import load
from llars.tasks import Step

SR2 = Step("sr", 1 / 3, "double the resolution", 2)


@pytest.fixture(scope="module")
def gappy(textured):
    """1300 x 1100 pixels with a hole in all bands, a hole in one, and a corner of infinities."""
    scene = textured(2, 1100, 1300)
    scene[:, 300:420, 500:777] = np.nan
    scene[1, :50, :60] = np.nan
    scene[:, 1000:, :100] = np.inf
    return scene


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_tile_size_does_not_show(make_restorer, gappy, precision):
    restorer = make_restorer(precision)
    whole = restorer(gappy, "noise", bands=RED_NIR, tile=2000)
    assert np.nanmax(np.abs(whole - gappy)[np.isfinite(gappy)]) > 0.05, "a network that does nothing shows nothing"
    for tile in (256, 512):
        # 1e-3 of the data range, the contract of the design.
        np.testing.assert_allclose(restorer(gappy, "noise", bands=RED_NIR, tile=tile), whole, atol=1e-3)


def test_without_a_halo_tiles_would_show(restorer, random_network, textured, monkeypatch):
    scene = textured(2, 128, 128)
    whole = restorer(scene, "noise", bands=RED_NIR)
    monkeypatch.setattr(random_network, "halo", 0)
    assert np.abs(restorer(scene, "noise", bands=RED_NIR, tile=64) - whole).max() > 1e-3


def test_gaps_stay_gaps_and_never_bleed(restorer, gappy):
    scene = gappy[:, 250:450, 450:800]
    gaps = ~np.isfinite(scene)
    result, deviation = restorer(scene, "noise", bands=RED_NIR, uncertainty=True)
    assert np.array_equal(np.isnan(result), gaps)
    assert np.array_equal(np.isnan(deviation), gaps)
    poisoned = np.where(gaps, np.float32(-np.inf), scene)
    assert np.array_equal(restorer(poisoned, "noise", bands=RED_NIR), result, equal_nan=True)


def test_a_band_without_data_leaves_the_others_alone(restorer, textured):
    scene = textured(2, 64, 64)
    scene[1] = np.nan
    result = restorer(scene, "noise", bands=RED_NIR)
    assert np.isnan(result[1]).all()
    assert np.isfinite(result[0]).all()


def test_finer_grid_keeps_the_mean_of_every_input_pixel(restorer, textured):
    scene = textured(2, 50, 70)
    scene[:, 10:20, 30:41] = np.nan
    for scale in (2, 3):
        fine = restorer(scene, "noise", bands=RED_NIR, scale=scale)
        only_sr = restorer(scene, [Step("sr", 0.5, "finer", scale)], bands=RED_NIR)
        assert fine.shape == only_sr.shape == (2, 50 * scale, 70 * scale)
        means = only_sr.reshape(2, 50, scale, 70, scale).mean(axis=(2, 4))
        # Rounding of float32 sums of a few values below 1.
        np.testing.assert_allclose(means, scene, atol=1e-6)
    free = restorer(scene, [SR2], bands=RED_NIR, project=False).reshape(2, 50, 2, 70, 2).mean(axis=(2, 4))
    assert np.nanmax(np.abs(free - scene)) > 1e-3


def test_physical_units_come_back(restorer, data_array):
    kelvin = (data_array * 60.0 + 260.0).assign_attrs(data_array.attrs | {"value_range": (260.0, 320.0)})
    expected, sigma = restorer(data_array, "noise", uncertainty=True)
    found, sigma_kelvin = restorer(kelvin, "noise", uncertainty=True)
    # float32 resolves 300 K to 3e-5 K, and what differs there may be rounded apart where bfloat16 is used.
    np.testing.assert_allclose(found.values, expected.values * 60.0 + 260.0, atol=0.03)
    np.testing.assert_allclose(sigma_kelvin.values, sigma.values * 60.0, rtol=1e-2)
    assert np.nanmin(sigma) > 0


def test_every_band_has_its_own_range(restorer, data_array):
    factors, offsets = np.array([10.0, 1000.0]), np.array([-3.0, 50.0])
    stored = (data_array * factors[:, None, None] + offsets[:, None, None]).astype(np.float32)
    ranges = tuple((float(low), float(low + width)) for low, width in zip(offsets, factors, strict=True))
    found = restorer(stored.assign_attrs(data_array.attrs | {"band_ranges": ranges}), "noise").values
    expected = restorer(data_array, "noise").values
    np.testing.assert_allclose((found - offsets[:, None, None]) / factors[:, None, None], expected, atol=1e-4)


def test_numpy_and_xarray_give_the_same(restorer, data_array):
    result = restorer(data_array, "noise")
    plain = restorer(data_array.values.astype(np.float64), "noise", bands=list(RED_NIR))
    assert result.dtype == plain.dtype == np.float32
    assert np.array_equal(result.values, plain, equal_nan=True)
    assert result.attrs == data_array.attrs
    assert result.coords.identical(data_array.coords)
    turned = restorer(data_array.transpose("y", "x", "band"), "noise")
    assert turned.dims == ("y", "x", "band")
    assert np.array_equal(turned.transpose("band", "y", "x").values, result.values, equal_nan=True)


def test_input_is_left_as_it_was(restorer, data_array):
    before = data_array.copy(deep=True)
    restorer(data_array, "noise", scale=2)
    xr.testing.assert_identical(data_array, before)


def test_finer_grid_has_the_same_bounds(restorer, data_array):
    fine = restorer(data_array, [SR2])
    assert fine.sizes == {"band": 2, "y": 80, "x": 96}
    assert fine.x.values[[0, -1]] == pytest.approx([300_002.5, 300_477.5])
    assert fine.y.values[[0, -1]] == pytest.approx([4_999_997.5, 4_999_602.5])
    transform = [float(number) for number in fine.spatial_ref.attrs["GeoTransform"].split()]
    assert transform == [300_000.0, 5.0, 0.0, 5_000_000.0, 0.0, -5.0]
    assert [band.gsd_m for band in fine.attrs["bands"]] == [5.0, 5.0]


def test_ground_control_points_count_finer_pixels(restorer, data_array):
    point = {"type": "Feature", "properties": {"id": "1", "row": 3.5, "col": 7.0}, "geometry": {"type": "Point"}}
    data_array.spatial_ref.attrs["gcps"] = json.dumps({"type": "FeatureCollection", "features": [point]})
    fine = restorer(data_array, [SR2])
    found = json.loads(fine.spatial_ref.attrs["gcps"])["features"][0]
    assert found == {**point, "properties": {"id": "1", "row": 7.0, "col": 14.0}}


def test_values_far_from_their_range_are_refused(restorer, textured):
    with pytest.raises(ValueRangeError, match=r"far outside 0 to 1, .* give physical values: 8-bit pictures / 255"):
        restorer(textured(3, 32, 32) * 255, "noise")


def test_steps_are_taken_in_order(restorer, textured):
    scene = textured(2, 64, 64)
    first, second = Step("denoise", 0.5, "noise"), Step("destripe", 0.5, "the stripes")
    both = restorer(scene, [first, second], bands=RED_NIR)
    one_by_one = restorer(restorer(scene, [first], bands=RED_NIR), [second], bands=RED_NIR)
    np.testing.assert_allclose(both, one_by_one, atol=1e-5)
    assert not np.allclose(both, restorer(scene, [second, first], bands=RED_NIR), atol=1e-4)


def test_scale_adds_or_overrides_the_finer_grid(restorer):
    assert [(step.task, step.scale) for step in restorer.plan("noise", 3)] == [("denoise", 1), ("sr", 3)]
    assert [(step.task, step.scale) for step in restorer.plan([SR2], 4)] == [("sr", 4)]
    with pytest.raises(ConfigError, match="2, 3 or 4"):
        restorer.plan("noise", 7)


def test_progress_counts_every_tile(restorer, textured):
    seen = []
    restorer(textured(3, 100, 130), "noise", tile=64, scale=2, progress=lambda done, total: seen.append((done, total)))
    tiles = 2 * 3 + 4 * 5
    assert seen == [(done, tiles) for done in range(1, tiles + 1)]


def test_diagnosis_comes_with_prompts_for_tasks_the_weights_can_do(make_restorer, textured):
    noisy = textured(3, 64, 64) + np.random.default_rng(2).normal(0, 0.08, (3, 64, 64)).astype(np.float32)
    found = make_restorer(tasks=("denoise", "haze")).diagnose(noisy)
    assert "denoise" in {finding.task for finding in found} <= {"denoise", "haze"}
    assert all(0 < finding.severity <= 1 and finding.prompt for finding in found)
    assert not make_restorer(tasks=("sr",)).diagnose(noisy)


def test_without_an_instruction_what_is_found_is_mended(make_restorer, textured):
    noisy = textured(3, 64, 64) + np.random.default_rng(2).normal(0, 0.08, (3, 64, 64)).astype(np.float32)
    able = make_restorer(tasks=("denoise",))
    expected = able(noisy, corrective_steps(able.diagnose(noisy)))
    assert (expected != noisy).mean() > 0.5
    np.testing.assert_array_equal(able(noisy), expected)
    np.testing.assert_array_equal(make_restorer(tasks=("sr",))(noisy), noisy)


@pytest.mark.parametrize("prompt", [5, ["noise"], [None], object()])
def test_what_is_no_instruction_is_refused(restorer, textured, prompt):
    with pytest.raises(InstructionError, match="in place of an instruction, expected words"):
        restorer(textured(3, 32, 32), prompt)


@pytest.mark.parametrize("image", ["scene.tif", None, [[[0.5]]], xr.Dataset()])
def test_what_is_no_image_is_refused(restorer, image):
    with pytest.raises(BandError, match=r"expected a DataArray or a NumPy array.*llars\.open_scene"):
        restorer(image, "noise")


@pytest.mark.parametrize("dtype", ["complex64", "U5"])
def test_values_that_are_no_numbers_are_refused(restorer, textured, dtype):
    with pytest.raises(BandError, match="expected real numbers"):
        restorer(textured(3, 32, 32).astype(dtype), "noise")


@pytest.mark.parametrize("tile", [0, -16, "large", (64, 0)])
def test_tiles_without_pixels_are_refused(restorer, textured, tile):
    with pytest.raises(ConfigError, match=r"tiles with a side of .* at least 1"):
        restorer(textured(3, 32, 32), "noise", tile=tile)


@pytest.mark.parametrize(
    ("shape", "bands", "fault", "message"),
    [
        ((0, 64, 64), (), BandError, "without channels"),
        ((4, 64, 64), 4, BandError, "bands=4"),
        ((64, 64), None, BandError, "expected \\(band, y, x\\)"),
        ((5, 64, 64), None, BandError, "give bands="),
        ((4, 64, 64), "rgb", BandError, "4 channels, but 3 bands"),
        ((3, 5, 64), None, RasterError, "16 x 16"),
    ],
)
def test_unfit_arrays_are_refused(restorer, shape, bands, fault, message):
    with pytest.raises(fault, match=message):
        restorer(np.zeros(shape, dtype=np.float32), "noise", bands=bands)


def test_scenes_without_data_or_bands_are_refused(restorer, data_array):
    with pytest.raises(RasterError, match="no data"):
        restorer(data_array * np.nan, "noise", bands=RED_NIR)
    with pytest.raises(BandError, match="open_scene"):
        restorer(data_array.drop_attrs(), "noise")


def test_what_the_weights_cannot_do_is_refused(restorer, textured):
    scene = textured(3, 32, 32)
    with pytest.raises(InstructionError, match=r"needs a guide \(sar\).*can do haze, denoise"):
        restorer(scene, "look through with the radar")
    with pytest.raises(InstructionError, match=r"asks for cloud; .*can do haze, denoise"):
        restorer(scene, "remove the clouds")
    with pytest.raises(InstructionError, match=r"asks for cloud_sar; .*can do haze, denoise"):
        restorer(scene, "remove the clouds", guides={"sar": scene[:2]})


def test_unknown_weights_device_and_precision_are_refused(make_restorer, tmp_path):
    with pytest.raises(WeightsError, match="no weights named"):
        load(tmp_path / "none.safetensors")
    with pytest.raises(ConfigError, match="float32"):
        make_restorer("float8")


def test_masked_pixels_are_gaps(restorer, textured):
    values = textured(3, 40, 48)
    mask = np.zeros(values.shape, dtype=bool)
    mask[:, 5:15, 20:31] = mask[1, 30:33, 8:11] = True
    holed = np.where(mask, np.float32(np.nan), values)
    hidden = np.ma.masked_array(np.where(mask, np.float32(999.0), values), mask)
    for prompt in ("reduce the noise", []):
        result = restorer(hidden, prompt)
        assert not isinstance(result, np.ma.MaskedArray)
        np.testing.assert_array_equal(result, restorer(holed, prompt))
        np.testing.assert_array_equal(np.isnan(result), mask)


def test_masked_pixels_of_a_guide_are_gaps(fuser, textured):
    sharpen = Step("pansharpen", 0.5, "sharpen with the pan")
    values, pan = textured(4, 40, 48, seed=1), textured(1, 80, 96, seed=2)
    hidden = np.ma.masked_array(pan.copy(), np.zeros(pan.shape, dtype=bool))
    hidden[:, 20:30, 20:30] = 999.0
    hidden[:, 20:30, 20:30] = np.ma.masked
    pan[:, 20:30, 20:30] = np.nan
    results = [
        fuser(values, [sharpen], guides={"pan": one}, bands=["B02", "B03", "B04", "B08"]) for one in (hidden, pan)
    ]
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("severity", [float("nan"), 7.0, -3.0, "much", None])
def test_a_severity_out_of_range_is_refused(restorer, severity):
    with pytest.raises(ConfigError, match=r"'noise' \(denoise\) has the severity .*, expected a number from 0 to 1"):
        restorer.plan([Step("denoise", severity, "noise")])
    darker = [Step("brightness", np.float32(-0.5), "darken")]
    assert restorer.plan(darker) == darker


def test_a_pixel_size_alone_is_said_to_need_a_scene(restorer):
    with pytest.raises(InstructionError, match=r"'bring it to 5 m' names a pixel size.* depends on the scene"):
        restorer.understand("bring it to 5 m")
    with pytest.raises(InstructionError, match="nothing to do"):
        restorer.understand("bake a cake")
