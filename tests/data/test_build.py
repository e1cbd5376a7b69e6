"""Whatever is killed, broken or asked for twice, the shards of a build are those of one that ran through."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from llars.cli import MISTAKE, OK, run
from llars.data import build as building
from llars.data.build import Plan, build, read_plan
from llars.data.corpus import Corpus
from llars.data.shards import Shard, ShardWriter
from llars.data.sources import Part
from llars.errors import ConfigError, DataError

NOISE = {"synthetic": 300, "side": 4, "sensors": ["rgb-aerial", "naip"], "tasks": ["denoise", "haze"], "held_out": 0.2}


def configured(tmp_path: Path, sources: dict[str, Any], **more: Any) -> Path:
    path = tmp_path / "data.yaml"
    settings = {"out": str(tmp_path / "out"), "splits": ["train", "val"], "sources": sources, "shard_mb": 0.1} | more
    path.write_text(yaml.safe_dump(settings))
    return path


def content(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return read_plan(configured(tmp_path, {"noise": NOISE | {"parts": 2}}))


def test_the_manifest_counts_what_the_source_gave(plan: Plan) -> None:
    manifest = build(plan)
    splits = manifest["splits"]
    assert manifest["samples"] == 300 == splits["train"]["samples"] + splits["val"]["samples"]
    # Places are 30; the share held out is within four standard errors of a fifth of them.
    assert 0 < splits["val"]["samples"] / 300 < 0.2 + 4 * (0.2 * 0.8 / 30) ** 0.5
    assert sum(about["tasks"]["denoise"] for about in splits.values()) == 150
    assert sum(sum(about["severities"]["haze"]) for about in splits.values()) == 150
    assert [(one["source"], one["licence"], one["images"]) for one in manifest["sources"]] == [
        ("made up", "CC0-1.0", 300)
    ]
    # Bytes are drawn evenly: the mean of 0 to 255 is a half, with spread 1 / sqrt(12), and 1,900 of them are averaged.
    assert splits["train"]["statistics"]["naip"]["N"]["mean"] == pytest.approx(0.5, abs=4 / (12 * 1900) ** 0.5)


def test_a_place_is_in_one_split(plan: Plan) -> None:
    build(plan)
    train, val = (Corpus.open(plan.out / split) for split in ("train", "val"))
    assert not {scene.group for scene in train.scenes} & {scene.group for scene in val.scenes}
    assert [scene.name for scene in train.scenes] == sorted(scene.name for scene in train.scenes)


def test_a_second_build_does_nothing(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    build(plan)
    before = content(plan.out)
    times = {path: path.stat().st_mtime_ns for path in plan.out.rglob("*")}
    monkeypatch.setattr(Part, "read", None)
    build(plan)
    assert content(plan.out) == before
    assert {path: path.stat().st_mtime_ns for path in plan.out.rglob("*") if path.is_file()}.items() <= times.items()


def build_until_killed(plan: Plan, records: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Build until so many records are written, as if the process was interrupted then."""
    add, left = ShardWriter.add, iter(range(records))

    def killed(self: ShardWriter, record: Any, number: int = 0) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt
        add(self, record, number)

    with monkeypatch.context() as patch:
        patch.setattr(ShardWriter, "add", killed)
        with pytest.raises(KeyboardInterrupt):
            build(plan)


@pytest.mark.parametrize("stop", [1, 40, 95, 200, 299])
def test_a_build_that_is_killed_goes_on(plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: int) -> None:
    build(plan)
    whole = content(plan.out)
    shutil.rmtree(plan.out)
    build_until_killed(plan, stop, monkeypatch)
    assert not (plan.out / "manifest.json").exists()
    assert list(plan.out.rglob("*.part"))
    build(plan)
    assert content(plan.out) == whole


def test_only_what_was_not_yet_whole_is_written_again(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    build(plan)
    said = sorted((plan.out / "progress").glob("noise-0001-*.json"))
    assert len(said) > 1
    said[-1].unlink()
    starts: list[int] = []
    read = Part.read

    def noted(self: Part, start: int, on_fault: Any) -> Iterator[Any]:
        starts.append(start)
        return read(self, start, on_fault)

    monkeypatch.setattr(Part, "read", noted)
    before = content(plan.out)
    build(plan)
    assert starts == [json.loads(said[-2].read_text())["stop"]]
    assert content(plan.out).keys() == before.keys() | {str(said[-1].relative_to(plan.out))}


def test_other_settings_make_other_shards_and_leave_none_behind(plan: Plan, tmp_path: Path) -> None:
    build(plan)
    other = read_plan(configured(tmp_path, {"new": NOISE | {"synthetic": 50}}))
    manifest = build(other)
    listed = {entry["file"] for about in manifest["splits"].values() for entry in about["shards"]}
    assert {str(path.relative_to(plan.out)) for path in plan.out.rglob("*.tar")} == listed
    assert manifest["samples"] == 50


def listed(manifest: dict[str, Any]) -> set[str]:
    return {entry["file"] for about in manifest["splits"].values() for entry in about["shards"]}


def shards_in(root: Path) -> dict[str, bytes]:
    return {name: raw for name, raw in content(root).items() if name.endswith(".tar")}


@pytest.mark.parametrize("wrong", ["nowhere", "empty", "lists what is not there"])
def test_a_wrong_folder_leaves_a_finished_corpus_alone(
    catalogue: Any, tmp_path: Path, wrong: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, split in (("a", "train"), ("b", "val")):
        catalogue.add(name, "made-up", ["x"], np.full((1, 16, 16), 9, np.uint16), gsd=10, scale=1e-4, split=split)
    config, folder = configured(tmp_path, {"ours": {"catalogue": "."}}), tmp_path / wrong
    good = ["data", "build", str(config), str(catalogue.root)]
    assert run(good) == OK
    before = shards_in(tmp_path / "out")
    if wrong != "nowhere":
        folder.mkdir()
    if wrong.startswith("lists"):
        shutil.copy(catalogue.root / "scenes.json", folder)
    capsys.readouterr()
    assert run(["data", "build", str(config), str(folder)]) == MISTAKE
    told = capsys.readouterr().err
    assert "ours-train: the shards of the build before stay as they are" in told
    assert len(before) == 2 and shards_in(tmp_path / "out") == before
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert listed(manifest) == set(before)
    # A source of another name that gives nothing either takes nothing away.
    other = configured(tmp_path, {"theirs": {"catalogue": "."}, "noise": NOISE})
    assert run(["data", "build", str(other), str(folder)]) == MISTAKE
    assert before.items() <= shards_in(tmp_path / "out").items()
    assert run(["data", "build", str(configured(tmp_path, {"ours": {"catalogue": "."}})), str(catalogue.root)]) == OK
    assert shards_in(tmp_path / "out") == before


def test_earlier_shards_stay_until_the_new_ones_are_in_the_manifest(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(plan)
    before = shards_in(plan.out)
    other = read_plan(configured(tmp_path, {"noise": NOISE | {"parts": 2, "seed": 1}}))
    build_until_killed(other, 200, monkeypatch)
    assert before.items() <= shards_in(plan.out).items()
    starts: list[int] = []
    read = Part.read

    def noted(self: Part, start: int, on_fault: Any) -> Iterator[Any]:
        starts.append(start)
        return read(self, start, on_fault)

    with monkeypatch.context() as patch:
        patch.setattr(Part, "read", noted)
        manifest = build(other)
    # The first part was complete and the second had begun.
    assert len(starts) == 1 and starts[0] > 150
    assert manifest["samples"] == 300
    assert set(shards_in(plan.out)) == listed(manifest)
    assert not set(before) & listed(manifest)


def test_a_source_that_breaks_off_earlier_than_before_takes_nothing_away(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(plan)
    before = shards_in(plan.out)
    read = Part.read

    def torn(self: Part, start: int, on_fault: Any) -> Iterator[Any]:
        for number, record in read(self, start, on_fault):
            if number == 100:
                raise DataError("the tape broke")
            yield number, record

    monkeypatch.setattr(building.Part, "read", torn)
    manifest = build(read_plan(configured(tmp_path, {"noise": NOISE | {"parts": 2, "seed": 1}})))
    assert any("the tape broke" in line for line in manifest["faults"])
    assert before.items() <= shards_in(plan.out).items()
    # The other part was written anew.
    assert manifest["samples"] == 300
    assert any("noise-0000-00000" in name for name in listed(manifest))
    assert not any("noise-0001-00000" in name for name in listed(manifest))


def test_processes_write_the_same_shards(plan: Plan, tmp_path: Path) -> None:
    build(plan)
    alone = content(plan.out)
    shutil.rmtree(plan.out)
    build(read_plan(tmp_path / "data.yaml", None, ["processes=2"]))
    assert content(plan.out) == alone


def test_a_folder_of_several_parts_is_listed_once_in_a_build(
    catalogue: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, split in (("a", "train"), ("b", "val")):
        values = np.full((1, 16, 16), len(split), np.uint16)
        catalogue.add(name, "made-up", ["x"], values, gsd=10, scale=1e-4, split=split)
    listed: list[Path] = []
    rglob = Path.rglob

    def noted(self: Path, pattern: str) -> Iterator[Path]:
        listed.append(self)
        return rglob(self, pattern)

    monkeypatch.setattr(Path, "rglob", noted)
    plan = read_plan(configured(tmp_path, {"ours": {"catalogue": "."}}), catalogue.root)
    assert len(plan.parts) == 2
    assert build(plan)["samples"] == 2
    assert listed == [catalogue.root]
    # The next build looks again: a file that has changed makes other shards.
    catalogue.add("c", "made-up", ["x"], np.full((1, 16, 16), 9, np.uint16), gsd=10, scale=1e-4)
    assert build(plan)["samples"] == 3
    assert listed == [catalogue.root] * 2


def test_what_is_broken_is_told_and_the_rest_is_built(
    catalogue: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = np.arange(512, dtype=np.uint16).reshape(2, 16, 16)
    for name in ("a", "b", "c", "d"):
        catalogue.add(name, "made-up", ["x", "y"], values + len(name), gsd=10, scale=1e-4)
    path = catalogue.root / "b.tif"
    good = path.read_bytes()
    path.write_bytes(good[:150])
    sources = {
        "ours": {"catalogue": "."},
        "gone": {"set": "rice1", "folder": "nowhere"},
        "none": {"catalogue": "missing"},
    }
    config = configured(tmp_path, sources)
    command = ["data", "build", str(config), str(catalogue.root)]
    assert run(command) == MISTAKE
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("llars: error")]
    assert len(told) == len(set(told))
    assert ["b.tif" in line for line in told].count(True) == 1
    assert ["rice1" in line for line in told].count(True) == 1
    assert ["missing holds no scenes.json" in line for line in told].count(True) == 2  # a part for each split
    assert [scene.name for scene in Corpus.open(tmp_path / "out" / "train").scenes] == ["a", "c", "d"]
    # Mended, it is read again although the rest of the catalogue is there.
    path.write_bytes(good)
    config.write_text(yaml.safe_dump(yaml.safe_load(config.read_text()) | {"sources": {"ours": {"catalogue": "."}}}))
    assert run(command) == OK
    assert [scene.name for scene in Corpus.open(tmp_path / "out" / "train").scenes] == ["a", "b", "c", "d"]


def test_public_sets_are_built_with_their_roles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "scripts"))
    from miniatures import MAKERS

    names = ["haze1k-thin", "sen12mscr-spring"]
    for name in names:
        MAKERS[name](tmp_path / "sets" / name)
    config = configured(tmp_path, {"public": {"set": names, "held_out": 0.5}})
    manifest = build(read_plan(config, tmp_path / "sets"))
    assert manifest["faults"] == []
    assert {task for about in manifest["splits"].values() for task in about["tasks"]} == {"haze", "cloud_sar"}
    assert all(one["citation"] and one["licence"] for one in manifest["sources"])
    pairs = [
        shard[i]
        for path in sorted((tmp_path / "out").rglob("*.tar"))
        for shard in [Shard(path)]
        for i in range(len(shard))
    ]
    assert all(pair.severity == pytest.approx(1 / 6) for pair in pairs if pair.task == "haze")
    assert {name for pair in pairs for name in pair.images} == {"input", "target", "sar"}
    assert {name for pair in pairs for name, sample in pair.images.items() if sample.clean} == {"target"}
    # Held out by place: all that shows one place is on one side.
    sides = {(pair.place, pair.split) for pair in pairs}
    assert len(sides) == len({place for place, _ in sides})


def test_a_source_that_breaks_off_keeps_what_it_gave(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    read = Part.read

    def torn(self: Part, start: int, on_fault: Any) -> Iterator[Any]:
        for number, record in read(self, start, on_fault):
            if number == 100:
                raise DataError("the tape broke")
            yield number, record

    monkeypatch.setattr(building.Part, "read", torn)
    manifest = build(plan)
    assert manifest["faults"] == ["noise-0000: the tape broke"]
    assert manifest["samples"] == 250


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"splits": ["test"]}, "test split"),
        ({"splits": ["train", "dev"]}, "unknown splits dev"),
        ({"sources": {"x": {"folder": "y"}}}, "none of catalogue, set, synthetic"),
        ({"sources": {"x": {"synthetic": 1, "depth": 3}}}, "unknown depth"),
        ({"sources": {"x": {"set": "no-such-set", "folder": "y"}}}, "unknown data set 'no-such-set'"),
        ({"colour": "red"}, "unknown colour"),
        ({"splits": "train"}, r"splits is 'train'; expected a list, as \[train, val\]"),
        ({"processes": 0}, "processes=0"),
        ({"processes": 1.5}, "processes=1.5 is not what was expected: int"),
        ({"shard_mb": "big"}, "shard_mb='big' is not"),
        ({"shard_mb": -1}, "shard_mb=-1"),
    ],
)
def test_a_wrong_configuration_is_told(tmp_path: Path, settings: dict[str, Any], line: str) -> None:
    path = configured(tmp_path, **{"sources": {"noise": NOISE}} | settings)
    with pytest.raises(ConfigError, match=line):
        read_plan(path)


def test_what_is_no_configuration_is_told(tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text("out: x")
    with pytest.raises(ConfigError, match="names out, splits and sources"):
        read_plan(tmp_path / "wrong.yaml")


def test_nothing_at_all_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no source gave anything"):
        build(read_plan(configured(tmp_path, {"none": {"catalogue": "missing"}}), tmp_path))
