"""Settings of a training run, read from YAML; ``key=value`` arguments override them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from llars.data.settings import check_least, read_settings, to_number
from llars.errors import ConfigError
from llars.train.losses import LossWeights

__all__ = ["TrainConfig", "minutes", "read_config"]

DURATION = re.compile(r"(?:(?P<h>\d+(?:\.\d+)?)h)?(?:(?P<m>\d+(?:\.\d+)?)m)?(?:(?P<s>\d+(?:\.\d+)?)s)?")


LEAST = {
    **dict.fromkeys(("steps", "batch_size"), 1),
    **dict.fromkeys(("warmup", "learning_rate", "weight_decay", "clip", "average", "seed"), 0),
    **dict.fromkeys(("max_minutes", "checkpoint_minutes", "evaluate_minutes"), 0),
}
"""Least values of settings."""

MOST_SEED = 2**32 - 1


@dataclass(frozen=True)
class TrainConfig:
    """One training run.

    Raises:
        ConfigError: a setting has an impossible value; the message names it.
    """

    model: str
    """Preset of the network."""

    corpus: Path
    """Folder that ``llars data build`` wrote."""

    run: Path
    """Folder for checkpoints and the log; a run that is found there is resumed."""

    steps: int
    """Steps of the whole schedule."""

    batch_size: int = 16
    learning_rate: float = 2e-3
    warmup: int = 500
    weight_decay: float = 1e-4
    clip: float = 1.0
    """Largest norm of the gradient."""

    recompute: bool = False
    """Recompute activations in the backward pass instead of storing them: for presets too large for the memory."""

    average: float = 0.999
    """Decay of the moving average of the parameters; the averaged parameters are the ones shipped."""

    seed: int = 0
    device: str = "cpu"
    start_from: Path | None = None
    """Weights to start from where the run has no checkpoint yet."""

    max_minutes: float | None = None
    """Write a checkpoint and stop after this many minutes."""

    checkpoint_minutes: float = 4.0
    evaluate_minutes: float = 12.0
    losses: LossWeights = field(default_factory=LossWeights)
    tasks: dict[str, float] = field(default_factory=dict)
    """Share of each task in the samples."""

    def __post_init__(self) -> None:
        check_least(self, LEAST)
        check_seed(self.seed)
        if self.average >= 1:
            raise ConfigError(f"average={self.average}; expected a decay from 0 to below 1")
        shares = self.tasks.values()
        if not all(share >= 0 for share in shares) or not (sum(shares) > 0 or not self.tasks):
            raise ConfigError(f"tasks={self.tasks}; expected shares of 0 or more, not all of them 0")


def check_seed(seed: int) -> None:
    """Refuse a seed that random generators do not take, with a ConfigError."""
    if seed > MOST_SEED:
        raise ConfigError(f"seed={seed}; expected {MOST_SEED} or less")


def minutes(duration: str) -> float:
    """Minutes in a duration such as ``2h``, ``90m`` or ``1h30m``.

    Raises:
        ConfigError: ``duration`` is not one.
    """
    found = DURATION.fullmatch(duration.strip())
    if found is None or not any(found.groups()):
        raise ConfigError(f"{duration!r} is no duration; write hours, minutes and seconds as in 2h, 90m or 1h30m")
    hours, whole, seconds = (float(found[unit] or 0) for unit in "hms")
    return 60 * hours + whole + seconds / 60


def read_config(path: Path, overrides: Sequence[str] = ()) -> TrainConfig:
    """The configuration in a YAML file, with ``key=value`` overrides (values are YAML too).

    Raises:
        ConfigError: the file or a key in it is wrong.
    """
    return build_config(read_settings(path, "configs/train/", overrides))


def build_config(values: dict[str, Any]) -> TrainConfig:
    """Checks the keys and converts the values to the types of ``TrainConfig``."""
    known = {entry.name: str(entry.type) for entry in fields(TrainConfig)}
    if unknown := set(values) - set(known):
        raise ConfigError(f"unknown training settings {sorted(unknown)}; known are {sorted(known)}")
    try:
        settings = {key: converted(key, value, known[key]) for key, value in values.items()}
        return TrainConfig(**{**settings, "losses": LossWeights(**settings.get("losses", {}))})
    except TypeError as fault:
        raise ConfigError(f"training settings do not fit: {fault}") from None


def converted(key: str, value: Any, kind: str) -> Any:
    """The value in the type of its field.

    Raises:
        ConfigError: it is of another kind.
    """
    plain = kind.removesuffix(" | None")
    if value is None and plain != kind:
        return None
    if plain in ("int", "float"):
        return to_number(key, value, int if plain == "int" else float)
    if plain.startswith("list"):
        if value is None:
            return []
        # A single value stands for a list of it.
        values = value if isinstance(value, list | tuple) else [value]
        return [converted(key, one, plain.removeprefix("list[").removesuffix("]")) for one in values]
    if plain.startswith("dict") or plain == "LossWeights":
        return _numbers(key, value)
    try:
        if value is None or isinstance(value, list | dict) or (plain == "bool" and not isinstance(value, bool)):
            raise TypeError
        return {"Path": Path, "str": str}[plain](value) if plain != "bool" else value
    except TypeError:
        raise ConfigError(f"{key}={value!r} is not what was expected: {kind}") from None


def _numbers(key: str, value: Any) -> dict[str, float]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ConfigError(f"{key}={value!r} is not what was expected: numbers by name, as {{name: 1.0}}")
    return {str(name): to_number(f"{key}.{name}", one, float) for name, one in value.items()}
