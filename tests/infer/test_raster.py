import os
import resource
import signal
import warnings
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.enums import ColorInterp
from rasterio.errors import NotGeoreferencedWarning
from rasterio.rpc import RPC
from rasterio.transform import Affine

from llars.errors import BandError, OutputError, RasterError
from llars.infer.outputs import check_outputs
from llars.infer.raster import read_profile, write_like
from llars.scene import open_scene

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

UTM = CRS.from_epsg(32633)
NORTH_UP = Affine(10, 0, 500_000, 0, -10, 5_000_000)
ROTATED = Affine(8, 6, 500_000, 6, -8, 5_000_000)
MSI = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")
BANDS = {1: ("B04",), 3: ("B04", "B03", "B02"), 4: ("B02", "B03", "B04", "B08"), 13: MSI}
BANDS[10] = tuple(name for name in MSI if name not in ("B01", "B09", "B10"))
POINTS = [
    GroundControlPoint(row, col, 10 + col / 1000, 50 - row / 1000, 0.0)
    for row, col in ((0, 0), (0, 70), (60, 0), (60, 70), (31, 33))
]
HEIGHT, WIDTH = 60, 70


def make(
    path: Path, dtype: str = "uint16", count: int = 4, place: str = "north up", *, nodata=0, brightest=12000, **options
) -> Path:
    """A Sentinel-2-like file with everything that must survive, and gaps in every band."""
    rng = np.random.default_rng(count)
    top = {"uint8": 256, "float32": 8000}.get(dtype, brightest)
    values = rng.integers(1, top, (count, HEIGHT, WIDTH)).astype(dtype)
    if dtype == "float32":
        values *= np.float32(1e-4)
    gaps = rng.random(values.shape) < 0.05
    if nodata is not None:
        values[gaps] = nodata
    georeference = {
        "north up": {"crs": UTM, "transform": NORTH_UP},
        "rotated": {"crs": UTM, "transform": ROTATED},
        "points": {},
        "nowhere": {},
    }[place]
    creation = {"photometric": "MINISBLACK", **georeference, **options}
    with rasterio.open(
        path, "w", driver="GTiff", count=count, height=HEIGHT, width=WIDTH, dtype=dtype, nodata=nodata, **creation
    ) as file:
        file.descriptions = BANDS[count]
        file.units = ["reflectance"] * count
        file.update_tags(ORIGIN="somewhere", TIFFTAG_DATETIME="2021:06:26 10:00:00")
        for i in file.indexes:
            file.update_tags(i, DETECTOR=str(i), STATISTICS_MEAN="1")
            file.update_tags(i, ns="IMAGERY", CENTRAL_WAVELENGTH_UM="0.5", FWHM_UM="0.05")
        if place == "points":
            file.gcps = (POINTS, CRS.from_epsg(4326))
        file.write(values)
    return path


def rescale(path: Path, scale: float, offset: float) -> Path:
    with rasterio.open(path, "r+") as file:
        file.scales, file.offsets = (scale,) * file.count, (offset,) * file.count
    return path


def restore(source: Path, target: Path, change=lambda values: values, sensor: str | None = "sentinel2-l1c", **options):
    """Read, change and write; the numbers before and after."""
    scene = open_scene(source, sensor)
    write_like(target, change(scene.values), read_profile(source, sensor), **options)
    with rasterio.open(source) as before, rasterio.open(target) as after:
        return before.read(), after.read()


def facts(path: Path) -> dict[str, object]:
    """What must not change."""
    with rasterio.open(path) as file:
        return {
            "crs": file.crs,
            "transform": file.transform,
            "points": [(p.row, p.col, p.x, p.y) for p in file.gcps[0]],
            "points crs": file.gcps[1],
            "shape": (file.count, *file.shape),
            "dtypes": file.dtypes,
            "nodata": repr(file.nodata),
            "descriptions": file.descriptions,
            "units": file.units,
            "scales": file.scales,
            "offsets": file.offsets,
            "colours": file.colorinterp,
            "masks": file.mask_flag_enums,
            "tags": {key: text for key, text in file.tags().items() if key not in ("AREA_OR_POINT",)},
            "imagery": [file.tags(i, ns="IMAGERY") for i in file.indexes],
            "detectors": [file.tags(i)["DETECTOR"] for i in file.indexes],
        }


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


def test_tags_are_added(tmp_path: Path) -> None:
    source = make(tmp_path / "in.tif")
    restore(source, tmp_path / "out.tif", tags={"LLARS_PROMPT": "remove the haze"})
    with rasterio.open(tmp_path / "out.tif") as file:
        assert file.tags()["LLARS_PROMPT"] == "remove the haze"
        assert file.tags()["ORIGIN"] == "somewhere"


def test_a_cog_by_name(tmp_path: Path) -> None:
    source = make(tmp_path / "in.tif")
    before, after = restore(source, tmp_path / "out.cog.tif")
    assert before.tobytes() == after.tobytes()
    assert facts(source) == facts(tmp_path / "out.cog.tif")
    with rasterio.open(tmp_path / "out.cog.tif") as file:
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"


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


def test_an_existing_output_is_safe(tmp_path: Path) -> None:
    source, target = make(tmp_path / "in.tif"), tmp_path / "out.tif"
    target.write_text("precious")
    with pytest.raises(OutputError, match="--overwrite"):
        restore(source, target)
    assert target.read_text() == "precious"
    restore(source, target, overwrite=True)
    assert facts(target) == facts(source)


def test_an_image_can_replace_itself(tmp_path: Path) -> None:
    source = make(tmp_path / "in.tif")
    before = facts(source)
    restore(source, source, lambda values: values + np.float32(0.1), overwrite=True)
    assert facts(source) == before


def test_bad_outputs_are_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder.tif").mkdir()
    for name, hint in {
        "missing/out.tif": "there is no folder",
        "file/out.tif": "there is no folder",
        "folder.tif": "is a folder",
    }.items():
        with pytest.raises(OutputError, match=hint) as caught:
            check_outputs([tmp_path / name], overwrite=False)
        assert "\n" not in str(caught.value)
    check_outputs([tmp_path / "good.tif"], overwrite=False)
    assert not (tmp_path / "good.tif").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only for root")
def test_a_read_only_folder_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="cannot write"):
        check_outputs([tmp_path / "out.tif"], overwrite=False)


@pytest.mark.parametrize("name", ["out.tif", "out.cog.tif"])
@pytest.mark.parametrize("limit", [1_000, 20_000])
def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, name: str, limit: int) -> None:
    source = make(tmp_path / "in.tif")
    scene, profile = open_scene(source, "sentinel2-l1c"), read_profile(source, "sentinel2-l1c")
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limits[1]))
    try:
        with pytest.raises(OutputError, match="disk"):
            write_like(tmp_path / name, scene.values, profile)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert [entry.name for entry in tmp_path.iterdir()] == ["in.tif"]


def test_a_source_that_breaks_meanwhile_leaves_nothing_behind(tmp_path: Path) -> None:
    source = make(tmp_path / "in.tif")
    scene, profile = open_scene(source, "sentinel2-l1c"), read_profile(source, "sentinel2-l1c")
    source.write_bytes(source.read_bytes()[:5_000])
    with pytest.raises(RasterError):
        write_like(tmp_path / "out.tif", scene.values, profile)
    assert [entry.name for entry in tmp_path.iterdir()] == ["in.tif"]


def test_a_wrong_shape_is_refused(tmp_path: Path) -> None:
    source = make(tmp_path / "in.tif")
    values = open_scene(source, "sentinel2-l1c").values
    with pytest.raises(BandError, match=r"\(4, 120, 140\)"):
        write_like(tmp_path / "out.tif", values, read_profile(source, "sentinel2-l1c"), scale=2)


def test_writing_warns_of_nothing(tmp_path: Path) -> None:
    source = make(tmp_path / "in.tif", place="nowhere")
    with warnings.catch_warnings():
        warnings.simplefilter("error", NotGeoreferencedWarning)
        write_like(
            tmp_path / "out.tif", open_scene(source, "sentinel2-l1c").values, read_profile(source, "sentinel2-l1c")
        )
