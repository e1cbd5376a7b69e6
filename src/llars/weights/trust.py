"""How far the network is trusted where it starts from an initial estimate, task by task, fitted on held-out scenes.

Where an estimate is hard to improve, a network that was trained on all tasks may change it for the worse.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from llars.weights.files import FOLDER
from llars.weights.records import keep_record, record_of

if TYPE_CHECKING:
    from llars.weights.registry import WeightsInfo

__all__ = ["keep_trust", "trust_of"]

FILE = FOLDER / "trust.json"
"""Shares of the network's change that are applied, by weights and task."""


def trust_of(info: WeightsInfo, path: Path = FILE) -> dict[str, float]:
    """The share of the network's change that is applied, by task; use 1 for tasks without an entry.

    Tasks that an adapter was tuned for have none: its training counted on the whole change.
    """
    tuned = {task for adapter in info.training.get("adapters", ()) for task in adapter["tasks"]}
    return {task: share for task, share in record_of(info.sha256, path).items() if task not in tuned}


def keep_trust(sha256: str, trust: Mapping[str, float], path: Path = FILE) -> None:
    """Store the shares for the weights with that checksum, replacing earlier ones."""
    keep_record(sha256, dict(trust), path)
