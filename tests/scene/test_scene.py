import math
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import rasterio
import xarray as xr
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.enums import ColorInterp
from rasterio.transform import Affine

from llars.errors import LlarsError, RasterError, SensorError, ValueRangeError
from llars.scene import open_scene

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

UTM = CRS.from_epsg(32633)
S2 = ("B02", "B03", "B04", "B08")


def from_origin(left: float, top: float, width: float, height: float) -> Affine:
    return Affine(width, 0, left, 0, -height, top)


def write(path: Path, values, descriptions=(), scale=None, offset=None, imagery=(), tags=None, **options) -> Path:
    """A GeoTIFF of ``values`` (band, y, x)."""
    count, height, width = values.shape
    options = {"crs": UTM, "transform": from_origin(500_000, 5_000_000, 10, 10), **options}
    colours = options.pop("colorinterp", None)
    with rasterio.open(
        path, "w", driver="GTiff", count=count, height=height, width=width, dtype=values.dtype, **options
    ) as file:
        if colours:
            file.colorinterp = colours
        file.write(values)
        for i, text in enumerate(descriptions, start=1):
            file.set_band_description(i, text)
        for i, (centre, width_um) in enumerate(imagery, start=1):
            file.update_tags(i, ns="IMAGERY", CENTRAL_WAVELENGTH_UM=centre, FWHM_UM=width_um)
        if scale is not None:
            file.scales, file.offsets = (scale,) * count, (offset or 0.0,) * count
        file.update_tags(**(tags or {}))
    return path


@pytest.fixture
def numbers() -> np.ndarray:
    rng = np.random.default_rng(3)
    return rng.integers(200, 6000, (4, 40, 50)).astype("uint16")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "scene.tif"


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
    picture[3, :5] = 0
    scene = open_scene(write(path, picture, photometric="RGB", alpha="yes"))
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


@pytest.mark.parametrize(
    ("values", "options", "sensor", "hint"),
    [
        (np.full((1, 20, 20), 3000, "float32"), {"descriptions": ("B04",)}, None, "not scaled"),
        (np.full((1, 20, 20), 3000, "uint16"), {"descriptions": ("B04",), "scale": 1e-8}, None, "scaled twice"),
        (np.full((1, 20, 20), -9999, "int16"), {"descriptions": ("B04",)}, None, "nodata"),
        (np.full((1, 20, 20), 0.03, "float32"), {"descriptions": ("VV",)}, "sentinel1-grd-db", "linear"),
        (np.full((1, 20, 20), -12, "float32"), {"descriptions": ("VV",)}, "sentinel1-grd-linear", "outside"),
        (np.full((1, 20, 20), 21.5, "float32"), {"descriptions": ("LST",)}, None, "outside"),
        (np.full((3, 20, 20), 9000, "uint16"), {"descriptions": ("R", "G", "B")}, "rgb", "outside"),
        (np.full((1, 20, 20), 1500, "int16"), {"descriptions": ("SR_B4",)}, "landsat8-oli-sr", "negative"),
    ],
)
def test_a_suspicious_range_is_refused(path: Path, values, options, sensor, hint) -> None:
    with pytest.raises(ValueRangeError, match=hint) as caught:
        open_scene(write(path, values, **options), sensor=sensor)
    assert "gdal_edit" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_few_bright_pixels_are_not_suspicious(path: Path, numbers: np.ndarray) -> None:
    numbers[0, 0, :20] = 40_000
    assert float(open_scene(write(path, numbers, S2)).max()) == pytest.approx(4.0)


def refused(path: Path) -> str:
    with pytest.raises(RasterError) as caught:
        open_scene(path).values  # noqa: B018  (pixels may be read only now)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_bad_files_are_refused_in_one_line(tmp_path: Path, numbers: np.ndarray) -> None:
    assert "does not exist" in refused(tmp_path / "missing.tif")
    assert "folder" in refused(tmp_path)
    text = tmp_path / "text.tif"
    text.write_text("not an image\n" * 100)
    assert "not a raster" in refused(text)
    empty = tmp_path / "empty.tif"
    empty.touch()
    assert "empty" in refused(empty)
    assert "5 x 5" in refused(write(tmp_path / "small.tif", numbers[:, :5, :5], S2))
    assert "no data" in refused(write(tmp_path / "void.tif", numbers * 0, S2, nodata=0))
    assert "complex" in refused(write(tmp_path / "slc.tif", np.ones((1, 20, 20), "complex64")))
    assert "indices" in refused(write(tmp_path / "map.tif", np.ones((1, 20, 20), "uint8"), photometric="palette"))


@pytest.mark.parametrize("size", [300, 1500])
@pytest.mark.parametrize("compress", ["none", "deflate"])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_truncated_file_is_refused(path: Path, size: int, compress: str, share: float) -> None:
    values = np.random.default_rng(0).integers(1, 9000, (1, size, size)).astype("uint16")
    write(path, values, ("B04",), compress=compress, tiled=True)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    assert re.search("damaged", refused(path))


@pytest.fixture
def large(tmp_path: Path) -> tuple[Path, np.ndarray]:
    values = np.random.default_rng(1).integers(1, 9000, (2, 1100, 1300)).astype("uint16")
    return write(tmp_path / "large.tif", values, ("B04", "B08"), tiled=True, blockxsize=256, blockysize=256), values


def test_a_large_scene_is_read_when_used(large, monkeypatch: pytest.MonkeyPatch) -> None:
    path, numbers = large
    scene = open_scene(path)
    assert not scene.variable._in_memory
    part = scene[1, 200:300, 5:10]
    np.testing.assert_allclose(part.values, numbers[1, 200:300, 5:10] * 1e-4, rtol=1e-6)
    assert not scene.variable._in_memory
    np.testing.assert_allclose(scene[:, ::-300, [7, 3]].values, numbers[:, ::-300, [7, 3]] * 1e-4, rtol=1e-6)
    np.testing.assert_allclose(scene.isel(y=4, x=9).values, numbers[:, 4, 9] * 1e-4, rtol=1e-6)
    assert scene[:, 5:5].shape == (2, 0, 1300)
    np.testing.assert_allclose(scene.values, numbers * 1e-4, rtol=1e-6)


def test_a_large_scene_goes_to_other_processes(large) -> None:
    path, numbers = large
    scene: xr.DataArray = pickle.loads(pickle.dumps(open_scene(path)))
    np.testing.assert_allclose(scene[0, :4, :4].values, numbers[0, :4, :4] * 1e-4, rtol=1e-6)


def test_a_large_scene_broken_behind_the_sample_is_refused_when_read(large) -> None:
    path, _ = large
    scene = open_scene(path)
    path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(LlarsError, match="damaged"):
        scene.values  # noqa: B018


def test_a_large_scene_with_one_valid_pixel_opens(path: Path) -> None:
    values = np.zeros((4, 2001, 2001), dtype="uint16")
    # The corner falls between the pixels that a thinned read takes.
    values[:, 2000, 2000] = 3000
    scene = open_scene(write(path, values, S2, nodata=0, compress="deflate"))
    np.testing.assert_allclose(scene[:, 2000, 2000], 0.3, rtol=1e-6)
    assert int(scene.notnull().sum()) == 4


def test_the_range_of_a_sparse_band_of_a_large_scene_is_its_own(path: Path) -> None:
    values = np.full((2, 2001, 2001), 500, dtype="uint16")
    values[1] = 0
    values[1, 2000, 2000] = 3000
    scene = open_scene(write(path, values, nodata=0, compress="deflate"))
    assert scene.attrs["sensor"] == "unknown"
    low, high = scene.attrs["band_ranges"][1]
    assert low < 3000 < high


def test_a_long_strip_opens(path: Path) -> None:
    values = np.full((4, 16, 20_000), 3000, dtype="uint16")
    scene = open_scene(write(path, values, S2))
    assert scene.shape == (4, 16, 20_000)
    assert float(scene[0, 3, 19_999]) == pytest.approx(0.3)


def test_the_sampling_distance_is_that_of_the_grid(tmp_path: Path, numbers: np.ndarray) -> None:
    def gsd(name: str, **options) -> float | None:
        return open_scene(write(tmp_path / f"{name}.tif", numbers, S2, **options)).attrs["bands"][0].gsd_m

    assert gsd("metres", transform=from_origin(5e5, 5e6, 20, 20)) == 20
    assert gsd("turned", transform=Affine(12, 16, 5e5, 16, -12, 5e6)) == pytest.approx(20)
    assert gsd("feet", crs=CRS.from_epsg(2263)) == pytest.approx(10 * 1200 / 3937)
    assert gsd("nothing", crs=None, transform=None) == 10  # Sentinel-2's own
    degrees = from_origin(10, 60, 0.001, 0.001)
    assert gsd("degrees", crs=CRS.from_epsg(4326), transform=degrees) == pytest.approx(
        111.195 * math.sqrt(math.cos(math.radians(59.98))), rel=1e-3
    )
    web = from_origin(0, 8_399_738, 10, 10)  # 60 degrees north: map metres are half as long
    assert gsd("web", crs=CRS.from_epsg(3857), transform=web) == pytest.approx(5.0, rel=1e-2)


def test_rotated_and_control_point_grids_keep_their_place(tmp_path: Path, numbers: np.ndarray) -> None:
    turned = Affine(8, 6, 5e5, 6, -8, 5e6)
    scene = open_scene(write(tmp_path / "turned.tif", numbers, S2, transform=turned))
    assert scene.rio.transform() == turned
    points = [
        GroundControlPoint(0, 0, 10.0, 50.0),
        GroundControlPoint(0, 50, 10.01, 50.0),
        GroundControlPoint(40, 0, 10.0, 49.99),
    ]
    loose = write(tmp_path / "points.tif", numbers, S2, crs=None, transform=None)
    with rasterio.open(loose, "r+") as file:
        file.gcps = (points, CRS.from_epsg(4326))
    scene = open_scene(loose)
    assert [(p.row, p.col, p.x, p.y) for p in scene.rio.get_gcps()] == [(p.row, p.col, p.x, p.y) for p in points]
    # 0.01 degrees of longitude at 50 degrees north are 715 m on 50 pixels, 0.01 of latitude 1112 m on 40
    assert scene.attrs["bands"][0].gsd_m == pytest.approx(math.sqrt(715 / 50 * 1112 / 40), rel=1e-2)
