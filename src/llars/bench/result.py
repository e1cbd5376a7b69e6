"""What an evaluation gives: scores of every method on every case, and an example of each trial."""

from __future__ import annotations

from dataclasses import dataclass, field

from llars.bench.cases import Array, Case
from llars.bench.protocols import OURS, OURS_REWORDED, VARIANTS, Protocol

__all__ = ["DEGRADED", "OURS", "OURS_REWORDED", "VARIANTS", "Evaluation", "Panel", "Score"]

DEGRADED = "degraded"


@dataclass(frozen=True)
class Score:
    """How good one method was on one case."""

    trial: str
    data_set: str
    scene: str
    method: str
    """``degraded``, ``llars``, or a rival's name."""

    metrics: dict[str, float]
    """As ``llars.bench.measure`` gives them, on unit values with a peak of 1."""

    seconds: float
    """What the restoration took; 0 where it came from the cache."""


@dataclass(frozen=True)
class Panel:
    """What a picture shows of one trial."""

    case: Case
    results: dict[str, Array]
    """By method: the degraded image on the grid of the truth, the rivals', ours."""


@dataclass
class Evaluation:
    """All that was measured."""

    protocol: Protocol
    scores: list[Score] = field(default_factory=list)
    panels: dict[str, Panel] = field(default_factory=dict)
    """One per trial."""

    notes: dict[str, str] = field(default_factory=dict)
    """By trial, why something is missing."""
