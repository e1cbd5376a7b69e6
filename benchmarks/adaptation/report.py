"""Writes docs/adaptation.md and the last section of docs/tuning.md; all text is derived from the results."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.ablation.report import paragraph
from benchmarks.adaptation.pairs import FAULTS, SIDE
from benchmarks.adaptation.runs import Result, read_result
from llars.errors import DataError
from llars.train.tuning.config import METHODS

__all__ = ["KEPT", "Row", "keep", "kept", "page", "rows_of", "summary", "write_pages"]

KEPT = Path("benchmarks/adaptation/results")
"""Results in the repository from which the page is written: ``sensor/task-method-pairs-seed.json``."""

PAGE = Path("docs/adaptation.md")
TUNING, SECTION = Path("docs/tuning.md"), "## Measured"
"""The page whose last section, with this heading, holds the summary."""

SHARE_OF_GAIN, SHARE_LEARNED, MAX_LOST, MAX_MINUTES = 0.9, 0.02, 0.1, 10.0
"""The targets: least share of full fine-tuning's gain; most share of the base's parameters, dB lost, and minutes."""

HARDLY = 0.5
"""Gain in dB below which the base has hardly learned to remove the fault."""


@dataclass(frozen=True)
class Row:
    """The runs of one method with one number of pairs, and those of full fine-tuning with the same seeds."""

    runs: tuple[Result, ...]
    full: tuple[Result, ...]

    @property
    def method(self) -> str:
        """Name of the method."""
        return self.runs[0].method

    @property
    def of_full(self) -> float | None:
        """Share of full fine-tuning's gain, over the seeds that both have; None if full fine-tuning gained nothing."""
        seeds = {one.seed for one in self.full}
        own = [one.gain for one in self.runs if one.seed in seeds]
        whole = sum(one.gain for one in self.full)
        return sum(own) / whole if own and whole > 0 else None

    @property
    def lost(self) -> float:
        """Largest loss of another task, averaged over the runs."""
        return statistics.fmean(one.lost for one in self.runs)

    @property
    def minutes(self) -> float:
        """Processor minutes of the slowest run."""
        return max(one.cpu_minutes for one in self.runs)

    def missed(self) -> list[str] | None:
        """The missed targets, in words; None if there is no full fine-tuning to compare with."""
        if self.of_full is None:
            return None
        goals = {
            f"{self.of_full:.0%} of the gain": self.of_full >= SHARE_OF_GAIN,
            f"{self.runs[0].share:.1%} trained": self.runs[0].share <= SHARE_LEARNED,
            f"{self.lost:.2f} dB lost": self.lost <= MAX_LOST,
            f"{self.minutes:.0f} minutes": self.minutes < MAX_MINUTES,
        }
        return [said for said, reached in goals.items() if not reached]


def keep(folder: Path) -> None:
    """Copies the results of the runs in ``folder`` into the repository.

    Raises:
        DataError: there are none.
    """
    found = sorted(folder.glob("*/*/result.json"))
    if not found:
        raise DataError(f"no results in {folder}; run there first: python -m benchmarks.adaptation --without SENSOR")
    for path in found:
        to = KEPT / path.parts[-3] / f"{path.parts[-2]}.json"
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_bytes(path.read_bytes())


def kept() -> list[Result]:
    """The results in the repository.

    Raises:
        DataError: the results of one sensor have different bases or budgets.
    """
    found = [read_result(path) for path in sorted(KEPT.glob("*/*.json"))]
    for sensor in {one.sensor for one in found}:
        settings = {(one.base_sha256[:12], one.most_steps) for one in found if one.sensor == sensor}
        if len(settings) > 1:
            raise DataError(f"{KEPT / sensor} mixes bases or steps: {sorted(settings)}; keep the results of one")
    return found


def write_pages() -> Path:
    """Writes the page, and the last section of the page on tuning; returns the path of the first.

    Raises:
        DataError: there are no results, or they cannot be compared.
    """
    results = kept()
    if not results:
        raise DataError(f"no results in {KEPT}; run first: python -m benchmarks.adaptation --without SENSOR")
    PAGE.write_text(page(results))
    text, heading, _ = TUNING.read_text().partition(f"{SECTION}\n")
    if not heading:
        raise DataError(f"{TUNING} has no section {SECTION!r} to write")
    TUNING.write_text("\n".join([text + SECTION, "", *section(results), ""]))
    return PAGE


def rows_of(results: Sequence[Result]) -> list[Row]:
    """Runs of one sensor, task and number of pairs, grouped by method in the order of ``METHODS``."""
    rows = []
    for method in METHODS:
        runs = tuple(one for one in results if one.method == method)
        seeds = {one.seed for one in runs}
        if runs:
            rows.append(Row(runs, tuple(one for one in results if one.method == "full" and one.seed in seeds)))
    return rows


def grouped(results: Iterable[Result], key: Callable[[Result], Any]) -> dict[Any, list[Result]]:
    """Results grouped by ``key``, in order of the keys."""
    found: dict[Any, list[Result]] = {}
    for one in sorted(results, key=key):
        found.setdefault(key(one), []).append(one)
    return found


def page(results: Sequence[Result]) -> str:
    """The text of the page."""
    parts = [
        "# Adapting to a new sensor",
        "",
        paragraph(
            "This page compares the fine-tuning methods of `llars tune`. Base weights are trained for a short time "
            "without one sensor and are then adapted to that sensor. The training pairs are images of that sensor, "
            f"{SIDE} x {SIDE} pixels in size, with one simulated degradation. The test images come from other places, "
            "which were not used to train the base, to tune it or for early stopping. *Gain* is the improvement over "
            "the unadapted base (zero-shot). *Lost* is the largest decrease in any of the other tasks, on held-out "
            "patches of the sensors on which the base was trained. *On faults* is the same without equalize and "
            "stretch, whose results are exact up to rounding. *Same task, other sensors* is the decrease in the task "
            "of the pairs itself on those sensors: an adapter is made for one sensor, and is meant for it alone. All "
            "are in dB of PSNR. Minutes are processor time of one thread."
        ),
        "",
        "This page is generated by `python -m benchmarks.adaptation --report`; `make adaptation` runs all steps.",
        "",
        paragraph(
            f"The target is at least {SHARE_OF_GAIN:.0%} of the gain of full fine-tuning, with at most "
            f"{SHARE_LEARNED:.0%} of the parameters trained, at most {MAX_LOST:g} dB lost in the other tasks and "
            f"less than {MAX_MINUTES:g} minutes. The share of the gain is computed over the seeds that both methods "
            "have in common."
        ),
        "",
        *(f"- {line}" for line in summary(results)),
        "",
    ]
    for alike in grouped(results, lambda one: (one.sensor, one.task)).values():
        parts += [*head(alike[0]), ""]
        for pairs, same in grouped(alike, lambda one: one.pairs).items():
            parts += [f"### {one_of(same)}, {pairs} pairs", "", *table(rows_of(same)), ""]
    return "\n".join(parts).rstrip() + "\n"


def one_of(same: Sequence[Result]) -> str:
    """Sensor and task that results have in common."""
    return f"{same[0].sensor}, {same[0].task}"


def head(one: Result) -> list[str]:
    """Heading and description of the experiment with a sensor and a task."""
    anew = (
        " The base has barely learned to correct this degradation, so the figures reflect learning from scratch more "
        "than adaptation."
        if one.before - one.given < HARDLY
        else ""
    )
    fault = ", followed by ".join(f"`{name}` with severity {severity:g}" for name, severity in FAULTS[one.task])
    return [
        f"## {one.sensor}, {one.task}",
        "",
        paragraph(
            f"The base (SHA-256 {one.base_sha256[:12]}) was trained for {one.base_minutes:g} processor minutes "
            f"({one.base_steps:,} steps). The degradation is {fault}. Pairs are drawn from up to {one.places} places. "
            f"The mean PSNR of the {one.test_images} test images is {one.given:.2f} dB for the "
            f"[initial estimate](concepts/initial-estimates.md), which is the input to the network, and "
            f"{one.before:.2f} dB after restoration with the base.{anew} Tuning ran for at most {one.most_steps} steps "
            "with default settings otherwise. Where there are several runs, the mean is followed by the standard "
            "deviation."
        ),
    ]


def table(rows: Sequence[Row]) -> list[str]:
    """Table of the methods with their costs and gains."""
    lines = [
        "| method | runs | trained parameters | share of the base | kB | minutes | gain | share of full's gain "
        "| lost | on faults | same task, other sensors | targets |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for row in rows:
        one, missed = row.runs[0], row.missed()
        verdict = "not compared" if missed is None else f"missed: {', '.join(missed)}" if missed else "met"
        cells = [
            f"{one.method}{f', rank {one.rank}' if one.rank else ''}",
            str(len(row.runs)),
            f"{one.parameters:,}",
            f"{one.share:.2%}",
            f"{one.size / 1000:,.0f}",
            spread([run.cpu_minutes for run in row.runs], ".1f"),
            spread([run.gain for run in row.runs], "+.2f"),
            "-" if row.of_full is None else f"{row.of_full:.0%}",
            spread([run.lost for run in row.runs], ".2f"),
            spread([run.lost_on_faults for run in row.runs], ".2f"),
            spread([run.lost_elsewhere for run in row.runs], ".2f"),
            verdict,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def spread(values: Sequence[float], form: str) -> str:
    """Mean, with the standard deviation if there are several values."""
    mean = format(statistics.fmean(values), form)
    return mean if len(values) == 1 else f"{mean} ± {format(statistics.stdev(values), form.lstrip('+'))}"


def summary(results: Sequence[Result]) -> list[str]:
    """One sentence for every sensor, task and number of pairs: whether the target is met, and by which methods."""
    return [
        f"`{sensor}`, `{task}`, {pairs} pairs: {verdict(rows_of(same))}."
        for (sensor, task, pairs), same in grouped(results, lambda one: (one.sensor, one.task, one.pairs)).items()
    ]


def verdict(rows: Sequence[Row]) -> str:
    """The methods that meet all targets, or the one nearest in gain if none does."""
    compared = [row for row in rows if row.method != "full" and row.of_full is not None]
    if not compared:
        return "full fine-tuning gained nothing, or was not run"
    full = statistics.fmean(one.gain for row in rows if row.method == "full" for one in row.runs)
    means = f"full fine-tuning gains {full:+.2f} dB"
    if met := [row for row in compared if not row.missed()]:
        shares = ", ".join(f"`{row.method}` ({row.of_full:.0%} of it, {row.runs[0].share:.2%} trained)" for row in met)
        return f"{means}; the target is met by {shares}"
    small = [row for row in compared if row.runs[0].share <= SHARE_LEARNED] or compared
    best = max(small, key=lambda row: row.of_full or 0.0)
    return f"{means}; the target is missed, the closest method is `{best.method}`: {', '.join(best.missed() or [])}"


def section(results: Sequence[Result]) -> list[str]:
    """The last section of the page on tuning."""
    sensors = sorted({one.sensor for one in results})
    return [
        paragraph(
            f"Base weights trained without {' or '.join(f'`{name}`' for name in sensors)} were adapted to that sensor "
            f"in {len(results)} runs. [The tables](adaptation.md) compare the methods and describe the conditions of "
            f"the runs. {' '.join(summary(results))}"
        ),
    ]
