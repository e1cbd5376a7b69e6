"""Builds a folder of shards from a configuration, in any number of processes; an interrupted build can be resumed.

A part of a source is written segment by segment. A segment is one shard for each split, task and sensor among its
records; when all of them are complete, a small file in ``progress`` records that and where the next segment starts.
There is no other state, so a restarted build continues after the last segment recorded there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import llars
from llars.data.catalog import SPLITS
from llars.data.manifest import FORMAT, save, summarise, write_atomically
from llars.data.records import Record
from llars.data.settings import read_settings
from llars.data.shards import ShardWriter
from llars.data.sources import Part, parts_of, recipes
from llars.errors import ConfigError, DataError, LlarsError

__all__ = ["Plan", "build", "read_plan"]

PROGRESS = "progress"

SETTINGS = {"out", "splits", "sources", "folder", "processes", "shard_mb"}


@dataclass(frozen=True)
class Plan:
    """What a configuration asks for."""

    out: Path
    """Folder of the corpus."""

    splits: tuple[str, ...]
    """Splits that are kept."""

    parts: tuple[Part, ...]
    """Parts of the sources to read."""

    processes: int = 1
    """Parts that are processed at the same time."""

    segment_bytes: int = 256_000_000
    """Bytes after which a segment ends: the most that an interruption can lose per process."""


def read_plan(config: str | Path, folder: str | Path | None = None, overrides: Sequence[str] = ()) -> Plan:
    """The plan in a YAML file; ``folder`` overrides the configured folder of the sources. See ``configs/data``.

    Raises:
        ConfigError: the file is missing, a setting is unknown or missing, or the test split is asked for.
    """
    settings = read_settings(config, "configs/data/", overrides)
    try:
        if unknown := sorted(settings.keys() - SETTINGS):
            raise ConfigError(f"{config}: unknown {', '.join(unknown)}; known are {', '.join(sorted(SETTINGS))}")
        out, splits, sources = Path(settings["out"]), tuple(settings["splits"]), dict(settings["sources"])
        processes, megabytes = int(settings.get("processes", 1)), float(settings.get("shard_mb", 256))
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"{config}: {error}; a data configuration names out, splits and sources") from error
    if "test" in splits:
        raise ConfigError(f"{config} asks for the test split; test images are never packed for training")
    if unknown := sorted(set(splits) - set(SPLITS)):
        raise ConfigError(f"{config}: unknown splits {', '.join(unknown)}; known are train and val")
    root = Path(folder or settings.get("folder") or ".")
    parts = [part for name in sorted(sources) for part in parts_of(name, sources[name], root, splits)]
    return Plan(out, splits, tuple(parts), processes, int(megabytes * 1e6))


def build(plan: Plan, tell: Callable[[str], object] = str) -> dict[str, Any]:
    """Write the missing shards and then the manifest, which is returned; ``tell`` is called for every part.

    What cannot be read is left out and listed, one line each, under ``faults`` in the manifest; the next build tries
    it again.

    Raises:
        DataError: no source yielded a sample.
    """
    for folder in (PROGRESS, *plan.splits):
        (plan.out / folder).mkdir(parents=True, exist_ok=True)
        for part in (plan.out / folder).glob("*.part"):
            part.unlink(missing_ok=True)
    work = [plan] * len(plan.parts), plan.parts, recipes(plan.parts)
    if plan.processes > 1 and len(plan.parts) > 1:
        with ProcessPoolExecutor(plan.processes, get_context("spawn")) as pool:
            segments = _gather(plan.parts, pool.map(_write_part, *work), tell)
    else:
        segments = _gather(plan.parts, map(_write_part, *work), tell)
    _sweep(plan)
    shards = [shard for segment in segments for shard in segment["shards"]]
    faults = [line for segment in segments for line in segment["faults"]]
    if not shards:
        raise DataError(f"{plan.out}: no source gave anything: {faults[0] if faults else 'the splits are empty'}")
    manifest = summarise(shards, faults)
    save(manifest, plan.out)
    return manifest


def _gather(
    parts: Sequence[Part], done: Iterator[list[dict[str, Any]]], tell: Callable[[str], object]
) -> list[dict[str, Any]]:
    gathered = []
    for part, segments in zip(parts, done, strict=True):
        samples = sum(shard["samples"] for segment in segments for shard in segment["shards"])
        tell(f"{part.name}: {samples} samples")
        gathered += segments
    return gathered


class _Segment:
    """The open shards of one segment."""

    def __init__(self, plan: Plan, part: Part, number: int) -> None:
        self.plan, self.part, self.number = plan, part, number
        self.faults: list[str] = []
        self._writers: dict[tuple[str, str, str], ShardWriter] = {}

    def add(self, number: int, record: Record) -> None:
        """Append a record to the shard of its split, task and sensor."""
        kind = (record.split, record.task, record.sensor)
        if kind not in self._writers:
            name = f"{self.part.name}-{self.number:05}-{record.task}-{record.sensor}.tar"
            self._writers[kind] = ShardWriter(self.plan.out / record.split / name)
        self._writers[kind].add(record, number)

    @property
    def bytes(self) -> int:
        """Bytes written so far."""
        return sum(writer.bytes for writer in self._writers.values())

    def commit(self, recipe: str, stop: int, faults: Sequence[str], last: bool) -> dict[str, Any]:
        """Close the shards, then record that the segment is complete."""
        shards = []
        for (split, task, sensor), writer in self._writers.items():
            about = {"split": split, "part": self.part.name, "task": task, "sensor": sensor}
            shards.append(writer.close(file=f"{split}/{writer.path.name}", **about))
        record = {"recipe": recipe, "stop": stop, "last": last, "faults": list(faults), "shards": shards}
        write_atomically(_record_path(self.plan, self.part, self.number), json.dumps(record))
        return record


def _write_part(plan: Plan, part: Part, asked: str) -> list[dict[str, Any]]:
    """Write the missing segments of a part with the recipe ``asked``; returns the progress records of all segments."""
    recipe = f"{llars.__version__}-{FORMAT}-{plan.segment_bytes}-{'-'.join(plan.splits)}-{asked}"
    segments = _done(plan, part, recipe)
    if segments and segments[-1]["last"]:
        return segments
    faults: list[str] = []
    stop = segments[-1]["stop"] if segments else 0
    segment = _Segment(plan, part, len(segments))
    try:
        for number, record in part.read(stop, faults.append):
            stop = number + 1
            if record.split in plan.splits:
                try:
                    segment.add(number, record)
                except DataError as error:
                    faults.append(str(error))
            if segment.bytes >= plan.segment_bytes:
                segments.append(segment.commit(recipe, stop, (), last=False))
                segment = _Segment(plan, part, len(segments))
    except LlarsError as error:
        faults.append(f"{part.name}: {error}")
    segments.append(segment.commit(recipe, stop, faults, last=True))
    return segments


def _done(plan: Plan, part: Part, recipe: str) -> list[dict[str, Any]]:
    """The segments that need not be written again. The others are removed, their shards first."""
    kept: list[dict[str, Any]] = []
    paths = _segments_of(plan, part.name)
    for number, path in enumerate(paths):
        record = json.loads(path.read_text(encoding="utf-8"))
        whole = path == _record_path(plan, part, number) and all(
            _shard_exists(plan, shard) for shard in record["shards"]
        )
        if record["recipe"] != recipe or not whole:
            break
        kept.append(record)
    # The faults may have been repaired since: record numbers and segments would differ from there on.
    if kept and kept[-1]["faults"]:
        kept = []
    for path in paths[len(kept) :]:
        _remove(plan, path)
    return kept


def _segments_of(plan: Plan, part: str) -> list[Path]:
    return sorted((plan.out / PROGRESS).glob(f"{part}-[0-9][0-9][0-9][0-9][0-9].json"))


def _record_path(plan: Plan, part: Part, number: int) -> Path:
    return plan.out / PROGRESS / f"{part.name}-{number:05}.json"


def _shard_exists(plan: Plan, shard: dict[str, Any]) -> bool:
    path = plan.out / shard["file"]
    return path.exists() and bool(path.stat().st_size == shard["bytes"])


def _remove(plan: Plan, path: Path) -> None:
    """Remove a segment; if this is interrupted halfway, the segment will be recognised as incomplete."""
    for shard in json.loads(path.read_text(encoding="utf-8"))["shards"]:
        (plan.out / shard["file"]).unlink(missing_ok=True)
    path.unlink()


def _sweep(plan: Plan) -> None:
    """Remove the segments of parts that the configuration no longer has."""
    asked = {path for part in plan.parts for path in _segments_of(plan, part.name)}
    for path in set((plan.out / PROGRESS).glob("*.json")) - asked:
        _remove(plan, path)
