"""What bands tell of themselves: here which to show as red, green and blue."""

import pytest

from llars.bands import Band, Modality, plain_bands, true_colour
from llars.sensors import get_sensor


@pytest.mark.parametrize(
    ("sensor", "names"),
    [
        ("sentinel2-l2a", ("B04", "B03", "B02")),
        ("landsat8-oli-sr", ("B4", "B3", "B2")),
        ("landsat5-tm-sr", ("B3", "B2", "B1")),
        ("modis-mod09", ("B1", "B4", "B3")),
        ("naip", ("R", "G", "B")),
        ("rgb-drone", ("R", "G", "B")),
        ("worldview3-dn", ("red", "green", "blue")),
        ("sentinel1-grd-db", ("VV", "VH", "HH")),
        ("thermal", ("LST", "LST", "LST")),
    ],
)
@pytest.mark.parametrize("order", [1, -1])
def test_sensors_are_shown_in_the_colours_that_eyes_expect(sensor: str, names: tuple[str, ...], order: int) -> None:
    bands = get_sensor(sensor).bands
    if bands[0].modality is Modality.OPTICAL:
        bands = bands[::order]
    assert tuple(bands[index].name for index in true_colour(bands)) == names


def test_bands_that_are_not_visible_are_shown_in_order_or_grey() -> None:
    infrared = [Band(str(nm), float(nm)) for nm in (842, 665, 560, 1610)]
    assert true_colour(infrared) == (0, 1, 2)  # as false colour, without blue
    assert true_colour(plain_bands(4)) == (0, 1, 2)
    assert true_colour([Band("VV", modality=Modality.SAR), Band("VH", modality=Modality.SAR)]) == (0, 0, 0)
    assert true_colour(plain_bands(1)) == (0, 0, 0)


def test_two_visible_bands_make_no_third_colour() -> None:
    assert true_colour([Band(str(nm), float(nm)) for nm in (842, 490, 665)]) == (0, 1, 2)
