"""Clouds by their brightness: what is white and large, and not snow, rock, a roof or fields."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from llars.infer.diagnosis import survey
from llars.infer.diagnosis.findings import diagnosed
from llars.infer.initial import brightness
from llars.infer.initial.brightness import bright_clouds
from llars.infer.initial.clouds import CloudFree
from llars.infer.reading.layers import Filled
from llars.infer.reading.picture import picture_of
from llars.infer.reading.sources import ImageSource
from llars.infer.tiles import Window
from llars.model.opacity import CELL, Cover
from llars.sensors import get_sensor
from llars.tasks import TASK_KEYS

BANDS = tuple(get_sensor("sentinel2-l2a").band(name) for name in ("B02", "B03", "B04", "B08", "B11"))
GROUND = (0.05, 0.07, 0.06, 0.3, 0.2)
CLOUD = (0.5, 0.5, 0.5, 0.55, 0.35)
VEIL = (0.3, 0.3, 0.3, 0.4, 0.3)
SNOW = (0.8, 0.8, 0.8, 0.7, 0.08)
SAND = (0.3, 0.45, 0.6, 0.65, 0.75)
ROOF = (0.4, 0.4, 0.4, 0.35, 0.5)
HAZE = (0.5, 0.45, 0.4, 0.45, 0.3)
PART = (slice(40, 80), slice(60, 120))


def scene(spectrum, part=PART, size=(130, 203)):
    values = np.broadcast_to(np.float32(GROUND)[:, None, None], (len(GROUND), *size)).copy()
    values[:, *part] = np.float32(spectrum)[:, None, None]
    return values


def cells(values, bands=BANDS, ranges=((0.0, 1.0),)):
    return bright_clouds(Filled.of(ImageSource(values), bands), ranges * len(bands))


def test_cells_under_a_cloud_are_found_and_no_others():
    found = cells(scene(CLOUD))
    expected = np.zeros((33, 51), dtype=bool)
    expected[10:20, 15:30] = True
    assert ((found > 0) == expected).all()
    assert found[expected] == pytest.approx(CLOUD[0])


@pytest.mark.parametrize("spectrum", [GROUND, SNOW, SAND, ROOF, HAZE], ids=["fields", "snow", "sand", "roof", "haze"])
def test_what_is_no_cloud_is_not_taken_for_one(spectrum):
    assert not cells(scene(spectrum)).any()


def test_a_bright_thing_of_two_cells_is_no_cloud():
    assert not cells(scene(CLOUD, (slice(40, 48), slice(60, 120)))).any()


def test_snow_cannot_be_told_without_short_wave_infrared():
    assert cells(scene(SNOW)[:3], BANDS[:3]).any()


def test_without_blue_red_and_two_infrareds_tell():
    found = cells(scene(CLOUD)[2:], BANDS[2:])
    assert found[10:20, 15:30] == pytest.approx(CLOUD[2])
    assert (found > 0).sum() == 150


def test_the_red_edge_stands_in_for_red():
    edge = get_sensor("sentinel2-l2a").band("B05")
    assert (cells(scene(CLOUD)[2:], (edge, *BANDS[3:])) == cells(scene(CLOUD)[2:], BANDS[2:])).all()


@pytest.mark.parametrize("spectrum", [GROUND, SNOW, SAND, ROOF], ids=["fields", "snow", "sand", "roof"])
def test_without_blue_what_is_no_cloud_is_not_taken_for_one(spectrum):
    assert not cells(scene(spectrum)[2:], BANDS[2:]).any()


def test_two_infrareds_alone_tell_nothing():
    assert cells(scene(CLOUD)[3:], BANDS[3:]) is None


def test_unit_values_stand_for_reflectance():
    values = scene(CLOUD)
    assert (cells(values / 1.6, ranges=((0.0, 1.6),)) == cells(values)).all()


def test_pieces_make_no_difference(monkeypatch):
    whole = cells(scene(CLOUD))
    monkeypatch.setattr(brightness, "TILE", 8 * CELL)
    assert (cells(scene(CLOUD)) == whole).all()


class Blind:
    """Sees no cloud anywhere."""

    halo, multiple = 32, 32

    def cover(self, image, bands, statistics):
        none = torch.zeros_like(image[:, :1])
        return Cover(none, none, none)


def test_only_reflectance_is_bright_by_itself(monkeypatch):
    monkeypatch.setattr(survey, "opacity", Blind)
    picture = picture_of(scene(CLOUD), BANDS)
    assert diagnosed(replace(picture, units="reflectance"), TASK_KEYS).survey.opaque.sum() == 150
    assert not diagnosed(replace(picture, units="DN/255"), TASK_KEYS).survey.opaque.any()


def test_a_bright_cloud_is_named_with_its_share():
    found = diagnosed(replace(picture_of(scene(CLOUD), BANDS), units="reflectance"), TASK_KEYS).findings
    shares = [one.measures["hidden_share"] for one in found if one.task == "cloud"]
    assert shares == [pytest.approx(150 / (33 * 51), abs=0.03)]


def test_what_is_bright_is_filled_from_around_it_where_bright_means_something():
    layers = Filled.of(ImageSource(scene(CLOUD)), BANDS)
    inside = Window(44, 64, 76, 116)
    assert (CloudFree.of(layers, Blind()).read(inside)[0] == np.float32(CLOUD)[:, None, None]).all()
    values, _ = CloudFree.of(layers, Blind(), reflectances=((0.0, 1.0),) * len(BANDS)).read(inside)
    assert np.abs(values - np.float32(GROUND)[:, None, None]).max() < 0.05


class Hazy(Blind):
    """Sees a thin cloud everywhere."""

    def cover(self, image, bands, statistics):
        all_of_it = torch.ones_like(image[:, :1])
        return Cover(0.2 * all_of_it, all_of_it, 0.0 * all_of_it)


@pytest.mark.parametrize(
    ("estimator", "spectrum", "hidden"),
    [(Blind(), VEIL, True), (Hazy(), VEIL, False), (Hazy(), CLOUD, True)],
    ids=["unseen", "seen to be thin", "too bright to be thin"],
)
def test_how_thin_a_cloud_is_the_estimator_tells_where_it_sees_one(estimator, spectrum, hidden):
    layers = Filled.of(ImageSource(scene(spectrum)), BANDS)
    cleared = CloudFree.of(layers, estimator, reflectances=((0.0, 1.0),) * len(BANDS))
    assert (cleared.hidden(Window(44, 64, 76, 116)) == hidden).all()
    assert (cleared.cover[1, 10:20, 15:30] == 255).all()
