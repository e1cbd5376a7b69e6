"""One model against eleven specialists: the same architecture, each trained alone on one task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.rivals.contest import TIME, Contest, Field, enter, read_json, results
from benchmarks.rivals.sizes import LLARS
from benchmarks.rivals.standing import START, mean, means
from llars.data.validation import TASKS

__all__ = ["PART", "SPECIALISTS", "WHOLE", "lines", "specialise", "trained"]

SPECIALISTS = "specialists"
"""Folder of their results in that of the contest."""

PART, WHOLE = "part", "whole"
"""Names of their two budgets: an equal part each of the time that one model had for all tasks, and all of it each."""


def specialise(contest: Contest, corpus: Path, run: Path, cpu_minutes: float, tasks: Sequence[str] = TASKS) -> None:
    """Trains and scores the specialists that have no result yet.

    Args:
        contest: as for the one model, which is llars-small of the same time.
        corpus: folder that ``llars data build`` wrote.
        run: folder of the contest.
        cpu_minutes: processor time that the one model had.
        tasks: of which there is to be a specialist.

    Raises:
        ConfigError: another contest, or another budget, is kept there.
        DataError: the corpus lacks a split.
    """
    contest.keep(run)
    fields = {task: Field(contest, corpus, {task: 1.0}) for task in tasks}
    for name, minutes in ((PART, cpu_minutes / len(TASKS)), (WHOLE, cpu_minutes)):
        for task, field in fields.items():
            enter(field, LLARS, run / SPECIALISTS / name / task, {"cpu_minutes": minutes})


def trained(run: Path) -> dict[str, dict[str, Any]]:
    """The results that are there: by budget, then by task."""
    files = {(name, task): run / SPECIALISTS / name / task / "result.json" for name in (PART, WHOLE) for task in TASKS}
    found: dict[str, dict[str, Any]] = {PART: {}, WHOLE: {}}
    for (name, task), file in files.items():
        if file.exists():
            found[name][task] = read_json(file)
    return found


def lines(run: Path) -> Iterable[str]:
    """The section of the report; nothing before a specialist was trained."""
    found, one = trained(run), results(run, TIME).get(LLARS)
    if one is None or not any(found.values()):
        return
    minutes = one["budget"]["cpu_minutes"]
    yield ""
    yield f"## One model and {len(TASKS)} specialists"
    yield ""
    yield (
        f"The one model is {LLARS} of the table of the same time: {minutes:g} minutes for all tasks. Every specialist "
        f"is the same network, trained on one task alone: for {minutes / len(TASKS):.3g} minutes, so that all of them "
        f"together had the time of the one, and for {minutes:g} minutes each, which is {len(TASKS)} times as much."
    )
    yield ""
    yield f"| PSNR (dB) | {START} | one model | specialist, an equal part | specialist, the whole time |"
    yield "| --- | --: | --: | --: | --: |"
    columns = [means(one["rows"], "given", True), means(one["rows"], "restored", True)]
    columns += [_by_task(found[name]) for name in (PART, WHOLE)]
    for task in (task for task in TASKS if any(task in column for column in columns[2:])):
        yield _row(task, [column.get(task) for column in columns])
    common = [task for task in TASKS if all(task in column for column in columns)]
    if common:
        yield _row("mean", [mean([column[task] for task in common]) for column in columns])
    yield ""


def _by_task(found: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    return {task: means(result["rows"], "restored", True)[task] for task, result in found.items()}


def _row(name: str, values: Sequence[float | None]) -> str:
    cells = ["" if value is None else f"{value:.2f}" for value in values]
    return f"| {' | '.join([name, *cells])} |"
