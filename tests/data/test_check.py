"""The check finds each kind of damage, and nothing in a corpus without any."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from llars.cli import MISTAKE, OK, run
from llars.data.build import Plan, build
from llars.data.check import check
from llars.data.footprints import Box
from llars.data.manifest import save, summarise
from llars.data.records import Record
from llars.data.shards import ShardWriter
from llars.data.sources import Part
from llars.errors import DataError
from llars.sample import Sample
from llars.sensors import get_sensor


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("corpus")
    settings = {"synthetic": 100, "side": 4, "held_out": 0.3}
    build(Plan(out, ("train", "val"), (Part("noise", "synthetic", settings, out, "train", (0, 100)),)))
    return out


@pytest.fixture
def root(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "corpus"))


def a_shard(root: Path) -> Path:
    return next((root / "train").glob("*.tar"))


def image(seed: int, split: str) -> Sample:
    values = np.random.default_rng(seed).integers(0, 255, (3, 8, 8)).astype(np.uint8)
    valid = np.ones((8, 8), dtype=bool)
    return Sample(f"{split}{seed}", split, "rgb-aerial", get_sensor("rgb-aerial").bands, values, 1.0, 0.0, valid)


def written(root: Path, records: dict[str, list[Record]]) -> Path:
    shards = []
    for split, members in records.items():
        (root / split).mkdir(parents=True)
        writer = ShardWriter(root / split / "one.tar")
        for record in members:
            writer.add(record)
        shards.append(writer.close(file=f"{split}/one.tar", split=split, part="one", task="clean", sensor="rgb-aerial"))
    save(summarise(shards), root)
    return root


def test_a_whole_corpus_passes(built: Path) -> None:
    assert check(built) == []


def test_a_missing_shard_is_named(root: Path) -> None:
    shard = a_shard(root)
    shard.unlink()
    (line,) = check(root)
    assert shard.name in line and "missing" in line


def test_one_changed_byte_is_found(root: Path) -> None:
    shard = a_shard(root)
    raw = bytearray(shard.read_bytes())
    raw[len(raw) // 2] ^= 1
    shard.write_bytes(raw)
    (line,) = check(root)
    assert shard.name in line and "corrupt" in line


def test_a_shard_that_is_not_listed_is_named(root: Path) -> None:
    shutil.copy(a_shard(root), root / "val" / "more.tar")
    (line,) = check(root)
    assert "more.tar is not in the manifest" in line


def test_wrong_counts_are_found(root: Path) -> None:
    manifest = json.loads((root / "manifest.json").read_text())
    manifest["splits"]["train"]["shards"][0]["samples"] += 1
    (root / "manifest.json").write_text(json.dumps(manifest))
    (line,) = check(root)
    assert "the manifest says" in line


def test_a_key_that_comes_twice_is_named(tmp_path: Path) -> None:
    doubles = [Record("same", "clean", f"p{i}", {"image": image(i, "train")}) for i in range(2)]
    (line,) = check(written(tmp_path, {"train": doubles}))
    assert "is called same" in line


@pytest.mark.parametrize("leak", ["place", "image", "ground", "neighbour"])
def test_what_two_splits_share_is_found(tmp_path: Path, leak: str) -> None:
    train, val = image(0, "train"), image(0 if leak == "image" else 1, "val")
    boxes = {"ground": (0.0009, 0.0, 0.002, 0.001), "neighbour": (0.00099, 0.0, 0.002, 0.001)}
    if leak in boxes:
        train = replace(train, footprint=(0.0, 0.0, 0.001, 0.001))
        val = replace(val, footprint=boxes[leak])
    place = "here" if leak == "place" else "there"
    records = {
        "train": [
            Record("other", "clean", "x", {"image": image(7, "train")}),
            Record("a", "clean", "here", {"i": train}),
        ],
        "val": [Record("b", "clean", place, {"i": val})],
    }
    found = check(written(tmp_path, records))
    if leak == "neighbour":
        assert found == []
    else:
        (line,) = found
        assert {"place": "1 places", "image": "1 images", "ground": "overlap"}[leak] in line
        assert "a and b" in line


def footprints_in(root: Path, train: list[Box], val: list[Box]) -> Path:
    """A corpus of images that lie there and share nothing else."""
    records: dict[str, list[Record]] = {"train": [], "val": []}
    for seed, (split, box) in enumerate([*(("train", box) for box in train), *(("val", box) for box in val)]):
        placed = replace(image(seed, split), footprint=box)
        records[split].append(Record(placed.scene, "clean", placed.scene, {"i": placed}))
    return written(root, records)


ACROSS = (179.99, 0.0, -179.99, 0.01)
"""As GDAL gives the bounds of an image on the antimeridian: west is greater than east."""


@pytest.mark.parametrize("far", [(10.0, 0.0, 10.01, 0.01), (-179.99, 0.0, -179.98, 0.01), (179.9, 0.0, 179.99, 0.01)])
@pytest.mark.parametrize("across", [ACROSS, (179.99, 0.0, 180.01, 0.01)])
def test_an_image_on_the_antimeridian_overlaps_nothing_but_its_own_ground(
    tmp_path: Path, across: Box, far: Box
) -> None:
    assert check(footprints_in(tmp_path / "corpus", [across], [far])) == []
    assert check(footprints_in(tmp_path / "exchanged", [far], [across])) == []


@pytest.mark.parametrize(
    "near", [ACROSS, (-180.0, 0.0, -179.995, 0.01), (179.992, 0.002, 179.998, 0.008), (179.995, 0.0, 180.005, 0.01)]
)
@pytest.mark.parametrize("across", [ACROSS, (179.99, 0.0, 180.01, 0.01)])
def test_overlaps_on_the_antimeridian_are_found(tmp_path: Path, across: Box, near: Box) -> None:
    (line,) = check(footprints_in(tmp_path / "corpus", [across], [near]))
    assert "1 pairs of images overlap" in line


def test_overlaps_are_counted_and_the_first_is_named(tmp_path: Path) -> None:
    grid = [(0.01 * i, 0.0, 0.01 * i + 0.01, 0.01) for i in range(6)]
    (line,) = check(footprints_in(tmp_path, grid, [(10.0, 0.0, 10.01, 0.01), (0.015, 0.0, 0.035, 0.01)]))
    # The second validation image lies over parts of the 2nd, 3rd and 4th of training.
    assert "3 pairs of images overlap, train1 and val7 among them" in line


def test_the_exit_code_tells(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "data.yaml"
    config.write_text(f"out: {root}\nsplits: [train, val]\nsources: {{noise: {{synthetic: 100}}}}\n")
    assert run(["data", "check", str(config)]) == OK
    a_shard(root).unlink()
    capsys.readouterr()
    assert run(["data", "check", str(config)]) == MISTAKE
    assert capsys.readouterr().err.count("llars: error:") == 1


def test_no_corpus_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no corpus at"):
        check(tmp_path)
