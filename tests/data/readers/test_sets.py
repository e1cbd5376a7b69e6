"""Every set is read from its miniature whole, in the right roles, bands, units and splits."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from llars.bands import Role
from llars.data.readers import Paired, sets
from llars.tasks import get_task

SPLITS = ("train", "val", "test")

COUNTS = {
    "cuhk-cr1": 8,
    "cuhk-cr2-nir": 8,
    "rice2": 16,
    "haze1k-thick": 8,
    "rrshid-thin": 10,
    "rsid": 15,
    "dhid": 26,
    "sar-despeckle": 15,
    "sar-toronto": 17,
    "sen12mscr-fall": 6,
    "oli2msi": 10,
    "sen2venus-x2": 20,
    "nbu-gf1": 13,
    "pancollection-wv3": 10,
    "pancollection-wv2": 3,
    "stf-cia": 9,
}
"""Scenes in the miniatures: what their makers write, counted by hand."""

ReadAll = Callable[[str], list[Paired]]


def physical(scene: Paired, role: str) -> np.ndarray:
    sample = scene.images[role]
    return sample.values * sample.scale + sample.offset


def test_there_is_a_miniature_of_every_set(makers: dict[str, object]) -> None:
    assert set(makers) == set(sets())


@pytest.mark.parametrize("name", sets())
def test_scenes_are_whole(name: str, read_all: ReadAll) -> None:
    scenes = read_all(name)
    assert scenes
    if name in COUNTS:
        assert len(scenes) == COUNTS[name]
    assert len({scene.scene for scene in scenes}) == len(scenes), "a scene of that name is there twice"
    guides = {role.value for role in get_task(sets()[name].task).guides}
    truth = set() if name.startswith("nbu") or name.endswith("full") else {"target"}
    for scene in scenes:
        assert scene.set == name
        assert scene.task == sets()[name].task
        assert set(scene.images) == {"input", *truth, *guides}
        height, width = scene.images["input"].values.shape[1:]
        for role, sample in scene.images.items():
            factor = scene.factors[role]
            assert sample.values.shape == (len(sample.bands), height * factor, width * factor)
            assert sample.valid.shape == sample.values.shape[1:]
            assert sample.valid.all()
            assert {band.role for band in sample.bands} == {Role(role) if role in guides else Role.TARGET}
            assert (sample.scene, sample.split, sample.group) == (scene.scene, scene.split, scene.place)
            assert sample.licence
            low, high = sample.value_range
            values = physical(scene, role)
            # Speckle goes as deep as it likes.
            assert values.min() >= low or name == "sar-despeckle"
            assert values.min() < values.max() <= high * 1.02


@pytest.mark.parametrize("name", sets())
def test_no_place_is_in_two_splits(name: str, read_all: ReadAll) -> None:
    places = [{scene.place for scene in read_all(name) if scene.split == split} for split in SPLITS]
    assert not places[0] & places[1]
    assert not places[0] & places[2]
    assert not places[1] & places[2]


def test_published_splits_are_kept(read_all: ReadAll) -> None:
    regions = {scene.place: scene.split for scene in read_all("sen12mscr-spring")}
    assert {place.partition("/")[2]: split for place, split in regions.items()} == {
        "1": "train",
        "17": "val",
        "31": "test",
    }
    parts = {(scene.scene.partition("_")[0], scene.split) for scene in read_all("pancollection-qb")}
    assert parts == {("train", "train"), ("valid", "val"), ("test", "test")}


def test_all_dates_of_a_site_share_a_split(read_all: ReadAll) -> None:
    splits: dict[str, set[str]] = {}
    for scene in read_all("sen2venus-x4"):
        splits.setdefault(scene.place, set()).add(scene.split)
    assert len(splits) == 4
    assert all(len(own) == 1 for own in splits.values())


def test_sets_of_the_same_ground_agree_on_places(read_all: ReadAll) -> None:
    ways = [{scene.place: scene.split for scene in read_all(name)} for name in ("sen2venus-x2", "sen2venus-x4")]
    assert ways[0] == ways[1]


@pytest.mark.parametrize("name", ["cuhk-cr2-nir", "rice2", "haze1k-moderate", "rrshid-thick", "rsid", "dhid"])
def test_the_fault_is_in_the_input_and_the_scenes_match(name: str, read_all: ReadAll) -> None:
    for scene in read_all(name):
        # The miniatures' haze is 0.6 x + 0.36 and stops at white; rounding to 8 bits and, in dhid, JPEG take the rest.
        hazy = np.minimum(0.6 * physical(scene, "target") + 0.36, 1.0)
        np.testing.assert_allclose(physical(scene, "input"), hazy, atol=0.08 if name == "dhid" else 0.005)


def test_radar_comes_in_decibels_and_optics_in_reflectance(read_all: ReadAll) -> None:
    scene = read_all("sen12mscr-winter")[0]
    assert [band.name for band in scene.images["sar"].bands] == ["VV", "VH"]
    assert -25.0 < physical(scene, "sar").mean() < -5.0
    assert [band.name for band in scene.images["target"].bands][7:11] == ["B08", "B8A", "B09", "B10"]
    # The miniature's landscape, 0.1 to 0.9, times 0.4.
    reflectance = physical(scene, "target")
    assert reflectance.min() >= 0.04 and reflectance.max() < 0.3601


def test_power_is_turned_into_decibels(read_all: ReadAll) -> None:
    for scene in read_all("sar-despeckle"):
        # Powers of 10^3.4 to 10^6.6 in the miniature.
        clean = physical(scene, "target")
        assert clean.min() > 33.9 and clean.max() < 66.1
        # The mean of the logarithm of unit exponential speckle is -2.507 dB (Euler's constant); 256 pixels: a deviation
        # of 5.57 / 16 dB, and three of them are allowed.
        assert (physical(scene, "input") - clean).mean() == pytest.approx(-2.507, abs=1.05)


@pytest.mark.parametrize(("name", "factor"), [("oli2msi", 3), ("sen2venus-x2", 2), ("sen2venus-x4", 4)])
def test_the_finer_image_shows_the_same_ground(name: str, factor: int, read_all: ReadAll) -> None:
    for scene in read_all(name):
        fine, coarse = physical(scene, "target"), physical(scene, "input")
        # The coarse landscape is the fine one at every factor-th point.
        np.testing.assert_allclose(fine[:, ::factor, ::factor], coarse, atol=2e-4)
        assert scene.images["target"].bands[0].gsd_m < scene.images["input"].bands[0].gsd_m


@pytest.mark.parametrize("name", ["pancollection-gf2", "nbu-quickbird", "nbu-wv2"])
def test_pan_is_one_band_on_the_fine_grid(name: str, read_all: ReadAll) -> None:
    for scene in read_all(name):
        (pan,) = scene.images["pan"].bands
        assert pan.name == "PAN" and pan.gsd_m == pytest.approx(scene.images["input"].bands[0].gsd_m / 4, rel=0.05)
        assert scene.factors["pan"] == 4


@pytest.mark.parametrize("name", ["stf-cia", "stf-lgc", "stf-daxing"])
def test_dates_of_a_series_belong_together(name: str, read_all: ReadAll) -> None:
    scenes = [scene for scene in read_all(name) if scene.split == "train"]
    for scene in scenes:
        for fine, coarse in (("target", "input"), ("fine_before", "coarse_before")):
            # Coarse pixels are means of 8 x 8 fine ones in the miniatures; numbers are rounded down.
            blocks = physical(scene, fine)[:, :, :24].reshape(6, 2, 8, 3, 8).mean((2, 4))
            np.testing.assert_allclose(physical(scene, coarse)[:, ::8, :24:8], blocks, atol=0.005)
    for earlier, later in pairwise(scenes):
        np.testing.assert_array_equal(earlier.images["target"].values, later.images["fine_before"].values)
    assert [scene.scene for scene in scenes] == sorted(scene.scene for scene in scenes)
