"""What a run tells of itself: rows of CSV, the same as curves in TensorBoard where it is installed, and pictures."""

from __future__ import annotations

import csv
import importlib.util
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch.utils.tensorboard import SummaryWriter

__all__ = ["Log", "Progress"]


@dataclass
class Progress:
    """What has happened since the last line of the log."""

    losses: dict[str, list[float]] = field(default_factory=dict)
    skipped: int = 0
    started: float = field(default_factory=time.monotonic)
    steps: int = 0

    def row(self, samples: int, tasks: Sequence[str]) -> dict[str, object]:
        """Throughput in ``samples`` per step and second, steps left out, and the mean loss of each task."""
        seconds = time.monotonic() - self.started
        row: dict[str, object] = {
            "samples_per_s": f"{self.steps * samples / seconds:.1f}",
            "skipped": self.skipped,
        }
        for task in tasks:
            values = self.losses.get(task, [])
            row[task] = f"{sum(values) / len(values):.4f}" if values else ""
        return row


class Log:
    """Writes into the folder of a run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._curves = _curves(folder)

    def write(self, name: str, row: Mapping[str, object]) -> None:
        """A row, ``step`` first, to ``name``.csv, the terminal and the curves."""
        path = self.folder / f"{name}.csv"
        new = not path.exists()
        with path.open("a", newline="") as file:
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
        """``(y, x, 3)`` pixels as ``name``.png, the last one, and among the curves, every one."""
        from PIL import Image

        Image.fromarray(pixels).save(self.folder / f"{name}.png")
        if self._curves is not None:
            self._curves.add_image(name, pixels, step, dataformats="HWC")


def _curves(folder: Path) -> SummaryWriter | None:
    if importlib.util.find_spec("tensorboard") is None:
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder / "curves"))
