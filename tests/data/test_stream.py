"""The stream is one sequence, which seed and weights decide, and which can be left, dealt out and resumed."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pytest

from llars.data.build import Plan, build
from llars.data.sources import Part
from llars.data.stream import Stream
from llars.errors import ConfigError, DataError

TASKS, SENSORS = ["denoise", "haze"], ["rgb-aerial", "naip"]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("corpus")
    settings = {"synthetic": 400, "side": 4, "sensors": SENSORS, "tasks": TASKS}
    parts = tuple(Part(f"noise-{i}", "synthetic", settings, out, "train", (200 * i, 200 * i + 200)) for i in range(2))
    build(Plan(out, ("train",), parts, segment_bytes=100_000))
    return out


def keys(stream: Stream, count: int) -> list[str]:
    return [record.key for record in islice(stream, count)]


def test_the_seed_decides_the_order(root: Path) -> None:
    first = keys(Stream(root, seed=1), 300)
    assert keys(Stream(root, seed=1), 300) == first
    assert keys(Stream(root, seed=2), 300) != first
    assert first != sorted(first)


def test_every_sample_of_a_kind_comes_once_in_an_epoch(root: Path) -> None:
    stream = Stream(root, tasks={"haze": 1}, sensors={"naip": 1})
    first, second = keys(stream, 100), keys(stream, 100)
    assert len(set(first)) == 100
    assert set(first) == set(second)
    assert first != second


def test_weights_are_kept(root: Path) -> None:
    stream = Stream(root, tasks={"denoise": 3, "haze": 1}, sensors={"naip": 1, "rgb-aerial": 4})
    found = Counter((record.task, record.sensor) for record in islice(stream, 2000))
    for task, sensor, share in (("denoise", "naip", 0.15), ("denoise", "rgb-aerial", 0.6), ("haze", "naip", 0.05)):
        # Four standard errors of a share of 2000 draws are at most 0.045.
        assert found[task, sensor] / 2000 == pytest.approx(share, abs=4 * (share * (1 - share) / 2000) ** 0.5)


@pytest.mark.parametrize("count", [0, 1, 99, 777])
def test_a_stream_resumes_where_it_was(root: Path, count: int) -> None:
    stream = Stream(root, seed=5)
    before = keys(stream, count)
    state = json.loads(json.dumps(stream.state()))
    expected = keys(stream, 200)
    again = Stream(root, seed=5)
    again.resume(state)
    assert keys(again, 200) == expected
    assert before + expected == keys(Stream(root, seed=5), count + 200)


@pytest.mark.parametrize("count", [2, 3])
def test_workers_see_the_sequence_together(root: Path, count: int) -> None:
    whole = keys(Stream(root, seed=3), 60)
    dealt = [keys(Stream(root, seed=3, part=(i, count)), 60 // count) for i in range(count)]
    assert list(chain.from_iterable(zip(*dealt, strict=True))) == whole


def test_a_url_gives_the_same_as_the_folder(root: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    memory.put(str(root), "/corpus", recursive=True)
    assert keys(Stream("memory://corpus", seed=4), 50) == keys(Stream(root, seed=4), 50)


@pytest.mark.parametrize(
    ("settings", "kind", "line"),
    [
        ({"split": "val"}, DataError, "no split 'val'"),
        ({"tasks": {"sr": 1}}, ConfigError, "weights for sr"),
        ({"sensors": {"naip": 0}}, ConfigError, "nothing to draw"),
    ],
)
def test_what_cannot_be_drawn_is_told(root: Path, settings: dict[str, Any], kind: type[Exception], line: str) -> None:
    with pytest.raises(kind, match=line):
        Stream(root, **settings)


def test_a_state_of_another_corpus_is_refused(root: Path) -> None:
    with pytest.raises(ConfigError, match="another stream"):
        Stream(root).resume({"position": 3, "drawn": [1, 2]})


def test_samples_are_whole(root: Path) -> None:
    record = next(iter(Stream(root)))
    image = record.images["target"]
    assert image.values.shape == (len(image.bands), 4, 4)
    assert image.valid.all()
    assert record.split == "train"
    assert replace(image).sensor in SENSORS
