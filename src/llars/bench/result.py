"""The result of an evaluation: scores of every method on every case, and an example of each trial."""

from __future__ import annotations

from dataclasses import dataclass, field

from llars.bench.cases import Array, Case
from llars.bench.protocols import OURS, OURS_REWORDED, VARIANTS, Protocol

__all__ = ["DEGRADED", "OURS", "OURS_REWORDED", "VARIANTS", "Evaluation", "Panel", "Score"]

DEGRADED = "degraded"


@dataclass(frozen=True)
class Score:
    """The metrics of one method on one case."""

    trial: str
    data_set: str
    scene: str
    method: str
    """``degraded``, ``llars``, or a rival's name."""

    metrics: dict[str, float]
    """Metrics as given by ``llars.bench.measure``, on unit values with a peak of 1."""

    seconds: float
    """Duration of the restoration; 0 if it came from the cache."""


@dataclass(frozen=True)
class Panel:
    """The images of one trial that are shown in a picture."""

    case: Case
    results: dict[str, Array]
    """Images by method, on the grid of the truth: degraded, the rivals', llars."""


@dataclass
class Evaluation:
    """All results of an evaluation."""

    protocol: Protocol
    scores: list[Score] = field(default_factory=list)
    panels: dict[str, Panel] = field(default_factory=dict)
    """One panel per trial."""

    notes: dict[str, str] = field(default_factory=dict)
    """For each trial a note if something is missing."""
