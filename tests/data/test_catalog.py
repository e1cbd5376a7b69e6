"""Which images a catalogue gives for a split, and how they are to be read."""

from __future__ import annotations

import json
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llars.bands import Modality
from llars.data.catalog import day_in, read_catalog
from llars.errors import DataError
from llars.sample import Sample


@pytest.fixture(scope="module")
def train(folder: Path) -> dict[str, Sample]:
    return {sample.scene: sample for sample in read_catalog(folder, "train")}


def test_splits_never_mix(folder: Path, train: dict[str, Sample]) -> None:
    splits = {split: [sample.scene for sample in read_catalog(folder, split)] for split in ("val", "test")}
    assert splits == {"val": ["drone_val"], "test": ["drone_test", "dakota_2020"]}
    assert {sample.split for sample in train.values()} == {"train"}


def test_training_leaves_out_a_place_of_which_another_date_is_held_out(train: dict[str, Sample]) -> None:
    assert "dakota_2018" not in train


def test_training_leaves_out_what_is_not_clear(train: dict[str, Sample]) -> None:
    assert "under_cloud" not in train


def test_soft_scenes_are_marked(train: dict[str, Sample]) -> None:
    assert not train["soft_harbour"].sharp
    assert train["drone"].sharp


def test_bands_are_the_sensors_at_the_entrys_resolution(train: dict[str, Sample]) -> None:
    bands = train["place_20m"].bands
    assert [band.name for band in bands] == ["B05", "B06", "B07", "B8A", "B11", "B12"]
    assert all(band.gsd_m == 20 and band.modality is Modality.OPTICAL for band in bands)
    assert 1500 < (bands[4].wavelength_nm or 0) < 1700


def test_a_black_border_is_no_data_but_a_black_pixel_is(train: dict[str, Sample]) -> None:
    valid = train["drone_with_border"].valid
    assert not valid[:40].any()
    assert valid[40:].all()


def test_nodata_of_any_band_is_invalid(train: dict[str, Sample]) -> None:
    assert (~train["place_10m"].valid).sum() == 100


def test_files_of_one_scene_are_stacked_on_the_coarser_grid(train: dict[str, Sample]) -> None:
    stack, fine, coarse = train["place_20m_stack"], train["place_10m"], train["place_20m"]
    assert [band.name for band in stack.bands] == ["B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12"]
    assert {band.gsd_m for band in stack.bands} == {20}
    red = fine.values[2].reshape(96, 2, 96, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(stack.values[2], red, atol=0.5)  # rounded to whole numbers
    np.testing.assert_array_equal(stack.values[3], coarse.values[0])
    assert (~stack.valid).sum() == 25  # the hole of 10 x 10 fine pixels


def test_images_are_given_one_after_the_other_and_not_kept(catalogue: Any) -> None:
    values = np.full((1, 16, 16), 9, dtype=np.uint16)
    for number in range(6):
        catalogue.add(f"tiles_{number}", "made-up", ["x"], values, gsd=10, scale=1e-4, group="tiles")
        infra = {"scale": 1e-4, "group": f"place{number}"}
        catalogue.add(f"place{number}_10m", "sentinel2-l2a", ["B02"], values, gsd=10, **infra)
        catalogue.add(f"place{number}_20m", "sentinel2-l2a", ["B05"], values[:, :8, :8], gsd=20, **infra)
    given, most = [], 0
    for sample in read_catalog(catalogue.root, "train"):
        given.append(weakref.ref(sample.values))
        del sample
        most = max(most, sum(one() is not None for one in given))
    assert len(given) == 24  # six of them stacks of both files of a place
    assert most <= 2


def test_ground_of_a_stricter_split_is_cut_off(catalogue: Any) -> None:
    values = np.full((1, 64, 64), 9, dtype=np.uint8)
    look = {"gsd": 10, "scale": 1 / 255, "west": 500000}
    catalogue.add("wide", "made-up", ["x"], values, **look)
    catalogue.add("east", "made-up", ["x"], values, split="test", **look | {"west": 500000 + 48 * 10})
    catalogue.add("same", "made-up", ["x"], values, **look | {"west": 500000 + 48 * 10})
    found = {sample.scene: sample for sample in read_catalog(catalogue.root, "train")}
    # The box in degrees around the test image is somewhat wider than the image: at most a pixel here.
    assert found.keys() == {"wide"}
    assert found["wide"].values.shape in {(1, 64, 48), (1, 64, 47)}
    assert found["wide"].footprint is not None


def test_files_that_cannot_be_read_are_told_and_left_out(catalogue: Any) -> None:
    values = np.full((2, 16, 16), 9, dtype=np.uint8)
    for name in ("good", "gone", "short", "bands"):
        catalogue.add(name, "made-up", ["x", "y"], values, gsd=10, scale=1 / 255)
    (catalogue.root / "gone.tif").unlink()
    (catalogue.root / "short.tif").write_bytes((catalogue.root / "short.tif").read_bytes()[:200])
    catalogue.entries[3]["bands"] = ["x"]
    (catalogue.root / "scenes.json").write_text(json.dumps(catalogue.entries))
    told: list[str] = []
    assert [sample.scene for sample in read_catalog(catalogue.root, "train", on_fault=told.append)] == ["good"]
    assert ["gone.tif" in told[0], "short.tif" in told[1], "bands.tif has 2 bands" in told[2]] == [True] * 3
    assert len(told) == 3


def test_a_collection_over_several_splits_is_no_place(catalogue: Any) -> None:
    values = np.full((1, 16, 16), 9, dtype=np.uint8)
    catalogue.add("tile_0", "made-up", ["x"], values, gsd=10, scale=1 / 255, group="tiles", west=400000)
    catalogue.add("tile_1", "made-up", ["x"], values, gsd=10, scale=1 / 255, group="tiles", split="val", west=410000)
    assert [sample.group for sample in read_catalog(catalogue.root, "train")] == ["tile_0"]


@pytest.mark.parametrize(
    ("name", "day"), [("s2_1970-01-11_x", 10.0), ("naip_19700102", 1.0), ("l7_2002", None), ("modis_20209900", None)]
)
def test_dates_are_read_from_names(name: str, day: float | None) -> None:
    assert day_in(name) == day


@pytest.mark.parametrize("fault", ["no folder", "split", "file"])
def test_mistakes_are_told(folder: Path, tmp_path: Path, fault: str) -> None:
    if fault == "file":
        (tmp_path / "scenes.json").write_text((folder / "scenes.json").read_text())
    root = folder if fault == "split" else tmp_path
    with pytest.raises(DataError, match={"no folder": "scenes.json", "split": "unknown split", "file": "read"}[fault]):
        list(read_catalog(root, "dev" if fault == "split" else "train"))
