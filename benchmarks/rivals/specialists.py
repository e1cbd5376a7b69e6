"""One model against specialists of the same architecture, each trained on a single task."""

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
"""Name of the folder of their results in the folder of the contest."""

PART, WHOLE = "part", "whole"
"""Names of their two budgets: an equal part of the time that the one model had for all tasks, or all of it for each."""


def specialise(contest: Contest, corpus: Path, run: Path, cpu_minutes: float, tasks: Sequence[str] = TASKS) -> None:
    """Trains and scores the specialists that have no result yet.

    Args:
        contest: the contest of the one model, which is llars-small with the budget of equal time.
        corpus: folder that ``llars data build`` wrote.
        run: folder of the contest.
        cpu_minutes: processor time that the one model had.
        tasks: tasks that get a specialist.

    Raises:
        ConfigError: the folder holds another contest, or results of another budget.
        DataError: the corpus lacks a split.
    """
    contest.keep(run)
    fields = {task: Field(contest, corpus, {task: 1.0}) for task in tasks}
    for name, minutes in ((PART, cpu_minutes / len(TASKS)), (WHOLE, cpu_minutes)):
        for task, field in fields.items():
            enter(field, LLARS, run / SPECIALISTS / name / task, {"cpu_minutes": minutes})


def trained(run: Path) -> dict[str, dict[str, Any]]:
    """The existing results by budget, then by task."""
    files = {(name, task): run / SPECIALISTS / name / task / "result.json" for name in (PART, WHOLE) for task in TASKS}
    found: dict[str, dict[str, Any]] = {PART: {}, WHOLE: {}}
    for (name, task), file in files.items():
        if file.exists():
            found[name][task] = read_json(file)
    return found


def lines(run: Path) -> Iterable[str]:
    """The lines of the section of the report; none before a specialist was trained."""
    found, one = trained(run), results(run, TIME).get(LLARS)
    if one is None or not any(found.values()):
        return
    minutes = one["budget"]["cpu_minutes"]
    yield ""
    yield f"## One model compared with {len(TASKS)} specialists"
    yield ""
    yield (
        f"The single model is {LLARS} from the table of equal processor time: {minutes:g} minutes for all tasks. Each "
        f"specialist is the same network, trained on one task only. It is trained for {minutes / len(TASKS):.3g} "
        f"minutes, so that the specialists together have the training time of the single model, and for {minutes:g} "
        f"minutes, which is {len(TASKS)} times as much in total."
    )
    yield ""
    yield f"| PSNR (dB) | {START} | single model | specialist, equal share of the time | specialist, full time |"
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
