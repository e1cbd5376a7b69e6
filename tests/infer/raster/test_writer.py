"""What a written file keeps of its source: numbers, gaps and metadata."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from tests.infer.rasters import BANDS, HEIGHT, NORTH_UP, UTM, WIDTH, facts, make, rescale, restore

from llars.infer.raster import read_profile, write_like
from llars.scene import open_scene

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


@pytest.mark.parametrize("place", ["north up", "rotated", "points", "nowhere"])
@pytest.mark.parametrize("count", [1, 3, 4, 10, 13])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
def test_everything_survives(tmp_path: Path, dtype: str, count: int, place: str) -> None:
    source = make(tmp_path / "in.tif", dtype, count, place)
    if dtype == "uint8":
        rescale(source, 1 / 255, 0.0)
    before, after = restore(source, tmp_path / "out.tif")
    assert before.tobytes() == after.tobytes()
    assert facts(source) == facts(tmp_path / "out.tif")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["in.tif", "out.tif"]
    with rasterio.open(tmp_path / "out.tif") as file:
        assert not any("STATISTICS_MEAN" in file.tags(i) for i in file.indexes)
        assert file.profile["tiled"]
        assert file.profile["compress"] == "deflate"


@pytest.mark.parametrize(
    ("dtype", "scale", "offset"),
    [
        ("uint16", 1e-4, -0.1),
        ("uint16", 2.75e-5, -0.2),
        ("int16", 1e-4, 0.0),
        ("float32", 0.9, 0.01),
        ("int32", 1e-5, 0),
    ],
)
def test_unchanged_values_come_back_bit_for_bit(tmp_path: Path, dtype: str, scale: float, offset: float) -> None:
    source = rescale(make(tmp_path / "in.tif", dtype, brightest=int(1.2 / scale)), scale, offset)
    with rasterio.open(source, "r+") as file:
        if dtype == "int32":  # neighbours that float32 can't tell apart
            file.write(
                np.arange(17_000_000, 17_000_000 + HEIGHT * WIDTH, dtype="int32").reshape(HEIGHT, WIDTH) // 90, 1
            )
    before, after = restore(source, tmp_path / "out.tif")
    assert before.tobytes() == after.tobytes()
    assert facts(source) == facts(tmp_path / "out.tif")


@pytest.mark.parametrize("dtype", ["uint16", "int16"])
def test_changed_values_are_rounded_to_the_nearest_number(tmp_path: Path, dtype: str) -> None:
    source = rescale(make(tmp_path / "in.tif", dtype), 1e-4, -0.1)
    before, after = restore(source, tmp_path / "out.tif", lambda values: values + np.float32(0.00123))
    valid = before != 0
    # 12.3 numbers are 12; float32 moves a physical value of 1 by less than a hundredth of a number
    np.testing.assert_array_equal(after[valid], before[valid] + 12)
    assert (after[~valid] == 0).all()


def test_values_beyond_the_type_are_clipped(tmp_path: Path) -> None:
    source = rescale(make(tmp_path / "in.tif", "uint8", nodata=None), 1 / 255, 0.0)
    _, after = restore(source, tmp_path / "out.tif", lambda values: values * 10 - 1, sensor=None)
    assert after.max() == 255
    assert after.min() == 0


@pytest.mark.parametrize("nodata", [0, 65535, 500])
def test_gaps_stay_gaps_and_valid_pixels_stay_valid(tmp_path: Path, nodata: int) -> None:
    source = make(tmp_path / "in.tif", "uint16", nodata=nodata)

    def onto_nodata(values: np.ndarray) -> np.ndarray:
        return np.full_like(values, nodata * 1e-4)

    before, after = restore(source, tmp_path / "out.tif", onto_nodata)
    np.testing.assert_array_equal(after == nodata, before == nodata)
    assert np.abs(after[before != nodata].astype(int) - nodata).max() == 1


def test_a_sensors_nodata_number_is_kept_free_too(tmp_path: Path) -> None:
    source = make(tmp_path / "in.tif", nodata=None)
    with rasterio.open(source, "r+") as file:
        values = file.read()
        values[1, 5, 6] = 0
        file.write(values)
    before, after = restore(source, tmp_path / "out.tif", lambda values: values * 0)
    np.testing.assert_array_equal(after == 0, before == 0)


def test_float_gaps_keep_their_kind(tmp_path: Path) -> None:
    source = make(tmp_path / "in.tif", "float32", nodata=-9999)
    with rasterio.open(source, "r+") as file:
        values = file.read()
        values[0, 0, :3] = (np.nan, np.inf, -np.inf)
        file.write(values)
    before, after = restore(source, tmp_path / "out.tif", lambda values: np.full_like(values, -9999))
    gaps = ~np.isfinite(before) | (before == -9999)
    assert before[gaps].tobytes() == after[gaps].tobytes()
    assert (after[~gaps] != -9999).all()
    np.testing.assert_allclose(after[~gaps], -9999, rtol=1e-6)


def test_lost_pixels_become_nodata(tmp_path: Path) -> None:
    source = make(tmp_path / "in.tif")
    scene = open_scene(source, "sentinel2-l1c")
    valid = np.ones(scene.shape, bool)
    valid[2, 10:20] = False
    values = scene.values.copy()
    values[3, 30:40] = np.nan
    write_like(tmp_path / "out.tif", values, read_profile(source, "sentinel2-l1c"), valid=valid)
    with rasterio.open(source) as before, rasterio.open(tmp_path / "out.tif") as after:
        lost = before.read() != after.read()
    assert lost[2, 10:20].mean() > 0.9  # where there was no gap before
    assert lost[3, 30:40].mean() > 0.9
    lost[2, 10:20] = lost[3, 30:40] = False
    assert not lost.any()


def test_tags_are_added(tmp_path: Path) -> None:
    source = make(tmp_path / "in.tif")
    restore(source, tmp_path / "out.tif", tags={"LLARS_PROMPT": "remove the haze"})
    with rasterio.open(tmp_path / "out.tif") as file:
        assert file.tags()["LLARS_PROMPT"] == "remove the haze"
        assert file.tags()["ORIGIN"] == "somewhere"


def test_a_companion_holds_floats_on_the_same_grid(tmp_path: Path) -> None:
    source = rescale(make(tmp_path / "in.tif"), 1e-4, -0.1)
    profile = read_profile(source, "sentinel2-l1c").companion(tuple(f"{name} sigma" for name in BANDS[4]))
    sigma = np.random.default_rng(0).random((4, HEIGHT, WIDTH), dtype="float32")
    sigma[0, 0, 0] = np.nan
    write_like(tmp_path / "sigma.tif", sigma, profile)
    with rasterio.open(tmp_path / "sigma.tif") as file:
        np.testing.assert_array_equal(file.read(), sigma)
        assert file.descriptions[0] == "B02 sigma"
        assert (file.crs, file.transform, file.scales, file.offsets) == (UTM, NORTH_UP, (1.0,) * 4, (0.0,) * 4)
        assert np.isnan(file.nodata)
