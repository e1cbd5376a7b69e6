"""Whether a run may go on from a checkpoint: the settings that determine its result must be those it began with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from llars.data.manifest import load, locate
from llars.errors import ConfigError
from llars.train.config import TrainConfig

__all__ = ["CHANGEABLE", "check_settings", "fixed_settings"]

CHANGEABLE = frozenset(
    {"run", "device", "start_from", "recompute", "max_minutes", "checkpoint_minutes", "evaluate_minutes"}
)
"""Settings that may change between the parts of an interrupted run."""


def fixed_settings(config: TrainConfig) -> dict[str, Any]:
    """The settings that determine the result, as JSON holds them; the corpus by its contents, since it may be moved."""
    fixed = {key: value for key, value in asdict(config).items() if key not in CHANGEABLE}
    plain: dict[str, Any] = json.loads(json.dumps({**fixed, "corpus": _digest(config.corpus / "train")}))
    return plain


def _digest(folder: Path) -> str:
    root, split = locate(folder)
    shards = [
        shard["sha256"]
        for name, about in load(root)["splits"].items()
        if split in (None, name)
        for shard in about["shards"]
    ]
    return hashlib.sha256("".join(shards).encode()).hexdigest()[:12]


def check_settings(run: Path, stored: Mapping[str, Any], current: Mapping[str, Any]) -> None:
    """Compare the settings stored in a checkpoint with those of now.

    Raises:
        ConfigError: they differ; the message gives both values of each.
    """
    changed = [key for key in current if key in stored and stored[key] != current[key]]
    if changed:
        listed = ", ".join(f"{key} {_text(stored[key])} (now {_text(current[key])})" for key in changed)
        raise ConfigError(
            f"the run in {run} was started with other settings: {listed}; give those again, or another `run=`"
        )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
