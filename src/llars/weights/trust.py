"""How far the network is trusted where it starts from an initial estimate, task by task, fitted on held-out scenes.

Where an estimate is hard to improve, a network that was trained on all tasks may change it for the worse.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llars.files import write_whole
from llars.weights.files import FOLDER

__all__ = ["keep_trust", "trust_of"]

FILE = FOLDER / "trust.json"
"""Shares of the network's change that are applied, by the first 16 characters of the weights' SHA-256 and by task."""

PREFIX = 16


def trust_of(sha256: str, path: Path = FILE) -> dict[str, float]:
    """The share of the network's change that is applied, by task; use 1 for tasks without an entry."""
    known: dict[str, float] = _read(path).get(sha256[:PREFIX], {})
    return known


def keep_trust(sha256: str, trust: Mapping[str, float], path: Path = FILE) -> None:
    """Store the shares for the weights with that checksum, replacing earlier ones."""
    known = {**_read(path), sha256[:PREFIX]: dict(sorted(trust.items()))}
    write_whole(path, json.dumps(known, indent=1) + "\n")


def _read(path: Path) -> dict[str, Any]:
    known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return known
