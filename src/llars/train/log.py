"""The log of a run: CSV rows, the same values as TensorBoard curves where it is installed, and pictures."""

from __future__ import annotations

import csv
import importlib.util
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from llars.files import make_folder, writing
from llars.tasks import TASK_KEYS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor
    from torch.utils.tensorboard import SummaryWriter

__all__ = ["Log", "Progress", "TaskMeans"]


class TaskMeans:
    """Means by task of values that arrive sample by sample."""

    def __init__(self) -> None:
        self.values: dict[str, list[float]] = {}

    def take(self, tasks: Tensor, values: Tensor) -> None:
        """Adds ``(batch,)`` values of samples whose ``(batch,)`` tasks are indices into ``TASK_KEYS``."""
        for task, value in zip(tasks.tolist(), values.tolist(), strict=True):
            self.values.setdefault(TASK_KEYS[task], []).append(value)

    def row(self, tasks: Sequence[str]) -> dict[str, object]:
        """The mean for each of ``tasks``; empty for tasks that did not occur."""
        kept = {task: self.values.get(task, []) for task in tasks}
        return {task: f"{sum(values) / len(values):.4f}" if values else "" for task, values in kept.items()}


@dataclass
class Progress:
    """What has happened since the last line of the log."""

    losses: TaskMeans = field(default_factory=TaskMeans)
    weights: TaskMeans = field(default_factory=TaskMeans)
    """Dynamic weights of the samples."""

    skipped: int = 0
    """Steps that left the network as it was."""

    started: float = field(default_factory=time.monotonic)
    steps: int = 0
    """Steps done, without those skipped."""

    def take(self, tasks: Tensor, losses: Tensor, weights: Tensor) -> None:
        """Counts a step done whose samples had these ``(batch,)`` tasks, losses and weights."""
        self.losses.take(tasks, losses)
        self.weights.take(tasks, weights)
        self.steps += 1

    def row(self, samples: int, tasks: Sequence[str]) -> dict[str, object]:
        """Throughput in samples per second (``samples`` per step), skipped steps, and the mean loss of each task."""
        seconds = time.monotonic() - self.started
        return {
            "samples_per_s": f"{(self.steps + self.skipped) * samples / seconds:.1f}",
            "skipped": self.skipped,
            **self.losses.row(tasks),
        }


class Log:
    """Writes into the folder of a run. All of it raises an OutputError where it cannot write."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        make_folder(folder)
        self._curves = _curves(folder)

    def write(self, name: str, row: Mapping[str, object]) -> None:
        """Writes a row, ``step`` first, to ``name``.csv, the terminal and the curves."""
        path = self.folder / f"{name}.csv"
        new = not path.exists()
        with writing(path), path.open("a", newline="") as file:
            writer = csv.DictWriter(file, list(row))
            if new:
                writer.writeheader()
            writer.writerow(row)
        print(" ".join(f"{key}={value}" for key, value in row.items()), flush=True)
        if self._curves is not None:
            for key, value in row.items():
                if key != "step" and value != "":
                    self._curves.add_scalar(f"{name}/{key}", float(str(value)), int(str(row["step"])))
            self._curves.flush()

    def picture(self, name: str, step: int, pixels: NDArray[np.uint8]) -> None:
        """Saves ``(y, x, 3)`` pixels as ``name``.png, replacing the last one, and in TensorBoard, which keeps all."""
        from PIL import Image

        path = self.folder / f"{name}.png"
        with writing(path):
            Image.fromarray(pixels).save(path)
        if self._curves is not None:
            self._curves.add_image(name, pixels, step, dataformats="HWC")


def _curves(folder: Path) -> SummaryWriter | None:
    if importlib.util.find_spec("tensorboard") is None:
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder / "curves"))
