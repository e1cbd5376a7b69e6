"""How much wider than the network's own the errors are that it makes on held-out scenes, task by task."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from llars.weights.helpers import FOLDER

__all__ = ["keep_temperatures", "temperatures_of"]

FILE = FOLDER / "temperatures.json"

PREFIX = 16
"""Characters of a weights file's SHA-256 that tell it from others."""


def temperatures_of(sha256: str, path: Path = FILE) -> dict[str, float]:
    """Factors on the predicted scale of the error by task, for the weights with that checksum.

    Weights and tasks that nobody calibrated have none: 1 is to be taken.
    """
    if not path.is_file():
        return {}
    known: dict[str, dict[str, float]] = json.loads(path.read_text(encoding="utf-8"))
    return known.get(sha256[:PREFIX], {})


def keep_temperatures(sha256: str, temperatures: Mapping[str, float], path: Path = FILE) -> None:
    """Write the factors of the weights with that checksum in place of those that they had."""
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    known[sha256[:PREFIX]] = {task: round(factor, 4) for task, factor in sorted(temperatures.items())}
    path.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")
