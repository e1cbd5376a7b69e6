"""``scenes.json``: what may be left out of it, what is refused, and that the documented example can be packed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from llars.data.build import build, read_plan
from llars.data.catalog import entries, read_catalog
from llars.data.corpus import Corpus
from llars.errors import DataError

DOCUMENT = Path(__file__).parents[2] / "docs" / "training.md"
LEAST = {"file": "a.tif", "sensor": "naip", "bands": ["R"], "scale": 1e-4, "split": "train", "licence": "CC0"}


def image(path: Path, bands: int = 1, pixel: float = 10.0, **more: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    options: dict[str, Any] = {"crs": "EPSG:32632", "transform": from_origin(3e5, 5e6, pixel, pixel)} | more
    with rasterio.open(path, "w", driver="GTiff", count=bands, height=24, width=24, dtype="uint16", **options) as file:
        file.write(np.arange(1, 24 * 24 * bands + 1, dtype=np.uint16).reshape(bands, 24, 24))
    return path


def listed(root: Path, *given: Any) -> Path:
    (root / "scenes.json").write_text(json.dumps(list(given)))
    return root


def test_the_documented_example_is_packed(tmp_path: Path) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    (example,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    for at, entry in enumerate(json.loads(example)):
        place = from_origin(3e5 + 5000 * at, 5e6, 10, 10)
        image(tmp_path / "imagery" / entry["file"], len(entry["bands"]), transform=place)
    (tmp_path / "imagery" / "scenes.json").write_text(example)
    settings = "splits: [train, val]\nsources: {mine: {catalogue: .}}\n"
    (tmp_path / "data.yaml").write_text(f"out: {tmp_path / 'out'}\n{settings}")
    manifest = build(read_plan(tmp_path / "data.yaml", tmp_path / "imagery"))
    assert manifest["faults"] == []
    assert {split: about["samples"] for split, about in manifest["splits"].items()} == {"train": 1, "val": 1}
    (scene,) = Corpus.open(tmp_path / "out" / "train").scenes
    assert scene.bands[0].gsd_m == 10 and scene.bands[0].wavelength_nm is not None


def test_the_documented_keys_are_those_that_are_read(tmp_path: Path) -> None:
    table = re.findall(r"^\| `(\w+)` \|", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    image(tmp_path / "a.tif")
    (entry,) = entries(listed(tmp_path, LEAST))
    assert set(table) == entry.keys()


def test_what_is_left_out_gets_a_default(tmp_path: Path) -> None:
    image(tmp_path / "deep" / "a_2020.TIF")
    (entry,) = entries(listed(tmp_path, LEAST | {"file": "deep/a_2020.TIF", "note": None}))
    assert (entry["id"], entry["group"], entry["role"], entry["tasks"]) == ("a_2020", "a_2020", "clean", ["clean"])
    assert (entry["offset"], entry["units"], entry["source"], entry["note"]) == (0.0, "display 0-1", "", "")
    assert entry["gsd_m"] == 10
    (sample,) = read_catalog(tmp_path, "train")
    assert (sample.scene, sample.group, sample.bands[0].gsd_m) == ("a_2020", "a_2020", 10)


def test_the_pixel_size_is_that_of_the_file_else_of_the_sensor_else_unknown(tmp_path: Path) -> None:
    feet = image(tmp_path / "feet.tif", pixel=10.0, crs="EPSG:2263")
    degrees = image(tmp_path / "degrees.tif", pixel=1e-4, crs="EPSG:4326")
    given = [LEAST | {"file": path.name, "sensor": "sentinel2-l2a", "bands": ["B11"]} for path in (feet, degrees)]
    given += [LEAST | {"file": "degrees.tif", "id": "x", "sensor": "unheard-of"}, LEAST | {"id": "y", "gsd_m": None}]
    found = [entry["gsd_m"] for entry in entries(listed(tmp_path, *given))]
    # The US survey foot.
    assert found == [pytest.approx(3.048006), 20, None, None]


def test_files_that_are_listed_for_another_purpose_are_left_out(tmp_path: Path) -> None:
    other = {"id": "odd", "file": "odd.tif", "role": "oddity", "split": "test", "tasks": ["io"]}
    assert [entry["id"] for entry in entries(listed(tmp_path, other, LEAST))] == ["a"]


def test_a_series_needs_a_file_and_a_split(tmp_path: Path) -> None:
    (entry,) = entries(listed(tmp_path, {"file": "site.npz", "split": "test", "role": "series", "tasks": []}))
    assert (entry["id"], entry["group"], entry["licence"], entry["tasks"]) == ("site", "site", "", [])


@pytest.mark.parametrize(
    ("given", "says"),
    [
        *[({key: None}, rf"entry 1 \(a\.tif\) has no `{key}`") for key in LEAST if key != "file"],
        ({"role": "clear", "sensor": None, "bands": None}, "has no `sensor`, `bands`"),
        ({"file": None}, "entry 1: `file` is missing"),
        ({"file": "a.jp2"}, "`file` is no .tif"),
        ({"scale": "abc"}, r'entry 1 \(a\.tif\): `scale` is "abc"; expected a number above 0'),
        ({"scale": 0}, "`scale` is 0"),
        ({"scale": True}, "`scale` is true"),
        ({"offset": "x"}, '`offset` is "x"; expected a number'),
        ({"gsd_m": "10 m"}, "`gsd_m`"),
        ({"split": "trian"}, "`split` is 'trian'; expected one of train, val, test"),
        ({"bands": "R"}, '`bands` is "R"; expected a list of names'),
        ({"bands": []}, "`bands` is"),
        ({"bands": [1]}, "`bands` is"),
        ({"tasks": "clean"}, "`tasks` is"),
        ({"role": ["a"]}, "`role` is"),
        ({"id": 7}, "`id` is 7; expected text"),
        ({"note": {"a": 1}}, "`note` is"),
    ],
)
def test_a_wrong_entry_is_told_in_one_line_with_its_key(tmp_path: Path, given: dict[str, Any], says: str) -> None:
    with pytest.raises(DataError, match=says) as caught:
        entries(listed(tmp_path, LEAST | given))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"scenes": [LEAST]}, "expected a list of entries"),
        (["a.tif"], 'entry 1 is "a.tif"; expected an object'),
        ([LEAST, LEAST | {"file": "deep/a.tif"}], r"a\.tif and deep/a\.tif both have the id 'a'"),
        ([LEAST, LEAST], "both have the id 'a'"),
    ],
)
def test_a_wrong_document_is_told_in_one_line(tmp_path: Path, document: Any, says: str) -> None:
    (tmp_path / "scenes.json").write_text(json.dumps(document))
    with pytest.raises(DataError, match=says) as caught:
        entries(tmp_path)
    assert "\n" not in str(caught.value)
