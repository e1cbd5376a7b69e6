"""Builds a folder of shards from a configuration, in any number of processes; an interrupted build can be resumed.

A part of a source is written segment by segment. A segment is one shard for each split, task and sensor among its
records; when all of them are complete, a small file in ``progress`` records that and where the next segment starts.
There is no other state, so a restarted build continues after the last segment recorded there.

Where settings or files have changed, a part is written anew beside its earlier shards, with higher segment numbers. The
earlier ones are removed after the manifest lists the new ones; they stay if nothing could be read in their place.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import llars
from llars.data.catalog import SPLITS
from llars.data.manifest import FORMAT, save, summarise
from llars.data.records import Record
from llars.data.settings import read_settings, to_number
from llars.data.shards import ShardWriter
from llars.data.sources import Part, assumptions, parts_of, recipes
from llars.errors import ConfigError, DataError, LlarsError, OutputError
from llars.files import make_folder, write_whole

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
        out, splits, sources = Path(settings["out"]), settings["splits"], dict(settings["sources"])
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"{config}: {error}; a data configuration names out, splits and sources") from error
    if not isinstance(splits, list) or not all(isinstance(split, str) for split in splits):
        raise ConfigError(f"{config}: splits is {splits!r}; expected a list, as [train, val]")
    processes = to_number("processes", settings.get("processes", 1), int)
    megabytes = to_number("shard_mb", settings.get("shard_mb", 256), float)
    if processes < 1 or megabytes <= 0:
        raise ConfigError(f"{config}: processes={processes}, shard_mb={megabytes:g}; expected 1 or more, and above 0")
    if "test" in splits:
        raise ConfigError(f"{config} asks for the test split; test images are never packed for training")
    if unknown := sorted(set(splits) - set(SPLITS)):
        raise ConfigError(f"{config}: unknown splits {', '.join(unknown)}; known are train and val")
    root = Path(folder or settings.get("folder") or ".")
    parts = [part for name in sorted(sources) for part in parts_of(name, sources[name], root, splits)]
    return Plan(out, tuple(splits), tuple(parts), int(processes), int(megabytes * 1e6))


def build(plan: Plan, tell: Callable[[str], object] = str) -> dict[str, Any]:
    """Write the missing shards and then the manifest, which is returned; ``tell`` is called for every part.

    Before, it is told what the descriptions of public sets assume without having been checked.

    What cannot be read is left out and listed, one line each, under ``faults`` in the manifest; the next build tries
    it again. Shards of an earlier build are removed only after their replacements are in the manifest.

    Raises:
        DataError: no source yielded a sample.
        OutputError: the corpus cannot be written.
    """
    for folder in (PROGRESS, *plan.splits):
        make_folder(plan.out / folder)
        for part in (plan.out / folder).glob("*.part"):
            part.unlink(missing_ok=True)
    for line in assumptions(plan.parts):
        tell(line)
    work = [plan] * len(plan.parts), plan.parts, recipes(plan.parts)
    if plan.processes > 1 and len(plan.parts) > 1:
        with ProcessPoolExecutor(plan.processes, get_context("spawn")) as pool:
            segments = _gather(plan.parts, pool.map(_write_part, *work), tell)
    else:
        segments = _gather(plan.parts, map(_write_part, *work), tell)
    shards = [shard for segment in segments for shard in segment["shards"]]
    faults = [line for segment in segments for line in segment["faults"]]
    if not shards:
        raise DataError(f"{plan.out}: no source gave anything: {faults[0] if faults else 'the splits are empty'}")
    manifest = summarise(shards, faults)
    save(manifest, plan.out)
    if not any(segment["lost"] for segment in segments):
        _sweep(plan, {segment["name"] for segment in segments})
    return manifest


def _gather(
    parts: Sequence[Part], done: Iterator[list[dict[str, Any]]], tell: Callable[[str], object]
) -> list[dict[str, Any]]:
    gathered = []
    for part, segments in zip(parts, done, strict=True):
        tell(f"{part.name}: {_samples(segments)} samples")
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

    @property
    def samples(self) -> int:
        """Samples written so far."""
        return sum(writer.tally.samples for writer in self._writers.values())

    def commit(self, recipe: str, stop: int, faults: Sequence[str], last: bool) -> dict[str, Any]:
        """Close the shards, then record that the segment is complete."""
        shards = []
        for (split, task, sensor), writer in self._writers.items():
            about = {"split": split, "part": self.part.name, "task": task, "sensor": sensor}
            shards.append(writer.close(file=f"{split}/{writer.path.name}", **about))
        path = _record_path(self.plan, self.part, self.number)
        record = {"recipe": recipe, "stop": stop, "last": last, "faults": list(faults), "shards": shards}
        write_whole(path, json.dumps(record))
        return {**record, "name": path.name, "lost": False}

    def discard(self) -> None:
        """Abandon the open shards."""
        for writer in self._writers.values():
            writer.discard()


def _write_part(plan: Plan, part: Part, asked: str) -> list[dict[str, Any]]:
    """Write the missing segments of a part with the recipe ``asked``; returns the progress records of its segments.

    ``lost`` in them says that the source gave nothing, or broke off. If an earlier build has as many samples, the
    records returned are those of that build.
    """
    recipe = f"{llars.__version__}-{FORMAT}-{plan.segment_bytes}-{'-'.join(plan.splits)}-{asked}"
    earlier = _attempts(plan, part)
    segments, number = _done(plan, part, earlier, recipe)
    if segments and segments[-1]["last"]:
        return segments
    faults: list[str] = []
    broken = False
    stop = segments[-1]["stop"] if segments else 0
    segment = _Segment(plan, part, number)
    try:
        for at, record in part.read(stop, faults.append):
            stop = at + 1
            if record.split in plan.splits:
                try:
                    segment.add(at, record)
                except DataError as error:
                    faults.append(str(error))
            if segment.bytes >= plan.segment_bytes:
                segments.append(segment.commit(recipe, stop, (), last=False))
                number += 1
                segment = _Segment(plan, part, number)
    except OutputError:
        raise
    except LlarsError as error:
        faults.append(f"{part.name}: {error}")
        broken = True
    samples = _samples(segments) + segment.samples
    lost = broken or (bool(faults) and not samples)
    if lost and (old := _last_complete(plan, earlier)) and samples <= _samples(old):
        segment.discard()
        stays = f"{part.name}: the shards of the build before stay as they are; give the right folder, or mend it"
        return [*old[:-1], {**old[-1], "faults": [*faults, stays], "lost": True}]
    segments.append(segment.commit(recipe, stop, faults, last=True))
    return [*segments[:-1], {**segments[-1], "lost": lost}]


def _samples(segments: Sequence[Mapping[str, Any]]) -> int:
    return sum(shard["samples"] for segment in segments for shard in segment["shards"])


Attempts = list[list[dict[str, Any]]]
"""Progress records of a part, in the order of their numbers: one list for every time that it was written anew."""


def _attempts(plan: Plan, part: Part) -> Attempts:
    attempts: Attempts = []
    for path in _segments_of(plan, part.name):
        record = {**json.loads(path.read_text(encoding="utf-8")), "name": path.name, "lost": False}
        before = attempts[-1][-1] if attempts else None
        if before is None or before["last"] or before["recipe"] != record["recipe"]:
            attempts.append([])
        attempts[-1].append(record)
    return attempts


def _done(plan: Plan, part: Part, earlier: Attempts, recipe: str) -> tuple[list[dict[str, Any]], int]:
    """The segments that need not be written again, and the number of the next one."""
    if not earlier:
        return [], 0
    latest, first = earlier[-1], _number(earlier[-1][0])
    # The faults may have been repaired since: record numbers and segments would differ from there on.
    if latest[-1]["recipe"] != recipe or (latest[-1]["last"] and latest[-1]["faults"]):
        return [], _number(latest[-1]) + 1 if _samples(latest) else first
    kept: list[dict[str, Any]] = []
    for number, record in enumerate(latest, start=first):
        if record["name"] != _record_path(plan, part, number).name or not _is_whole(plan, record):
            break
        kept.append(record)
    return kept, first + len(kept)


def _last_complete(plan: Plan, attempts: Attempts) -> list[dict[str, Any]]:
    """Of the last attempt that was finished and gave something, the segments whose shards are there."""
    for attempt in reversed(attempts):
        whole = [record for record in attempt if _is_whole(plan, record)]
        if attempt[-1]["last"] and any(record["shards"] for record in whole):
            return whole
    return []


def _segments_of(plan: Plan, part: str) -> list[Path]:
    return sorted((plan.out / PROGRESS).glob(f"{part}-[0-9][0-9][0-9][0-9][0-9].json"))


def _record_path(plan: Plan, part: Part, number: int) -> Path:
    return plan.out / PROGRESS / f"{part.name}-{number:05}.json"


def _number(record: Mapping[str, Any]) -> int:
    return int(record["name"].removesuffix(".json")[-5:])


def _is_whole(plan: Plan, record: Mapping[str, Any]) -> bool:
    paths = [(plan.out / shard["file"], shard["bytes"]) for shard in record["shards"]]
    return all(path.exists() and path.stat().st_size == size for path, size in paths)


def _sweep(plan: Plan, kept: Set[str]) -> None:
    """Remove all segments but those whose records are called ``kept``, their shards first.

    If this is interrupted halfway, a segment will be recognised as incomplete.
    """
    for path in (plan.out / PROGRESS).glob("*.json"):
        if path.name not in kept:
            for shard in json.loads(path.read_text(encoding="utf-8"))["shards"]:
                (plan.out / shard["file"]).unlink(missing_ok=True)
            path.unlink()
