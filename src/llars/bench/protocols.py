"""Evaluation protocols: trials, each a fault and the words that ask for its repair, and targets for their figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from llars.data.settings import read_settings
from llars.errors import ConfigError
from llars.tasks import TASK_KEYS

__all__ = [
    "OURS",
    "OURS_FEW",
    "OURS_REWORDED",
    "OURS_SHUFFLED",
    "OURS_UNPROJECTED",
    "SOURCES",
    "VARIANTS",
    "Protocol",
    "Target",
    "Trial",
    "read_protocol",
]

OURS = "llars"
"""Name of the restorer in tables and targets."""

OURS_REWORDED = "llars, other words"
"""The restorer with a wording not seen in training."""

OURS_UNPROJECTED = "llars, no projection"
"""The restorer without the projection that keeps the means over the input's pixels."""

OURS_SHUFFLED = "llars, bands shuffled"
"""The restorer given the bands in another order."""

OURS_FEW = "llars, few bands at a time"
"""The restorer given the bands in random groups of at most four, each as an image of its own."""

VARIANTS = (OURS_REWORDED, OURS_UNPROJECTED, OURS_SHUFFLED, OURS_FEW)
"""Other ways to use the restorer; they are not compared with rivals."""

SOURCES: Mapping[str, str] = {
    "clean": "clean scenes",
    "radar_mean": "means of many radar dates or of many radar pixels, used as speckle-free images",
    "radar_dates": "single radar dates with the mean of the series as the reference, and radar scenes without one",
    "radar_pairs": "clean optical scenes with radar images of the same days",
    "cloudy_dates": "real cloudy dates, with the nearest clear date as the reference",
    "fusion_dates": "real dates of a fine and a coarse sensor",
    "native": "clean scenes at their original resolution, without a reference on the finer grid",
    "real_pan": "scenes with the panchromatic band of the same sensor, without a reference on its grid",
    "real_pan_wald": "scenes and the panchromatic band of the same sensor, both reduced by Wald's protocol",
    "published": "the test part of public data sets",
    "published_wald": "the test part of public data sets, reduced together with the PAN band by Wald's protocol",
}
"""Sources of the images of a trial."""


@dataclass(frozen=True)
class Trial:
    """One fault and the words that ask for its repair."""

    name: str
    """Heading and key; no two trials share one."""

    task: str
    """Task key."""

    instruction: str
    """Instruction to the restorer."""

    severity: float = 0.0
    """Severity of the fault in [0, 1]; at 0 the image is left unchanged."""

    degradation: str = ""
    """Name in ``llars.degrade``; empty if the fault is a coarser grid, or real."""

    scale: int = 1
    """How many times coarser the degraded grid is."""

    source: str = "clean"
    """Key of ``SOURCES``."""

    beneath: str = ""
    """A degradation in the input and the truth alike, whose repair is not asked for."""

    crop: int = 0
    """Largest side in pixels instead of the protocol's; 0: that of the protocol."""

    leave_out: tuple[str, ...] = ()
    """Images of the catalogue that are not used."""

    sets: tuple[str, ...] = ()
    """Public sets whose test parts are read together, for a published ``source``."""

    reworded: bool = False
    """Also measure with a wording not seen in training."""

    unprojected: bool = False
    """Also measure without the projection that keeps the means over the input's pixels."""

    rearranged: bool = False
    """Also give the bands in another order, and few at a time."""

    def __post_init__(self) -> None:
        if self.task not in TASK_KEYS:
            raise ConfigError(f"{self.name}: unknown task {self.task!r}; the tasks are {', '.join(TASK_KEYS)}")
        if self.source not in SOURCES:
            raise ConfigError(f"{self.name}: unknown source {self.source!r}; the sources are {', '.join(SOURCES)}")
        if not 0 <= self.severity <= 1:
            raise ConfigError(f"{self.name} has severity {self.severity}, expected 0 to 1")
        if self.source in MAKES_FAULT and bool(self.degradation) == (self.scale > 1):
            raise ConfigError(f"{self.name} needs a degradation or a scale above 1, and not both")
        if bool(self.sets) != self.source.startswith("published"):
            raise ConfigError(f"{self.name}: `sets` names public sets, and goes with a published source alone")

    @property
    def untouched(self) -> bool:
        """Whether the image has no fault."""
        return self.severity == 0 and self.scale == 1 and self.source in MAKES_FAULT


MAKES_FAULT = ("clean", "radar_mean", "radar_pairs")
"""Sources of faultless images, to which the trial applies its fault."""


@dataclass(frozen=True)
class Target:
    """A figure that should be reached."""

    trials: tuple[str, ...]
    """Names of the trials; the figure is the mean over them."""

    metric: str
    """Name of the metric in the scores."""

    least: float | None = None
    """Lower bound of the figure."""

    most: float | None = None
    """Upper bound of the figure."""

    than: tuple[str, ...] = ()
    """Methods to compare with, of which the best counts; if empty, the figure is the value itself."""

    of: str = ""
    """Trial in which those methods are measured; by default the same as ours."""

    ratio: bool = False
    """Whether the figure is the ratio of our value to theirs instead of the difference."""

    method: str = OURS
    """Method whose value is judged."""

    lacking: str = ""
    """Likely causes, for the report if the target is missed."""

    def __post_init__(self) -> None:
        if (self.least is None) == (self.most is None):
            raise ConfigError(f"the target for {self.metric} of {', '.join(self.trials)} needs either least or most")


@dataclass(frozen=True)
class Protocol:
    """Everything that determines the results except the data and the weights."""

    trials: tuple[Trial, ...]
    seed: int
    crop: int = 0
    """Largest side of a scene in pixels; larger ones are cut to their centre. 0: scenes are taken whole."""

    smallest: int = 16
    """Smallest side in pixels; smaller scenes are left out."""

    title: str = "Results"
    """Heading of the report."""

    about: str = ""
    """Introduction of the report: sources of the scenes, their splits, conventions."""

    columns: tuple[str, ...] = ("psnr", "ssim", "sam", "ergas", "mae_under", "enl", "mean_shift")
    """Metrics of the tables, if they apply, by their names in ``llars.bench.measure``."""

    picture: str = ""
    """Scene that the pictures show; the first one if it is not among the cases."""

    targets: tuple[Target, ...] = field(default=())
    """Targets for the figures."""

    split: str = "test"
    """Split of the catalogue whose scenes are measured."""

    def __post_init__(self) -> None:
        names = [trial.name for trial in self.trials]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ConfigError(f"two trials are called {', '.join(twice)}; give each its own name")
        for target in self.targets:
            if missing := sorted({*target.trials, target.of} - {*names, ""}):
                raise ConfigError(f"a target names the trials {', '.join(missing)}; there are {', '.join(names)}")


def read_protocol(path: str | Path) -> Protocol:
    """The protocol in a YAML file.

    Raises:
        ConfigError: the file is missing, a setting is unknown or missing, a task or source is unknown, or a target
            names a trial that does not exist.
    """
    settings = read_settings(path, "configs/eval/shared.yaml")
    try:
        trials = tuple(Trial(**_named(trial)) for trial in settings["trials"])
        targets = tuple(_target(target) for target in settings.get("targets", ()))
        # The folders of the scenes and of the report are not part of what is measured; the command reads them.
        measured = {key: value for key, value in settings.items() if key not in ("folder", "out")}
        if "columns" in measured:
            measured["columns"] = tuple(measured["columns"])
        return Protocol(**{**measured, "trials": trials, "targets": targets})
    except (TypeError, KeyError, AttributeError) as error:
        raise ConfigError(f"{path}: {error}; compare with configs/eval/shared.yaml") from error
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def _named(trial: dict[str, Any]) -> dict[str, Any]:
    """The settings of a trial, named after its task if it has no name."""
    lists = {key: tuple(trial.get(key, ())) for key in ("leave_out", "sets")}
    return {"name": trial["task"], **trial, **lists}


def _target(settings: dict[str, Any]) -> Target:
    """A target from its settings, in which a single name may stand for a list."""
    lists = {one.name for one in fields(Target) if one.type == "tuple[str, ...]"}
    given = dict(settings)
    for name in lists & given.keys():
        given[name] = (given[name],) if isinstance(given[name], str) else tuple(given[name])
    return Target(**given)
