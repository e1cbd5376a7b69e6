"""What an opened file is: its sensor, its units, its gaps."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp
from tests.scene.files import S2, UTM, from_origin, write

from llars.errors import SensorError
from llars.scene import open_scene

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


def test_sentinel2_by_band_descriptions(path: Path, numbers: np.ndarray) -> None:
    scene = open_scene(write(path, numbers, S2))
    assert scene.dims == ("band", "y", "x")
    assert scene.dtype == np.float32
    assert scene.attrs["sensor"] == "sentinel2-l2a"
    assert scene.attrs["sensor_source"] == "descriptions"
    assert [band.wavelength_nm for band in scene.attrs["bands"]] == [492.4, 559.8, 664.6, 832.8]
    assert scene.attrs["value_range"] == (0.0, 1.0)
    assert any("sentinel2-l1c" in note for note in scene.attrs["notes"])
    np.testing.assert_allclose(scene.values, numbers * 1e-4, rtol=1e-6)
    assert scene.rio.crs == UTM
    assert scene.rio.transform() == from_origin(500_000, 5_000_000, 10, 10)
    assert float(scene.x[0]) == 500_005


def test_the_mission_tags_settle_the_product(path: Path, numbers: np.ndarray) -> None:
    scene = open_scene(write(path, numbers, S2, tags={"PROCESSING_LEVEL": "Level-1C"}))
    assert scene.attrs["sensor"] == "sentinel2-l1c"


def test_a_sensor_tag_comes_before_descriptions(path: Path, numbers: np.ndarray) -> None:
    scene = open_scene(write(path, numbers, S2, tags={"SENSOR": "sentinel2-l1b"}))
    assert (scene.attrs["sensor"], scene.attrs["sensor_source"]) == ("sentinel2-l1b", "tag")


def test_wavelengths_tell_landsat_from_sentinel(path: Path, numbers: np.ndarray) -> None:
    oli = [(0.4820, 0.060), (0.5614, 0.057), (0.6546, 0.037), (0.8647, 0.028)]
    numbers = numbers * 8
    scene = open_scene(write(path, numbers, scale=2e-5, offset=-0.1, imagery=oli))
    assert (scene.attrs["sensor"], scene.attrs["sensor_source"]) == ("landsat8-oli-l1", "imagery")
    assert [band.name for band in scene.attrs["bands"]] == ["B2", "B3", "B4", "B5"]
    np.testing.assert_allclose(scene.values, numbers * 2e-5 - 0.1, atol=1e-6)


def test_the_user_comes_first(path: Path, numbers: np.ndarray) -> None:
    scene = open_scene(write(path, numbers, S2), sensor="sentinel2-l1c")
    assert (scene.attrs["sensor"], scene.attrs["sensor_source"]) == ("sentinel2-l1c", "given")


def test_bands_without_names_are_taken_in_order_only_if_all_are_there(path: Path, numbers: np.ndarray) -> None:
    scene = open_scene(write(path, numbers), sensor="planetscope-4b-sr")
    assert [band.name for band in scene.attrs["bands"]] == ["blue", "green", "red", "nir"]
    with pytest.raises(SensorError, match="B01"):
        open_scene(path, sensor="sentinel2-l1c")


def test_what_fits_several_products_is_not_guessed(path: Path, numbers: np.ndarray) -> None:
    scene = open_scene(write(path, numbers, ("B2", "B3", "B4", "B5")))
    assert (scene.attrs["sensor"], scene.attrs["sensor_source"]) == ("unknown", "fallback")
    assert any("landsat8-oli-sr" in note and "--sensor" in note for note in scene.attrs["notes"])
    np.testing.assert_array_equal(scene.values, numbers.astype("float32"))


def test_an_unknown_sensor_gets_robust_ranges_and_says_so(path: Path, numbers: np.ndarray) -> None:
    numbers[0] = numbers[0] // 100
    numbers[0, 0, 0] = 60_000
    scene = open_scene(write(path, numbers))
    (lo, hi), (_, high) = scene.attrs["band_ranges"][:2]
    assert lo < np.percentile(numbers[0], 2) < np.percentile(numbers[0], 98) < hi < 100
    assert scene.attrs["value_range"][1] >= high > 5000
    assert any("unknown sensor" in note for note in scene.attrs["notes"])


@pytest.mark.parametrize("dtype", ["uint16", "int16"])
def test_the_files_own_scale_and_offset_win(path: Path, numbers: np.ndarray, dtype: str) -> None:
    scene = open_scene(write(path, numbers.astype(dtype), S2, scale=3e-4, offset=-0.1))
    np.testing.assert_allclose(scene.values, numbers * 3e-4 - 0.1, atol=1e-6)


@pytest.mark.parametrize("tag", ["BOA_ADD_OFFSET", "RADIO_ADD_OFFSET", "BOA_ADD_OFFSET_B02"])
def test_the_baseline_offset_is_read_from_tags(path: Path, numbers: np.ndarray, tag: str) -> None:
    scene = open_scene(write(path, numbers, S2, tags={tag: "-1000"}))
    np.testing.assert_allclose(scene.values[0], numbers[0] * 1e-4 - 0.1, atol=1e-6)


def test_the_baseline_offset_is_never_guessed_from_a_date(path: Path, numbers: np.ndarray) -> None:
    scene = open_scene(write(path, numbers, S2, tags={"TIFFTAG_DATETIME": "2024:07:01 10:00:00"}))
    np.testing.assert_allclose(scene.values, numbers * 1e-4, rtol=1e-6)
    assert any("-0.1" in note for note in scene.attrs["notes"])


def test_the_baseline_offset_can_be_given(path: Path, numbers: np.ndarray) -> None:
    scene = open_scene(write(path, numbers, S2), offset=-0.1)
    np.testing.assert_allclose(scene.values, numbers * 1e-4 - 0.1, atol=1e-6)


def test_the_baseline_offset_is_read_from_the_product(tmp_path: Path, numbers: np.ndarray) -> None:
    folder = tmp_path / "S2A_MSIL2A.SAFE" / "GRANULE" / "L2A" / "IMG_DATA" / "R10m"
    folder.mkdir(parents=True)
    (tmp_path / "S2A_MSIL2A.SAFE" / "MTD_MSIL2A.xml").write_text(
        '<n1:P xmlns:n1="https://psd"><PRODUCT_TYPE>S2MSI2A</PRODUCT_TYPE>'
        '<BOA_QUANTIFICATION_VALUE unit="none">10000</BOA_QUANTIFICATION_VALUE>'
        '<L><BOA_ADD_OFFSET band_id="0">-1000</BOA_ADD_OFFSET></L></n1:P>'
    )
    scene = open_scene(write(folder / "T33_20240701_B04_10m.tif", numbers[:1]))
    assert scene.attrs["sensor"] == "sentinel2-l2a"
    assert scene.attrs["bands"][0].name == "B04"
    np.testing.assert_allclose(scene.values, numbers[:1] * 1e-4 - 0.1, atol=1e-6)


def test_a_picture_is_scaled_to_one(path: Path, numbers: np.ndarray) -> None:
    picture = (numbers[:3] % 256).astype("uint8")
    scene = open_scene(write(path, picture, photometric="RGB"))
    assert scene.attrs["sensor"] == "rgb"
    np.testing.assert_allclose(scene.values, picture / np.float32(255), rtol=1e-6)


def test_the_sign_tells_decibel_from_power(tmp_path: Path) -> None:
    power = np.random.default_rng(0).gamma(4, 0.02, (2, 32, 32)).astype("float32")
    linear = open_scene(write(tmp_path / "linear.tif", power, ("VV", "VH")))
    decibel = open_scene(write(tmp_path / "db.tif", 10 * np.log10(power), ("VV", "VH")))
    assert linear.attrs["sensor"] == "sentinel1-grd-linear"
    assert decibel.attrs["sensor"] == "sentinel1-grd-db"
    assert decibel.attrs["units"] == "dB"


def test_gaps_of_every_kind_become_nan(path: Path) -> None:
    values = np.full((1, 20, 20), 0.5, "float32")
    values[0, 0, :4] = (np.nan, np.inf, -np.inf, -9999)
    scene = open_scene(write(path, values, ("B04",), nodata=-9999))
    assert np.isnan(scene.values[0, 0, :4]).all()
    assert int(np.isnan(scene.values).sum()) == 4


def test_nodata_of_the_sensor_holds_where_the_file_is_silent(tmp_path: Path, numbers: np.ndarray) -> None:
    numbers[1, 3, 4] = 0
    silent = open_scene(write(tmp_path / "silent.tif", numbers, S2))
    assert np.isnan(silent.values[1, 3, 4])
    assert int(np.isnan(silent.values).sum()) == 1
    outspoken = open_scene(write(tmp_path / "outspoken.tif", numbers, S2, nodata=65535))
    assert not np.isnan(outspoken.values).any()


def test_an_internal_mask_hides_pixels(path: Path, numbers: np.ndarray) -> None:
    shown = np.full(numbers.shape[1:], 255, "uint8")
    shown[5:9, 7:11] = 0
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        write(path, numbers, S2)
        with rasterio.open(path, "r+") as file:
            file.write_mask(shown)
    np.testing.assert_array_equal(np.isnan(open_scene(path).values), np.broadcast_to(shown == 0, numbers.shape))


def test_alpha_hides_pixels_and_is_no_band(path: Path, numbers: np.ndarray) -> None:
    picture = (numbers % 255 + 1).astype("uint8")
    picture[3] = 255
    picture[3, :5] = 0
    picture[3, 5:7] = np.arange(50)  # soft edges
    picture[3, 5:7, 0] = 1
    scene = open_scene(write(path, picture, photometric="RGB", alpha="yes"))
    assert any(note.startswith("band 4 is taken for alpha") for note in scene.attrs["notes"])
    assert scene.sizes["band"] == 3
    assert np.isnan(scene.values[:, :5]).all()
    assert not np.isnan(scene.values[:, 5:]).any()


def test_near_infrared_is_not_alpha(path: Path, numbers: np.ndarray) -> None:
    picture = (numbers % 255).astype("uint8")
    picture[3, :5] = 0
    colours = (ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha)
    scene = open_scene(write(path, picture, ("R", "G", "B", "N"), colorinterp=colours))
    assert scene.attrs["sensor"] == "naip"
    assert scene.sizes["band"] == 4
    assert not np.isnan(scene.values).any()


def test_a_band_that_only_the_default_of_gdal_calls_alpha_is_a_band(path: Path, numbers: np.ndarray) -> None:
    picture = (numbers % 255).astype("uint8")
    picture[3, :30] = 0
    write(path, picture, photometric="RGB", alpha="yes")
    scene = open_scene(path)
    assert scene.sizes["band"] == 4
    assert not np.isnan(scene.values).any()
    assert any("marked as alpha, but varies like a picture: taken for a band" in note for note in scene.attrs["notes"])
    assert open_scene(path, "naip").sizes["band"] == 4
    assert open_scene(path, "rgb").sizes["band"] == 3
