"""Means over data sets, and which targets they meet."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from llars.bench.protocols import OURS, Target
from llars.bench.result import DEGRADED, VARIANTS, Score

__all__ = [
    "LOWER_IS_BETTER",
    "Verdict",
    "best_rival",
    "data_set_means",
    "headline",
    "judge",
    "overall",
    "rivals_in",
]

LOWER_IS_BETTER = frozenset(
    {
        *("mae", "rmse", "sam", "ergas", "mae_under", "mean_shift", "drift", "colour_error"),
        *("d_lambda", "d_s", "d_lambda_k"),
    }
)
"""Metrics for which lower is better."""

HEADLINES = ("psnr", "hqnr", "drift")
"""Methods are ranked by the first of these that a trial has; the last two are for trials without a known truth."""


@dataclass(frozen=True)
class Verdict:
    """A target and the measured figure."""

    target: Target
    figure: float
    """NaN if it was not measured."""

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None if it was not measured."""
        if math.isnan(self.figure):
            return None
        if self.target.least is not None:
            return self.figure >= self.target.least
        return self.figure <= (self.target.most or 0.0)


def data_set_means(scores: Iterable[Score], trial: str, method: str, metric: str) -> dict[str, float]:
    """Mean of a metric over the scenes of each data set for which it was computed, in the order of the scores."""
    found: dict[str, list[float]] = {}
    for score in scores:
        if score.trial == trial and score.method == method and metric in score.metrics:
            found.setdefault(score.data_set, []).append(score.metrics[metric])
    return {data_set: fmean(values) for data_set, values in found.items()}


def overall(scores: Iterable[Score], trial: str, method: str, metric: str) -> float:
    """Mean over data sets, each with the same weight whatever its number of scenes; NaN if nothing was measured."""
    means = data_set_means(scores, trial, method, metric)
    return fmean(means.values()) if means else math.nan


def rivals_in(scores: Iterable[Score], trial: str) -> list[str]:
    """The classical methods that were tried on a trial."""
    methods = dict.fromkeys(score.method for score in scores if score.trial == trial)
    return [name for name in methods if name not in (DEGRADED, OURS, *VARIANTS)]


def headline(scores: Sequence[Score], trial: str) -> str:
    """The metric by which the methods of a trial are ranked."""
    found = {name for score in scores if score.trial == trial for name in score.metrics}
    return next((name for name in HEADLINES if name in found), HEADLINES[0])


def best_rival(scores: Sequence[Score], trial: str) -> str | None:
    """The classical method with the best mean of the headline metric, among those that worked on every data set.

    None if there is none.
    """
    metric = headline(scores, trial)
    everywhere = data_set_means(scores, trial, DEGRADED, metric).keys()
    means = {name: data_set_means(scores, trial, name, metric) for name in rivals_in(scores, trial)}
    whole = [name for name, values in means.items() if values and values.keys() == everywhere]
    best = min if metric in LOWER_IS_BETTER else max
    return best(whole, key=lambda name: fmean(means[name].values()), default=None)


def judge(target: Target, scores: Sequence[Score]) -> Verdict:
    """The figure of a target: its mean over trials, on the data sets for which both sides were measured."""
    figures = [_figure(target, trial, scores) for trial in target.trials]
    return Verdict(target, fmean(figures))


def _figure(target: Target, trial: str, scores: Sequence[Score]) -> float:
    ours = data_set_means(scores, trial, target.method, target.metric)
    if not ours:
        return math.nan
    if not target.than:
        return fmean(ours.values())
    best = min if target.metric in LOWER_IS_BETTER else max
    against = []
    for method in target.than:
        theirs = data_set_means(scores, target.of or trial, method, target.metric)
        common = [data_set for data_set in ours if data_set in theirs]
        if not common:
            return math.nan
        against.append((fmean(theirs[one] for one in common), fmean(ours[one] for one in common)))
    their_mean, our_mean = best(against, key=lambda pair: pair[0])
    return our_mean / their_mean if target.ratio else our_mean - their_mean
