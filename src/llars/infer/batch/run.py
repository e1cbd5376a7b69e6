"""Many scenes: each restored as `llars restore` does it, none lost, none done twice, however often it is interrupted.

Each scene is made in a folder of its own below ``STAGING``; once its STAC item is there, it is complete. Only the
process that holds the journal moves it to its place, after entering it into the journal: whichever process is killed
when, the next run finds either a complete scene to move or nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from llars.errors import LlarsError, OutputError, RasterError
from llars.infer.batch.engines.choice import Engine, LostItem, get_engine
from llars.infer.batch.journal import Journal, Record
from llars.infer.batch.manifest import Entry, read_manifest
from llars.infer.batch.summary import write_summary
from llars.infer.batch.worker import STAGING, Outcome, Settings, Task, restore_scene, shared_restorer
from llars.infer.pixel_sizes import without_pixel_size
from llars.infer.raster.outputs import stoppable
from llars.infer.resolution import with_own_pan
from llars.infer.tiling.memory import half_of_memory, parse_bytes
from llars.model.device import pick_device
from llars.scene.products import state_of
from llars.weights.registry import find, read_info

__all__ = ["Settings", "Summary", "key_of", "restore_batch"]

JOURNAL, REPORT = "journal.jsonl", "report.html"

MIN_BYTES = 2_000_000_000
"""Bytes of memory that a process should have."""


@dataclass(frozen=True)
class Summary:
    """The outcome of a batch."""

    done: int
    """Number of scenes restored in this run."""

    kept: int
    """Number of scenes that were done already."""

    failed: tuple[tuple[str, str], ...]
    """Input and reason of each scene that has no result, in the order of the manifest."""

    seconds: float


def restore_batch(
    manifest: str | Path,
    folder: str | Path,
    prompt: str = "",
    *,
    engine: str = "local",
    workers: int | None = None,
    address: str | None = None,
    settings: Settings | None = None,
    model: str = "llars-small",
    device: str = "auto",
    max_memory: str | None = None,
    cog: bool = False,
    retry_failed: bool = False,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Summary:
    """Restore every scene of a manifest into ``folder``; when called again, do what is missing.

    A scene counts as done when the journal says so for the same input (path, size, modification time; for a folder,
    those of all its files), prompt, time, settings, guides and weights, and the result is there with its size and has
    not been replaced since. Failed scenes are left alone unless ``retry_failed``.

    Args:
        manifest: see ``read_manifest``.
        folder: for results, their STAC items and pictures, the journal and the report; made if it is not there.
        prompt: for scenes for which the manifest does not give one; empty to repair what the diagnosis finds.
        engine: ``local``, ``dask`` or ``ray``.
        workers: processes on this machine; by default one per processor, or per two where a GPU computes, each with two
            gigabytes.
        address: of a Dask or Ray cluster, whose machines see the same files.
        settings: for all scenes.
        model: name of bundled weights, or a weights file.
        device: see ``llars.load``.
        max_memory: for all processes of this machine together, as ``8GB``; on a cluster for each.
        cog: write Cloud Optimized GeoTIFFs, ``NAME.cog.tif``.
        retry_failed: retry scenes that failed.
        overwrite: replace existing files that no batch wrote, and results of other inputs.
        progress: called after every scene with the number of scenes done and of all to do.

    Raises:
        LlarsError: the manifest, the prompt, the weights, the engine or the folder is unusable; no scene was begun.
    """
    started, folder = time.perf_counter(), Path(folder)
    entries = read_manifest(manifest, folder, prompt, cog=cog)
    local = address is None
    count = workers or (default_workers(device, max_memory) if local else 1)
    common = Task(
        key="",
        entry=entries[0],
        settings=settings or Settings(),
        model=model,
        device=device,
        max_memory=str(_limit(max_memory) // count) if local else max_memory,
        threads=max(_cores() // count, 1) if local else None,
        folder=folder.absolute(),
    )
    weights = read_info(find(model)).sha256
    tasks = [replace(common, entry=entry, key=key_of(entry, common.settings, weights)) for entry in entries]
    batch_engine = get_engine(engine, count, address, gpu=device != "cpu")
    with _folder(folder), Journal(folder / JOURNAL) as journal, stoppable():
        ledger = _Ledger(journal, retry_failed)
        missing = _missing(tasks, ledger, journal, overwrite)
        _check_prompt(missing, prompt)
        for done, (task, outcome) in enumerate(_outcomes(batch_engine, missing), start=1):
            ledger.settle(task, outcome)
            if progress is not None:
                progress(done, len(missing))
        shutil.rmtree(folder / STAGING, ignore_errors=True)
        records = [record for task in tasks if (record := journal.get(task.key)) is not None]
        write_summary(folder / REPORT, records)
    failed = tuple((record.source, record.error or "") for record in records if record.status == "failed")
    return Summary(ledger.made, len(tasks) - ledger.made - len(failed), failed, time.perf_counter() - started)


def default_workers(device: str, max_memory: str | None = None) -> int:
    """One process per processor, each with two gigabytes, at least one: all but the network uses a single thread.

    Half as many where the network runs on another device, which they share.
    """
    cores = _cores() if pick_device(device).type == "cpu" else _cores() // 2
    return max(min(cores, _limit(max_memory) // MIN_BYTES), 1)


def _cores() -> int:
    """Processors that this process may use: the share of its container or job, not all of the machine."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _limit(max_memory: str | None) -> int:
    return half_of_memory() if max_memory is None else parse_bytes(max_memory)


@contextmanager
def _folder(folder: Path) -> Iterator[None]:
    """The batch's folder; one that was made for a batch that is refused is removed."""
    new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise OutputError(f"cannot make {folder}: {fault.strerror}; choose another place") from None
    try:
        yield
    except LlarsError:
        journal = folder / JOURNAL
        if new and not (journal.exists() and journal.stat().st_size):
            shutil.rmtree(folder, ignore_errors=True)
        raise


def key_of(entry: Entry, settings: Settings, weights: str) -> str:
    """Key of a scene: a hash of everything that its result depends on."""
    files = [("input", entry.source), *entry.guides]
    facts = [[role, str(path), *state_of(path)] for role, path in files]
    inputs = [facts, entry.output.as_posix(), entry.prompt, asdict(settings), weights]
    # Only where it is given, so that journals from before it counted stay valid for scenes without.
    inputs += [entry.acquired] if entry.acquired is not None else []
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:24]


class _Ledger:
    """Keeps journal and results consistent."""

    def __init__(self, journal: Journal, retry_failed: bool) -> None:
        self._journal, self._retry_failed = journal, retry_failed
        self.made = 0

    def settled(self, task: Task) -> bool:
        """Whether nothing is left to do for a scene; completes what an interrupted run left."""
        record = self._journal.get(task.key)
        if task.item.exists():
            if record is None or record.status == "failed":
                self.settle(task, Outcome(None, 0.0))
            else:
                self._move(task)
            return True
        if record is None:
            return False
        if record.status == "failed":
            return not self._retry_failed
        owner = self._journal.owner(task.entry.output)
        current = owner is not None and owner.key == task.key
        return current and task.place.is_file() and task.place.stat().st_size == record.size

    def settle(self, task: Task, outcome: Outcome) -> None:
        """Enter a scene into the journal, then put its result into place."""
        failed = outcome.error is not None
        record = Record(
            key=task.key,
            source=str(task.entry.source),
            output=task.entry.output.as_posix(),
            status="failed" if failed else "done",
            when=datetime.now(UTC).isoformat(timespec="seconds"),
            error=outcome.error,
            seconds=round(outcome.seconds, 3),
            size=0 if failed else task.staged.stat().st_size,
        )
        self._journal.add(record)
        if not failed:
            self._move(task)
            self.made += 1

    @staticmethod
    def _move(task: Task) -> None:
        task.place.parent.mkdir(parents=True, exist_ok=True)
        # The item last: as long as it is staged, the scene counts as not yet moved.
        picture, item, result = task.parts
        for name in (picture, result, item):
            staged = task.staged.with_name(name)
            if staged.exists():
                staged.replace(task.place.with_name(name))
        shutil.rmtree(task.staged.parent, ignore_errors=True)


def _missing(tasks: Sequence[Task], ledger: _Ledger, journal: Journal, overwrite: bool) -> list[Task]:
    """The scenes that are to be made, whose places are free; what an interrupted run made is moved to its place."""
    _check_places([task for task in tasks if task.item.exists()], journal, overwrite)
    missing = [task for task in tasks if not ledger.settled(task)]
    _check_places(missing, journal, overwrite)
    return missing


def _check_places(tasks: Sequence[Task], journal: Journal, overwrite: bool) -> None:
    """Refuse to replace what is not a result of the same input."""
    for task in () if overwrite else tasks:
        if task.place.exists() and task.entry.output.as_posix() not in journal.outputs:
            raise OutputError(f"{task.place} exists and is of no batch; choose another folder or say --overwrite")
        owner = journal.owner(task.entry.output)
        if owner is None or not (task.folder / owner.output).exists():
            continue
        if Path(owner.source).resolve() != task.entry.source.resolve():
            found = f"{task.folder / owner.output} is the result of {owner.source}, not of {task.entry.source}"
            raise OutputError(f"{found}; choose another folder, name results in a column 'output', or say --overwrite")


def _check_prompt(tasks: Sequence[Task], prompt: str) -> None:
    """Refuse at once a prompt that would be refused for every scene."""
    words = without_pixel_size(prompt, several=True)
    for task in tasks if words else ():
        if task.entry.prompt != prompt:
            continue
        restorer = shared_restorer(task.model, "cpu")
        try:
            guides = with_own_pan(restorer, task.entry.source, words, dict(task.entry.guides))
        except RasterError:
            # A damaged scene fails later, with its reason; the prompt is checked on the next one.
            continue
        restorer.plan(words, task.settings.scale, [*guides])
        return


def _outcomes(engine: Engine, tasks: Sequence[Task]) -> Iterator[tuple[Task, Outcome]]:
    if not tasks:
        return
    for task, result in engine.map(restore_scene, tasks):
        if isinstance(result, LostItem):
            yield task, Outcome(f"its worker died {result.attempts} times; too little memory?", 0.0)
        else:
            yield task, result
