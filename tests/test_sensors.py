import subprocess
import sys

import pytest

from llars.bands import Modality, Polarisation
from llars.errors import BandError, SensorError
from llars.sensors import SENSORS, get_sensor

NAMES = [
    "sentinel2-l2a",
    "sentinel2-l1c",
    "sentinel2-l1b",
    "landsat8-oli-l1",
    "landsat8-oli-sr",
    "landsat8-oli-toa",
    "landsat7-etm-dn",
    "landsat7-etm-sr",
    "landsat5-tm-dn",
    "landsat5-tm-sr",
    "modis-mod09",
    "sentinel1-grd-db",
    "sentinel1-8bit",
    "sentinel2-falsecolour-8bit",
    "naip",
    "thermal",
    "rgb-aerial",
    "rgb-drone",
    "rgb-sentinel2",
    "sentinel1-grd-linear",
    "landsat9-oli-sr",
    "landsat9-oli-l1",
    "landsat4-tm-sr",
    "planetscope-4b-sr",
    "planetscope-8b-sr",
    "venus-l2a",
    "gf1-dn",
    "gf2-dn",
    "quickbird-dn",
    "ikonos-dn",
    "worldview2-dn",
    "worldview3-dn",
    "worldview4-dn",
    "geoeye1-dn",
    "rgb",
    "pan",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_sensor_is_known_and_sound(name: str) -> None:
    sensor = get_sensor(name)
    assert sensor.name == name
    assert sensor.title
    lo, hi = sensor.valid_range
    assert lo < hi
    names = [band.name for band in sensor.bands]
    assert len(set(names)) == len(names)
    for band in sensor.bands:
        if band.modality is Modality.OPTICAL and band.wavelength_nm is not None:
            assert 400 <= band.wavelength_nm <= 2500
            assert 10 <= (band.width_nm or 0) <= 500
        assert sensor.band(band.name.upper()) == band


@pytest.mark.parametrize("sensor", SENSORS.values(), ids=SENSORS)
def test_no_two_bands_of_a_sensor_answer_to_one_name(sensor) -> None:
    for band in sensor.bands:
        for alias in band.aliases:
            assert sensor.band(alias) == band


def test_reflectance_runs_from_zero_to_one() -> None:
    for sensor in SENSORS.values():
        if sensor.units == "reflectance":
            assert sensor.valid_range == (0.0, 1.0)


@pytest.mark.parametrize(
    ("name", "stored", "physical"),
    [
        ("sentinel2-l2a", 2500, 0.25),
        ("landsat8-oli-sr", 7273, 0.0000075),  # zero reflectance in Collection 2: 0.2 / 0.0000275
        ("landsat8-oli-sr", 43636, 0.99999),  # the USGS' upper end of the valid range
        ("landsat9-oli-l1", 30000, 0.5),
        ("modis-mod09", 10000, 1.0),
        ("venus-l2a", 250, 0.25),
        ("naip", 255, 1.0),
        ("gf2-dn", 1023, 1.0),
        ("worldview3-dn", 2047, 1.0),
    ],
)
def test_stored_numbers_become_physical(name: str, stored: float, physical: float) -> None:
    sensor = get_sensor(name)
    assert stored * sensor.scale + sensor.offset == pytest.approx(physical, abs=1e-9)


@pytest.mark.parametrize(
    ("sensor", "alias", "band"),
    [
        ("sentinel2-l2a", "red", "B04"),
        ("sentinel2-l2a", "B4", "B04"),
        ("sentinel2-l2a", "band 4", "B04"),
        ("sentinel2-l2a", "b8a", "B8A"),
        ("sentinel2-l1c", "cirrus", "B10"),
        ("landsat8-oli-sr", "SR_B4", "B4"),
        ("landsat8-oli-sr", "red", "B4"),
        ("landsat7-etm-sr", "SR_B4", "B4"),
        ("landsat8-oli-l1", "pan", "B8"),
        ("modis-mod09", "sur_refl_b03", "B3"),
        ("naip", "nir", "N"),
        ("sentinel1-grd-db", "sigma0_vv", "VV"),
    ],
)
def test_aliases(sensor: str, alias: str, band: str) -> None:
    assert get_sensor(sensor).band(alias).name == band


def test_level_2a_has_no_cirrus_band() -> None:
    assert len(get_sensor("sentinel2-l1c").bands) == 13
    assert len(get_sensor("sentinel2-l2a").bands) == 12
    with pytest.raises(BandError, match="B8A"):
        get_sensor("sentinel2-l2a").band("B10")


def test_radar_bands_know_their_polarisation() -> None:
    bands = get_sensor("sentinel1-grd-linear").bands
    assert {band.polarisation for band in bands} == set(Polarisation) - {Polarisation.NONE}
    assert {band.modality for band in bands} == {Modality.SAR}


def test_an_unknown_sensor_names_its_neighbours() -> None:
    with pytest.raises(SensorError, match="sentinel2-l2a") as caught:
        get_sensor("sentinel2-l2")
    assert "\n" not in str(caught.value)


def test_sensors_load_no_raster_library() -> None:
    code = "import sys, llars.sensors; print([m for m in ('rasterio', 'numpy', 'torch') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_is_no_name_is_refused() -> None:
    with pytest.raises(SensorError, match="found 8 in place of a sensor's name"):
        get_sensor(8)  # type: ignore[arg-type]
