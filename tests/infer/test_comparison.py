"""Comparing files: only what lies on one grid, in one unit, is measured."""

import numpy as np
import pytest
from rasterio.crs import CRS
from tests.scene.files import S2, from_origin, write

import llars
from llars.errors import DataError, LlarsError
from llars.infer.comparison import compare_files

TAGS = {"SENSOR": "sentinel2-l2a"}
HERE = from_origin(500_000, 5_000_000, 10, 10)


@pytest.fixture
def numbers():
    return np.random.default_rng(3).integers(200, 6000, (4, 40, 50)).astype(np.uint16)


@pytest.fixture
def truth(numbers, tmp_path):
    return write(tmp_path / "truth.tif", numbers, S2, scale=1e-4, nodata=0, tags=TAGS)


def test_comparison_agrees_with_the_metrics(numbers, truth, tmp_path):
    noisy = numbers + np.random.default_rng(4).integers(0, 200, numbers.shape).astype(np.uint16)
    image = write(tmp_path / "image.tif", noisy, S2, scale=1e-4, nodata=0, tags=TAGS)
    found = compare_files(image, truth)
    a, b = (llars.open_scene(path).values for path in (image, truth))
    assert found.metrics["psnr"] == llars.metrics.psnr(a, b)
    assert found.metrics["rmse"] == pytest.approx(np.sqrt(np.nanmean((a - b) ** 2)), rel=1e-4)
    assert {"ssim", "sam", "ergas", "q2n"} <= found.metrics.keys()
    assert found.notes == ()
    with pytest.raises(LlarsError):
        compare_files(tmp_path / "none.tif", truth)


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ({"transform": from_origin(500_000, 5_000_005, 10, 10)}, "5000005"),
        ({"transform": from_origin(500_000, 5_000_000, 20, 20)}, "of 20"),
        ({"crs": CRS.from_epsg(32634)}, "EPSG:32634"),
        ({"rows": 39}, "50 x 39 px"),
    ],
)
def test_images_on_different_grids_are_refused_and_both_are_told(numbers, truth, tmp_path, place, told):
    rows = place.pop("rows", 40)
    image = write(tmp_path / "image.tif", numbers[:, :rows], S2, scale=1e-4, nodata=0, tags=TAGS, **place)
    with pytest.raises(DataError, match="expected one grid") as refused:
        compare_files(image, truth)
    assert told in str(refused.value) and "50 x 40 px of 10 from (500000, 5000000) in EPSG:32633" in str(refused.value)


def test_grids_that_differ_by_rounding_are_one(numbers, truth, tmp_path):
    place = from_origin(500_000.001, 5_000_000, 10, 10)
    image = write(tmp_path / "image.tif", numbers, S2, scale=1e-4, nodata=0, tags=TAGS, transform=place)
    assert compare_files(image, truth).metrics["rmse"] == 0


def test_an_image_without_a_place_is_taken_to_lie_where_its_reference_does_which_is_said(numbers, truth, tmp_path):
    nowhere = {"crs": None, "transform": None}
    image = write(tmp_path / "image.tif", numbers, S2, scale=1e-4, nodata=0, tags=TAGS, **nowhere)
    found = compare_files(image, truth)
    assert found.metrics["rmse"] == 0
    assert found.notes == (f"{image} does not say where it lies: taken to cover what {truth} covers",)


def test_an_image_that_does_not_say_its_sensor_has_that_of_its_reference(numbers, tmp_path):
    names, stored = ("B2", "B3", "B4", "B5"), numbers + np.uint16(10_000)
    reference = write(tmp_path / "truth.tif", stored, names, tags={"SENSOR": "landsat9-oli-sr"})
    image = write(tmp_path / "image.tif", stored, names)
    assert llars.open_scene(image).attrs["sensor"] != "landsat9-oli-sr"
    assert compare_files(image, reference).metrics["rmse"] == 0


def test_different_units_are_refused(tmp_path):
    decibels = np.random.default_rng(5).uniform(-25, -5, (1, 40, 50)).astype(np.float32)
    reference = write(tmp_path / "unknown.tif", decibels)
    image = write(tmp_path / "image.tif", decibels, ("VV",), tags={"SENSOR": "sentinel1-grd-db"})
    with pytest.raises(DataError, match=r"is in dB, .* in unknown; expected the same units.*--sensor"):
        compare_files(image, reference)


def test_notes_on_either_image_come_back_once(numbers, tmp_path):
    paths = [write(tmp_path / name, numbers.astype(np.float32), nodata=0) for name in ("a.tif", "b.tif")]
    (note,) = compare_files(*paths).notes
    assert note.startswith("unknown sensor")


def test_bands_are_compared_by_their_names(numbers, truth, tmp_path):
    turned = write(tmp_path / "turned.tif", numbers[::-1], S2[::-1], scale=1e-4, nodata=0, tags=TAGS)
    found = compare_files(turned, truth)
    assert found.metrics["rmse"] == 0
    assert any("compared by their names" in note for note in found.notes)


def test_bands_of_other_names_are_compared_by_position_and_told(numbers, tmp_path):
    red, blue = (
        write(tmp_path / f"{name}.tif", numbers[:1], (name,), scale=1e-4, tags=TAGS) for name in ("B04", "B02")
    )
    found = compare_files(blue, red)
    assert found.metrics["rmse"] == 0
    assert any("bands B02 compared by position with B04" in note for note in found.notes)
