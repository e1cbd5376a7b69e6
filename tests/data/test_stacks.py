"""Images of one place come together on one grid, with radar as a guide and nothing cloudy among them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llars.bands import Modality, Role
from llars.data.catalog import read_catalog
from llars.data.records import Record
from llars.data.stacks import read_stacks, stacks_from
from llars.errors import ConfigError, DataError

FOUR, SIX = ["B02", "B03", "B04", "B08"], ["B05", "B06", "B07", "B8A", "B11", "B12"]


@pytest.fixture
def place(catalogue: Any) -> Any:
    """Two resolutions of optical and radar of one place, and a date of another place."""
    rng = np.random.default_rng(0)
    common = {"group": "place", "west": 500000}
    fine = rng.integers(1000, 5000, (4, 48, 48)).astype(np.uint16)
    catalogue.add("place_10m", "sentinel2-l2a", FOUR, fine, gsd=10, scale=1e-4, **common)
    plane = np.add(*np.mgrid[:24, :24]).astype(np.uint16) * 100 + 1000
    catalogue.add("place_20m", "sentinel2-l2a", SIX, np.stack([plane] * 6), gsd=20, scale=1e-4, **common)
    radar = rng.normal(-12, 2, (2, 48, 48)).astype(np.float32)
    sar = {"gsd": 10, "scale": 1.0, "units": "dB", "role": "sar", "tasks": ["cloud_sar"]}
    catalogue.add("place_s1", "sentinel1-grd-db", ["VV", "VH"], radar, **sar, **common)
    catalogue.add("alone", "sentinel2-l2a", FOUR, fine, gsd=10, scale=1e-4)
    return catalogue


def records(root: Path, settings: Mapping[str, Any], told: list[str] | None = None) -> dict[str, Record]:
    on_fault = None if told is None else told.append
    found = read_stacks(read_catalog(root, "train"), root, "train", stacks_from(settings), on_fault)
    return {record.key: record for record in found}


def test_radar_and_optical_lie_on_one_grid(place: Any) -> None:
    found = records(place.root, {"s": {"images": ["place_10m", "place_s1"], "enlarged": ["place_20m"]}})
    assert found.keys() == {"alone", "place_20m", "place_20m_stack", "s"}
    images = found["s"].images
    assert found["s"].task == "cloud_sar"
    assert {sample.values.shape[1:] for sample in images.values()} == {(48, 48)}
    assert {sample.stack for sample in images.values()} == {"s"}
    radar, optical, joined = images["place_s1"], images["place_10m"], images["place_10m_all"]
    assert {(band.role, band.modality) for band in radar.bands} == {(Role.SAR, Modality.SAR)}
    assert [radar.clean, optical.clean, joined.clean] == [False, True, False]
    assert [radar.sharp, optical.sharp, joined.sharp] == [True, True, False]
    assert found["s"].sensor == "sentinel2-l2a"


def test_coarse_bands_are_interpolated_where_they_lie(place: Any) -> None:
    found = records(place.root, {"s": {"images": ["place_10m", "place_s1"], "enlarged": ["place_20m"]}})
    joined = found["s"].images["place_10m_all"]
    names = [band.name for band in joined.bands]
    assert names == ["B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12"]
    # A plane stays a plane: a fine pixel's centre is a quarter of a coarse pixel off the coarse one's.
    fine = (np.add(*np.mgrid[:48, :48]) - 1) / 2 * 100 + 1000
    inside = np.s_[8:-8, 8:-8]
    np.testing.assert_allclose(joined.values[names.index("B05")][inside], fine[inside], atol=1.0)  # whole numbers
    np.testing.assert_array_equal(joined.values[0], found["s"].images["place_10m"].values[0])


def test_a_stack_of_another_split_is_left_out(place: Any) -> None:
    place.entries[2]["split"] = "val"
    (place.root / "scenes.json").write_text(json.dumps(place.entries))
    assert "s" not in records(place.root, {"s": {"images": ["alone", "place_s1"]}})


@pytest.mark.parametrize(
    ("images", "line"),
    [(["alone", "nothing"], "has no nothing"), (["alone", "place_20m"], "one grid"), (["alone", "place_s1"], "cannot")],
    ids=["unknown", "sizes", "corrupt"],
)
def test_a_wrong_stack_is_told_and_comes_apart(place: Any, images: list[str], line: str) -> None:
    (place.root / "place_s1.tif").write_bytes(b"II*\0")
    told: list[str] = []
    found = records(place.root, {"s": {"images": images}}, told)
    assert "alone" in found and found["alone"].images["image"].stack == ""
    assert len(told) == 1 and line in told[0]
    with pytest.raises(DataError, match=line):
        records(place.root, {"s": {"images": images}})


def test_templates_stand_for_many_stacks() -> None:
    one, two = stacks_from({"{}_x": {"images": ["{}_a", "{}_b"], "each": ["p", "q"]}})
    assert (one.name, one.images) == ("p_x", ("p_a", "p_b"))
    assert (two.name, two.images) == ("q_x", ("q_a", "q_b"))
    with pytest.raises(ConfigError, match="known are"):
        stacks_from({"x": {"pictures": []}})


def test_a_series_gives_its_clear_dates_the_radar_nearest_and_the_mean(catalogue: Any) -> None:
    rng = np.random.default_rng(1)
    classes = np.full((4, 16, 16), 4, np.uint8)
    classes[1] = 9  # cloud
    noise = rng.gamma(4.0, 0.25, (12, 2, 16, 16))
    np.savez(
        catalogue.root / "series.npz",
        s2_20m=rng.integers(1000, 5000, (4, 6, 16, 16)).astype(np.uint16),
        s2_20m_bands=SIX,
        s2_20m_scl=classes,
        s2_20m_days=np.arange(4) * 86400 * 10,
        s2_20m_days_unit="seconds since 1970-01-02 12:00:00",
        s1_20m=(1000 * np.log10(0.05 * noise)).round().astype(np.int16),
        s1_20m_bands=["VH", "VV"],
        s1_20m_days=np.arange(12) * 86400 * 3,
        s1_20m_days_unit="seconds since 1970-01-02 12:00:00",
    )
    look = {"file": "series.npz", "group": "site", "split": "train", "tasks": ["cloud_sar"], "role": "series"}
    entry = {"id": "site", "source": "", "licence": "", **look}
    (catalogue.root / "scenes.json").write_text(json.dumps([entry]))
    images = records(catalogue.root, {"s": {"series": "site", "leave_out": [2]}})["s"].images
    # Dates 0 and 3 are clear and kept; 0 and 30 days on, the nearest radar dates are the first and the eleventh.
    assert list(images) == ["site_s2_000", "site_s2_003", "site_s1_mean", "site_s1_000", "site_s1_010"]
    assert images["site_s2_003"].day == pytest.approx(31.5)
    assert {sample.values.shape[1:] for sample in images.values()} == {(32, 32)}
    assert [name for name, sample in images.items() if sample.clean] == ["site_s1_mean"]
    mean = 10 ** (images["site_s1_mean"].values / 1000.0)
    # The mean of 12 dates of 4 looks, of 2 x 16 x 16 pixels, is known to 0.05 / sqrt(4 * 12 * 512) = 0.0003.
    assert mean.mean() == pytest.approx(0.05, abs=0.001)
