"""What is evaluated: trials, each a fault and the words that ask for its repair, and the targets set for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

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
"""How tables and targets call the restorer that is measured."""

OURS_REWORDED = "llars, other words"
"""The same, told what training never read."""

OURS_UNPROJECTED = "llars, no projection"
"""The same, whose finer grid is not held to the means of the input's pixels."""

OURS_SHUFFLED = "llars, bands shuffled"
"""The same, given the bands in another order."""

OURS_FEW = "llars, few bands at a time"
"""The same, given the bands in random groups of at most four, as images by themselves."""

VARIANTS = (OURS_REWORDED, OURS_UNPROJECTED, OURS_SHUFFLED, OURS_FEW)
"""The restorer that is measured, used otherwise; they take no part in comparisons with rivals."""

SOURCES: Mapping[str, str] = {
    "clean": "clean scenes",
    "radar_mean": "means of many radar dates or of many radar pixels, as if without speckle",
    "radar_dates": "single radar dates against the mean of the series, and radar scenes without a reference",
    "radar_pairs": "clean optical scenes with radar of the same days",
    "cloudy_dates": "real clouds, against the nearest clear date",
    "fusion_dates": "real dates of a fine and a coarse sensor",
    "native": "clean scenes as they are, on whose finer grid nobody knows the truth",
    "real_pan": "scenes with the panchromatic band of their own sensor, on whose grid nobody knows the truth",
    "real_pan_wald": "scenes and the panchromatic band of their own sensor, both made coarser by Wald's protocol",
    "published": "the test part of public sets",
    "published_wald": "the test part of public sets, made coarser with its PAN by Wald's protocol",
}
"""Where the images of a trial come from."""


@dataclass(frozen=True)
class Trial:
    """One fault and the words that ask for its repair."""

    name: str
    """Heading and key; no two trials share one."""

    task: str
    """Task key."""

    instruction: str
    """What the restorer is told, in plain words."""

    severity: float = 0.0
    """Of the fault, in [0, 1]; at 0 the image is left as it is."""

    degradation: str = ""
    """Name in ``llars.degrade``; empty where the fault is a coarser grid, or real."""

    scale: int = 1
    """How many times coarser the degraded grid is."""

    source: str = "clean"
    """Key of ``SOURCES``."""

    beneath: str = ""
    """A degradation that degraded image and truth share: nobody asks for its repair."""

    crop: int = 0
    """Largest side in pixels, where it is to be less than the protocol's."""

    leave_out: tuple[str, ...] = ()
    """Images of the catalogue that are not used."""

    sets: tuple[str, ...] = ()
    """Public sets whose test parts are read together, of a published ``source``."""

    reworded: bool = False
    """Also tell the restorer words that training never read."""

    unprojected: bool = False
    """Also leave the projection out that holds the means of the input's pixels."""

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
        """Nothing is wrong with the image."""
        return self.severity == 0 and self.scale == 1 and self.source in MAKES_FAULT


MAKES_FAULT = ("clean", "radar_mean", "radar_pairs")
"""Sources of images with which nothing is wrong yet."""


@dataclass(frozen=True)
class Target:
    """A number that is to be reached."""

    trials: tuple[str, ...]
    """Names of the trials; the figure is the mean over them."""

    metric: str
    """As the scores call it."""

    least: float | None = None
    """The figure is to be no less than this."""

    most: float | None = None
    """The figure is to be no more than this."""

    than: tuple[str, ...] = ()
    """Methods, of which the best counts, that ours is compared with; without any its own value is the figure."""

    of: str = ""
    """Trial in which these are measured; each its own by default."""

    ratio: bool = False
    """The figure is our value over theirs, not the difference."""

    method: str = OURS
    """Whose value it is."""

    lacking: str = ""
    """What is believed to be missing, for the report where the target is missed."""

    def __post_init__(self) -> None:
        if (self.least is None) == (self.most is None):
            raise ConfigError(f"the target for {self.metric} of {', '.join(self.trials)} needs either least or most")


@dataclass(frozen=True)
class Protocol:
    """Everything that determines the numbers but the data and the weights."""

    trials: tuple[Trial, ...]
    seed: int
    crop: int = 0
    """Largest side of a scene in pixels; larger ones are cut to their centre. 0: scenes are taken whole."""

    smallest: int = 16
    """Smallest side in pixels; smaller scenes are left out."""

    title: str = "Results"
    """Heading of the report."""

    about: str = ""
    """What a reader of the report must know: where scenes are from, how they are divided, what is conventional."""

    columns: tuple[str, ...] = ("psnr", "ssim", "sam", "ergas", "mae_under", "enl", "mean_shift")
    """Metrics of the tables, where they apply, as ``llars.bench.measure`` calls them."""

    picture: str = ""
    """Scene that the pictures show; the first one where it is not there."""

    targets: tuple[Target, ...] = field(default=())
    """What is to be reached."""

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
        ConfigError: no such file, an unknown or missing setting, an unknown task or source, a target that no trial
            can reach.
    """
    try:
        settings: Any = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"no evaluation config at {path}; give one, such as configs/eval/shared.yaml") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
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
    """The settings of a trial, called after its task where it has no name."""
    lists = {key: tuple(trial.get(key, ())) for key in ("leave_out", "sets")}
    return {"name": trial["task"], **trial, **lists}


def _target(settings: dict[str, Any]) -> Target:
    """A target, with single names where lists are expected."""
    lists = {one.name for one in fields(Target) if one.type == "tuple[str, ...]"}
    given = dict(settings)
    for name in lists & given.keys():
        given[name] = (given[name],) if isinstance(given[name], str) else tuple(given[name])
    return Target(**given)
