"""Which band each channel of a scene is, in which range, and what is refused."""

import numpy as np
import pytest
import xarray as xr

from llars.bands import Band
from llars.errors import BandError, ValueRangeError
from llars.infer.reading.picture import DISPLAY, picture_of
from llars.sensors import get_sensor

BANDS = tuple(Band(name, wavelength) for name, wavelength in zip("RGBN", (660.0, 560.0, 490.0, 830.0), strict=True))
RANGES = ((0.0, 1.0), (0.0, 2.0), (0.0, 4.0), (0.0, 8.0))


@pytest.fixture
def scene():
    """Every band lies at half its range, as ``open_scene`` would hand it over."""
    values = np.array([0.5, 1.0, 2.0, 4.0], dtype=np.float32)[:, None, None] * np.ones((1, 16, 16), dtype=np.float32)
    attrs = {"bands": BANDS, "band_ranges": RANGES, "value_range": (0.0, 8.0)}
    return xr.DataArray(values, dims=("band", "y", "x"), coords={"band": list("RGBN")}, attrs=attrs)


@pytest.mark.parametrize("names", ["RGBN", "NBGR", "R", "NG"])
def test_bands_and_ranges_follow_the_coordinate(scene, names):
    picture = picture_of(scene.sel(band=list(names)))
    assert "".join(band.name for band in picture.bands) == names
    np.testing.assert_array_equal(picture.load()[0], 0.5)


def test_ranges_follow_the_coordinate_where_bands_are_given(scene):
    given = [Band("nir", 830.0), Band("red", 660.0)]
    picture = picture_of(scene.isel(band=[3, 0]), given)
    assert picture.bands == tuple(given)
    np.testing.assert_array_equal(picture.load()[0], 0.5)


@pytest.mark.parametrize("labels", [None, [1, 2, 3, 4], list("abcd")])
def test_channels_without_known_names_are_taken_in_order(scene, labels):
    unnamed = scene.drop_vars("band") if labels is None else scene.assign_coords(band=labels)
    assert picture_of(unnamed).bands == BANDS
    with pytest.raises(BandError, match="3 channels, but 4 bands"):
        picture_of(unnamed.isel(band=[0, 1, 2]))
    with pytest.raises(BandError, match="3 channels, but 4 in the attribute 'band_ranges'"):
        picture_of(unnamed.isel(band=[0, 1, 2]), "rgb")


@pytest.mark.parametrize("wrap", [np.asarray, lambda values: xr.DataArray(values, dims=("band", "y", "x"))])
def test_stored_numbers_are_refused_whatever_holds_them(wrap):
    numbers = np.random.default_rng(0).integers(0, 9999, (4, 16, 16)).astype(np.float32)
    with pytest.raises(ValueRangeError, match="far outside 0 to 1"):
        picture_of(wrap(numbers), "naip")
    assert picture_of(wrap(numbers / 9999), "naip").load()[0].max() <= 1


def test_names_in_the_attribute_are_enough_where_they_are_known(scene):
    named = scene.assign_attrs(bands=["B04", "B03", "B02", "B08"], band_ranges=RANGES)
    assert [band.wavelength_nm for band in picture_of(named).bands] == [664.6, 559.8, 492.4, 832.8]
    for mistake in (7, "B04", [1, 2, 3, 4]):
        with pytest.raises(BandError, match="expected one Band or band name per channel"):
            picture_of(scene.assign_attrs(bands=mistake))
        assert picture_of(scene.assign_attrs(bands=mistake), BANDS).bands == BANDS


@pytest.mark.parametrize(
    ("bands", "units", "sensor"),
    [
        ("sentinel2-l2a", "reflectance", "sentinel2-l2a"),
        ([band.name for band in get_sensor("sentinel2-l2a").bands], "reflectance", "sentinel2-l2a"),
        (get_sensor("sentinel2-l2a").bands, DISPLAY, "unknown"),
        (["first", "second"] * 6, DISPLAY, "unknown"),
    ],
)
def test_an_array_has_the_units_of_the_sensor_that_is_named(bands, units, sensor):
    picture = picture_of(np.full((12, 32, 32), 0.3, np.float32), bands)
    assert (picture.units, picture.sensor) == (units, sensor)


def test_the_units_of_a_scene_stand_against_those_of_its_names(scene):
    names = [band.name for band in scene.attrs["bands"]]
    scene.attrs |= {"units": "DN", "sensor": "ours"}
    picture = picture_of(scene, names)
    assert (picture.units, picture.sensor) == ("DN", "ours")
