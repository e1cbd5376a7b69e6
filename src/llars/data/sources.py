"""Sources of a corpus: folders of imagery with a catalogue, public data sets, and random samples for dry runs."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from llars.data.catalog import SPLITS, OnFault, read_catalog
from llars.data.records import Record
from llars.data.settings import to_number
from llars.data.stacks import read_stacks, stacks_from
from llars.errors import ConfigError
from llars.sample import Sample
from llars.sensors import get_sensor

__all__ = ["Part", "assumptions", "parts_of", "recipes"]

KINDS = {
    "catalogue": {"want", "stacks"},
    "set": {"folder"},
    "synthetic": {"side", "sensors", "tasks", "seed", "parts"},
}
"""Kinds of source, and the settings of each kind besides ``held_out``."""

LEAST = {"synthetic": 0, "parts": 1, "side": 1, "seed": 0}
"""Least values of settings that are whole numbers."""

NAMES = ("want", "set", "sensors", "tasks")
"""Settings that are lists of names; ``set`` may be a single one."""

LEVELS = {"thin": 1 / 6, "light": 1 / 6, "moderate": 1 / 2, "thick": 5 / 6, "dense": 5 / 6}
"""Severities for the words that public sets use: the centres of three equal ranges of [0, 1]."""

AHEAD = 256
"""Random samples that are drawn at a time."""


@dataclass(frozen=True)
class Part:
    """A piece of a source that one process packs into shards; each reading gives the same records in the same order."""

    name: str
    """Unique in its corpus; names of shards begin with it."""

    kind: str
    """Key of ``KINDS``."""

    settings: Mapping[str, Any]
    """Settings as in the configuration."""

    folder: Path
    """Folder that the source's paths are relative to."""

    split: str
    """Split that is read; ``train`` if the source has none."""

    span: tuple[int, int] = (0, 0)
    """First and one past last sample number of a synthetic part."""

    def recipe(self, files_of: Callable[[Path], list[tuple[str, int]]]) -> str:
        """Hash of all that determines the records: settings, and the names and sizes of files from ``files_of``."""
        root = _folder_of(self)
        files = files_of(root) if root is not None else []
        index = root / "scenes.json" if root is not None else None
        text = index.read_text("utf-8", "replace") if index is not None and index.is_file() else ""
        identity = [self.name, self.kind, dict(self.settings), self.split, self.span, files, text]
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()

    def read(self, start: int, on_fault: OnFault) -> Iterator[tuple[int, Record]]:
        """Records from number ``start`` on, each with its number; what cannot be read is reported and left out."""
        if self.kind == "synthetic":
            yield from _synthetic(self, start)
            return
        read = _catalogue if self.kind == "catalogue" else _set
        share = float(self.settings.get("held_out", 0.0))
        for number, record in enumerate(read(self, on_fault)):
            if number >= start:
                yield number, _placed(record, share)


def recipes(parts: Sequence[Part]) -> list[str]:
    """``Part.recipe`` of each, by names and sizes of files; a folder that several of them read is listed once."""
    files_of = functools.cache(_files)
    return [part.recipe(files_of) for part in parts]


def assumptions(parts: Sequence[Part]) -> list[str]:
    """One line for each public set whose description has not been checked against the files in every point."""
    from llars.data.readers import get_set

    names = dict.fromkeys(str(part.settings["set"]) for part in parts if part.kind == "set")
    unchecked = {name: get_set(name).unverified for name in names}
    return [f"{name}: taken on trust: {'; '.join(points)}" for name, points in unchecked.items() if points]


def _files(root: Path) -> list[tuple[str, int]]:
    if not root.is_dir():
        return []
    return sorted((str(path.relative_to(root)), path.stat().st_size) for path in root.rglob("*.*"))


def parts_of(name: str, settings: Mapping[str, Any], folder: Path, splits: Sequence[str]) -> list[Part]:
    """The parts of the source called ``name``.

    Raises:
        ConfigError: the settings name no kind of source, an unknown setting, or a setting has an impossible value.
    """
    kind = next((kind for kind in KINDS if kind in settings), None) if hasattr(settings, "keys") else None
    if kind is None:
        raise ConfigError(f"source {name} is none of {', '.join(KINDS)}; say which")
    if unknown := sorted(settings.keys() - KINDS[kind] - {kind, "held_out"}):
        raise ConfigError(f"source {name}: unknown {', '.join(unknown)}; a {kind} has {', '.join(sorted(KINDS[kind]))}")
    _check(name, settings)
    if kind == "synthetic":
        total, parts = int(settings["synthetic"]), int(settings.get("parts", 1))
        edges = [total * i // parts for i in range(parts + 1)]
        return [Part(f"{name}-{i:04}", kind, settings, folder, "train", (edges[i], edges[i + 1])) for i in range(parts)]
    if kind == "catalogue":
        stacks_from(settings.get("stacks", {}))
        wanted = [split for split in SPLITS if split in splits]
    else:
        # Validation samples may be held out from what is published for training.
        wanted = [split for split in SPLITS if split in splits or (split == "train" and "held_out" in settings)]
        return [
            Part(f"{name}-{one}-{split}", kind, {**settings, "set": one}, folder, split)
            for one in _sets(settings["set"])
            for split in wanted
        ]
    return [Part(f"{name}-{split}", kind, settings, folder, split) for split in wanted]


def _check(name: str, settings: Mapping[str, Any]) -> None:
    """Refuse values of the wrong kind."""
    for key, least in LEAST.items():
        if key in settings and to_number(f"source {name}: {key}", settings[key], int) < least:
            raise ConfigError(f"source {name}: {key}={settings[key]}; expected {least} or more")
    share = to_number(f"source {name}: held_out", settings.get("held_out", 0.0), float)
    if not 0 <= share <= 1:
        raise ConfigError(f"source {name}: held_out={share:g}; expected a share from 0 to 1")
    for key in NAMES:
        value = settings.get(key, ["all"])
        listed = isinstance(value, list) and bool(value) and all(isinstance(one, str) for one in value)
        if not (listed or (key == "set" and isinstance(value, str))):
            raise ConfigError(f"source {name}: {key} is {value!r}; expected a list of names, as [one, another]")


def _folder_of(part: Part) -> Path | None:
    if part.kind == "synthetic":
        return None
    return part.folder / str(part.settings.get("catalogue", part.settings.get("folder", ".")))


def _placed(record: Record, share: float) -> Record:
    """The record, moved to validation if the hash of its place is among the lowest ``share`` of hashes."""
    if record.split != "train" or share <= 0:
        return record
    drawn = int.from_bytes(hashlib.sha256(record.place.encode()).digest()[:8], "big") / 2**64
    if drawn >= share:
        return record
    return replace(record, images={name: replace(image, split="val") for name, image in record.images.items()})


def _catalogue(part: Part, on_fault: OnFault) -> Iterator[Record]:
    root = part.folder / str(part.settings["catalogue"])
    samples = read_catalog(root, part.split, part.settings.get("want", ["clean"]), on_fault)
    stacks = stacks_from(part.settings.get("stacks", {}))
    yield from read_stacks(samples, root, part.split, stacks, on_fault)


def _sets(asked: str | list[str]) -> list[str]:
    """Names of the public sets asked for: one, several, or ``all``."""
    from llars.data.readers import sets

    names = list(sets()) if asked == "all" else [asked] if isinstance(asked, str) else list(asked)
    if unknown := sorted(set(names) - sets().keys()):
        known = ", ".join(sorted(sets()))
        raise ConfigError(f"unknown data set {', '.join(map(repr, unknown))}; known are {known}")
    return names


def _set(part: Part, on_fault: OnFault) -> Iterator[Record]:
    from llars.data.readers import get_set, read_set

    name = str(part.settings["set"])
    citation = get_set(name).citation
    for pair in read_set(name, part.folder / str(part.settings.get("folder", ".")), part.split, on_fault):
        # Only the target may be drawn as the truth: inputs are degraded, and guides are not to be restored.
        images = {role: replace(image, clean=role == "target") for role, image in pair.images.items()}
        severity = LEVELS.get(pair.level)
        yield Record(f"{name}-{pair.scene}", pair.task, pair.place, images, severity, citation)


def _synthetic(part: Part, start: int) -> Iterator[tuple[int, Record]]:
    """Random pixels, cycling through sensors and tasks; ten samples make a place, whose hash decides the split."""
    settings = part.settings
    side, seed = int(settings.get("side", 8)), int(settings.get("seed", 0))
    sensors = [get_sensor(name) for name in settings.get("sensors", ["rgb-aerial"])]
    tasks = list(settings.get("tasks", ["denoise"]))
    share = float(settings.get("held_out", 0.0))
    depth = max(len(sensor.bands) for sensor in sensors)
    valid = np.ones((side, side), dtype=bool)
    for first in range(part.span[0] // AHEAD * AHEAD, part.span[1], AHEAD):
        if first + AHEAD <= start:
            continue
        rng = np.random.default_rng((seed, first))
        values = rng.integers(0, 256, (AHEAD, depth, side, side), dtype=np.uint8)
        severities = rng.random(AHEAD).round(4).tolist()
        for number in range(max(first, start, part.span[0]), min(first + AHEAD, part.span[1])):
            sensor = sensors[number % len(sensors)]
            place = f"synthetic/{number // 10}"
            image = Sample(
                scene=f"{number:08}",
                split="train",
                sensor=sensor.name,
                bands=sensor.bands,
                values=values[number - first, : len(sensor.bands)],
                scale=1 / 255,
                offset=0.0,
                valid=valid,
                group=place,
                source="made up",
                licence="CC0-1.0",
            )
            task = tasks[number // len(sensors) % len(tasks)]
            record = Record(f"{part.name}-{number:08}", task, place, {"target": image}, severities[number - first])
            yield number, _placed(record, share)
