"""Settings of a tuning run, read from YAML or given as keyword arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from llars.data.settings import check_least, read_overrides, read_settings
from llars.degrade import get
from llars.errors import ConfigError
from llars.model.device import pick_device
from llars.tasks import get_task
from llars.train.config import check_seed, converted

__all__ = ["METHODS", "TuneConfig", "settings"]

METHODS: dict[str, float] = {
    "lora": 1e-3,
    "dora": 1e-3,
    "bitfit": 3e-3,
    "ssf": 3e-3,
    "bottleneck": 1e-3,
    "experts": 1e-3,
    "prompt": 1e-2,
    "full": 3e-4,
}
"""Tuning methods and the peak learning rate of each."""


@dataclass(frozen=True)
class TuneConfig:
    """One tuning run.

    Raises:
        ConfigError: settings contradict each other; the message names them.
    """

    out: Path
    """Adapter file to write."""

    task: str
    """Key of the task that the pairs are examples of; for a new kind of task, of the most similar one."""

    base: str = "llars-small"
    """Name of bundled weights, or a weights file."""

    method: str = "lora"
    """One of ``METHODS``."""

    rank: int = 4
    """Rank of the low-rank methods (lora, dora, bottleneck)."""

    prompts: list[str] = field(default_factory=list)
    """Sentences of your own that ask for the task; by default the canonical ones for ``task``."""

    inputs: Path | None = None
    """Folder of degraded images."""

    targets: Path | None = None
    """Folder of the true images, with the file names of the inputs."""

    pairs: Path | None = None
    """CSV file instead of folders: columns ``input``, ``target``, and any of ``sar``, ``pan``, ..., ``place``."""

    clean: Path | None = None
    """Folder of good images, if there are no pairs: ``degradation`` makes the inputs from them."""

    degradation: str = ""
    """Name of an operator of ``llars.degrade``, or several joined by ``+``, applied in that order."""

    severity: list[float] = field(default_factory=lambda: [0.2, 0.8])
    """Lowest and highest severity of the degradation; a single number is both."""

    sensor: str | None = None
    """Name of the sensor, if the files do not state it."""

    held_out: float = 0.2
    """Share of the places that are held out from training; at least one place is."""

    run: Path | None = None
    """Folder for checkpoint and report; by default ``out`` with the suffix ``.run``."""

    steps: int = 600
    batch_size: int = 8
    patch: int = 64
    """Side of the patches in pixels; smaller if the images are."""

    learning_rate: float | None = None
    """Peak learning rate; by default that of ``METHODS``."""

    evaluate_steps: int = 50
    """Steps between two evaluations on the held-out images; a checkpoint is written with each."""

    patience: int = 4
    """Consecutive evaluations without improvement after which the run stops."""

    max_minutes: float | None = None
    """Stop after this many minutes; the same seed then no longer gives the same adapter."""

    keep: float = 0.5
    """Share of steps that rehearse the other tasks, so that they are not forgotten."""

    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ConfigError(f"unknown tuning method {self.method!r}; there are {', '.join(METHODS)}")
        task = get_task(self.task)
        sources = {"inputs": self.inputs, "pairs": self.pairs, "clean": self.clean}
        given = [name for name, path in sources.items() if path is not None]
        if len(given) != 1 or (self.inputs is None) != (self.targets is None):
            raise ConfigError(
                f"found {', '.join(given) or 'no images'}; give `inputs` and `targets`, or `pairs`, or "
                "`clean` with `degradation`"
            )
        if (self.clean is None) != (not self.degradation):
            raise ConfigError("`clean` and `degradation` go together: good images, and what makes them bad")
        for name in self.degradation.split("+") if self.degradation else ():
            get(name.strip())
        if self.prompts and task.changes_grid:
            raise ConfigError(
                f"{task.key} reads its words for the factor and takes no sentences of your own; leave `prompts` out"
            )
        if len(self.severity) != 2 or not 0 <= self.severity[0] <= self.severity[1] <= 1:
            raise ConfigError(f"severity={self.severity}; expected the least and the greatest, within 0 to 1")
        for name in ("held_out", "keep"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"{name}={getattr(self, name)}; expected a share from 0 to below 1")
        check_least(self, dict.fromkeys(("rank", "steps", "batch_size", "patch", "evaluate_steps", "patience"), 1))
        check_least(self, dict.fromkeys(("learning_rate", "max_minutes", "seed"), 0))
        check_seed(self.seed)

    @property
    def folder(self) -> Path:
        """Folder of the checkpoint and the report."""
        return self.run or self.out.with_suffix(".run")

    @property
    def peak(self) -> float:
        """Peak learning rate of the schedule."""
        return METHODS[self.method] if self.learning_rate is None else self.learning_rate


def settings(path: Path | str | None, given: Mapping[str, Any], overrides: Sequence[str] = ()) -> TuneConfig:
    """The configuration in a YAML file (if any), overridden by the settings ``given``, then by ``key=value`` words.

    Raises:
        ConfigError: the file or a key in it is wrong, or this machine has no such device.
    """
    values = {} if path is None else read_settings(path, "configs/tune/")
    values = {**values, **given, **read_overrides(overrides)}
    known = {entry.name: str(entry.type) for entry in fields(TuneConfig)}
    if unknown := set(values) - set(known):
        raise ConfigError(f"unknown tuning settings {sorted(unknown)}; known are {', '.join(known)}")
    if missing := {"out", "task"} - set(values):
        raise ConfigError(f"{' and '.join(sorted(missing))} must be given: the adapter to write, and a task's key")
    values = {key: converted(key, value, known[key]) for key, value in values.items()}
    if len(values.get("severity", ())) == 1:
        values["severity"] *= 2
    config = TuneConfig(**values)
    return replace(config, device=str(pick_device(config.device)))
