"""What is said about a run: notes while it works, tags in its files, facts in its report."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import llars
from llars.infer.tiling.memory import in_words
from llars.tasks import Step

if TYPE_CHECKING:
    from llars.infer.common_grid import GroupStep
    from llars.infer.restorer import Restorer
    from llars.infer.tiling.engine import Extent

__all__ = ["Notes", "Say", "run_details", "tags_of", "tile_notes"]

LARGE_SCENE = 2**22
"""Pixels of a scene above which the user is told about its tiles."""

Say = Callable[[str], None]
"""Takes a note for the user, one sentence."""


class Notes(list[str]):
    """Notes for the user, passed on as soon as they are known."""

    def __init__(self, notes: Sequence[str], say: Say | None = None) -> None:
        super().__init__()
        self._say = say
        self.add_all(notes)

    def add_all(self, notes: Sequence[str]) -> None:
        """Add several notes, one after the other."""
        for note in notes:
            self.add(note)

    def add(self, note: str) -> None:
        """Keep a note, and pass it on."""
        self.append(note)
        if self._say is not None:
            self._say(note)


def tile_notes(side: Extent | None, shape: tuple[int, int, int], limit: int, requested: bool) -> list[str]:
    """A note on the tiles of a large scene, or on those that follow from a memory limit that was asked for."""
    if not isinstance(side, tuple) or not (requested or shape[1] * shape[2] >= LARGE_SCENE):
        return []
    tiles = f"{min(side[1], shape[2])} x {min(side[0], shape[1])} px"
    return [f"working in tiles of {tiles}, for {in_words(limit)} of memory (--max-memory, --tile)"]


def run_details(restorer: Restorer, started: float, guides: Mapping[str, str | Path]) -> dict[str, str]:
    """Facts about the run for its report: device, seconds and guides."""
    details = {"Device": str(restorer.device), "Seconds": f"{time.perf_counter() - started:.1f}"}
    return details | {f"Guide {role}": str(path) for role, path in guides.items()}


def tags_of(
    restorer: Restorer, model: str, prompt: str, steps: Sequence[Step], groups: Sequence[GroupStep] = ()
) -> dict[str, str]:
    """Tags of a file that say how it was made; ``groups`` of bands were made finer before the steps."""
    described_steps: list[dict[str, object]] = [asdict(group) for group in groups]
    described_steps += [{"task": step.task, "severity": round(step.severity, 3), "scale": step.scale} for step in steps]
    adapters = " ".join(one["sha256"] for one in restorer.info.training.get("adapters", ()))
    return {
        **({"LLARS_ADAPTERS": adapters} if adapters else {}),
        "LLARS_MODEL": Path(model).name,
        "LLARS_WEIGHTS_SHA256": restorer.info.sha256,
        "LLARS_PROMPT": prompt,
        "LLARS_STEPS": json.dumps(described_steps),
        "LLARS_VERSION": llars.__version__,
    }
