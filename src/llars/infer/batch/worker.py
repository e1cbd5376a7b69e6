"""What a worker does with one scene of a batch, in a folder that nobody else uses until the scene is complete."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch

from llars.errors import LlarsError
from llars.infer.batch.manifest import Entry, stem_of
from llars.infer.batch.stac import Origin, item_of, write_item
from llars.infer.job import restore_file
from llars.infer.restorer import Restorer, load
from llars.infer.tiling.allocator import keep_freed
from llars.weights.registry import find

__all__ = ["STAGING", "Outcome", "Settings", "Task", "restore_scene", "shared_restorer"]

STAGING = ".llars-batch"
"""Subfolder of the batch's folder in which results are made."""


@dataclass(frozen=True)
class Settings:
    """Settings that determine a result, besides the prompt and the weights."""

    sensor: str | None = None
    scale: int | None = None
    project: bool = True


@dataclass(frozen=True)
class Task:
    """One scene, as it is given to a worker."""

    key: str
    entry: Entry
    settings: Settings
    model: str
    device: str
    max_memory: str | None
    threads: int | None
    """Threads that torch may use in the worker; None leaves that, and how its process keeps memory, to the cluster."""

    folder: Path
    """Folder of the batch."""

    @property
    def staged(self) -> Path:
        """Where the result is made."""
        return self.folder / STAGING / self.key / self.entry.output.name

    @property
    def place(self) -> Path:
        """Where the result goes."""
        return self.folder / self.entry.output

    @property
    def parts(self) -> tuple[str, str, str]:
        """Names of the picture, the item and the result: the order in which they move into place."""
        stem = stem_of(self.entry.output)
        return f"{stem}.png", f"{stem}.json", self.entry.output.name

    @property
    def item(self) -> Path:
        """The STAC item beside the staged result; it is written last."""
        return self.staged.with_name(self.parts[1])


@dataclass(frozen=True)
class Outcome:
    """What came of one scene."""

    error: str | None
    """One line, if it failed."""

    seconds: float


def restore_scene(task: Task) -> Outcome:
    """Restore a scene in a worker; what goes wrong with it is returned, not raised."""
    started, error = time.perf_counter(), None
    try:
        _restore(task)
    except LlarsError as mistake:
        error = str(mistake)
    except SystemExit as stop:
        # Asked to end, as clusters do: a returned outcome would be taken for that of the scene.
        os._exit(stop.code if isinstance(stop.code, int) else 1)
    except Exception as fault:
        error = f"{type(fault).__name__}: {fault}; this is a bug in llars"
    return Outcome(None if error is None else " ".join(error.split()), time.perf_counter() - started)


def _restore(task: Task) -> None:
    if task.item.exists():
        # An earlier worker completed the scene before it died.
        return
    if task.threads is not None:
        torch.set_num_threads(task.threads)
        keep_freed()
    entry, (picture, _, name) = task.entry, task.parts
    task.staged.parent.mkdir(parents=True, exist_ok=True)
    restorer = shared_restorer(task.model, task.device)
    report = restore_file(
        entry.source,
        task.staged,
        entry.prompt,
        guides=dict(entry.guides),
        sensor=task.settings.sensor,
        scale=task.settings.scale,
        project=task.settings.project,
        model=task.model,
        max_memory=task.max_memory,
        preview=task.staged.with_name(picture),
        overwrite=True,
        restorer=restorer,
    )
    origin = Origin(
        source=entry.source,
        guides=entry.guides,
        acquired=entry.acquired,
        prompt=entry.prompt or ", then ".join(step.text for step in report.steps) or "no faults found",
        steps=report.steps,
        notes=report.notes,
        model=find(task.model),
        info=restorer.info,
    )
    identity = entry.output.with_name(stem_of(entry.output)).as_posix().replace("/", "_")
    write_item(task.item, item_of(task.staged, name, identity, origin, picture))


@cache
def shared_restorer(model: str, device: str) -> Restorer:
    """The restorer of a model, loaded once in each process."""
    return load(model, device)
