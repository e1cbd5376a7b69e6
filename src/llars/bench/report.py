"""The tables of an evaluation, for people (Markdown) and for programs (JSON), and its pictures."""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from llars.bench.classical import RIVALS
from llars.bench.protocols import Trial
from llars.bench.result import DEGRADED, OURS, Evaluation, Score
from llars.errors import OutputError
from llars.tasks import get_task

if TYPE_CHECKING:
    from llars.weights.registry import WeightsInfo

__all__ = ["best_rival", "data_set_means", "overall", "render", "write_report"]

COLUMNS = {"psnr": "PSNR (dB)", "ssim": "SSIM", "sam": "SAM (°)", "ergas": "ERGAS"}
"""Metrics of the summary; the JSON has all of them."""

DIGITS = {"psnr": 2, "ssim": 4, "sam": 2, "ergas": 2}


def data_set_means(scores: Iterable[Score], task: str, method: str, metric: str) -> dict[str, float]:
    """Mean over the scenes of each data set in which the metric applies, in the order of the scores."""
    found: dict[str, list[float]] = {}
    for score in scores:
        if score.task == task and score.method == method and metric in score.metrics:
            found.setdefault(score.data_set, []).append(score.metrics[metric])
    return {data_set: fmean(values) for data_set, values in found.items()}


def overall(scores: Iterable[Score], task: str, method: str, metric: str) -> float:
    """Mean over data sets, each of the same weight whatever its number of scenes; NaN where nothing was measured."""
    means = data_set_means(scores, task, method, metric)
    return fmean(means.values()) if means else math.nan


def best_rival(scores: Sequence[Score], task: str) -> str | None:
    """The classical method with the highest mean PSNR on the task; None where none was tried."""
    return max(_rivals(scores, task), key=lambda name: overall(scores, task, name, "psnr"), default=None)


def write_report(evaluation: Evaluation, folder: Path, weights: WeightsInfo | None = None, command: str = "") -> Path:
    """Write ``results.md``, ``results.json`` and ``pictures/*.png`` to a folder; the path of the first.

    Args:
        evaluation: what was measured.
        folder: made where missing; files of the same names are replaced.
        weights: what the weights file says of itself; None where only rivals were measured.
        command: how to measure it again, for the header.

    Raises:
        OutputError: the folder cannot be written.
    """
    from llars.bench.pictures import write_picture

    pictures = {}
    try:
        (folder / "pictures").mkdir(parents=True, exist_ok=True)
        for task, panel in evaluation.panels.items():
            pictures[task] = f"pictures/{task}.png"
            write_picture(panel, best_rival(evaluation.scores, task), folder / pictures[task])
        header = _header(weights, command)
        document = {**header, "protocol": asdict(evaluation.protocol), "scores": [asdict(s) for s in evaluation.scores]}
        (folder / "results.json").write_text(json.dumps(_plain(document), indent=1) + "\n", encoding="utf-8")
        path = folder / "results.md"
        path.write_text(render(evaluation, header, pictures), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"cannot write the report to {folder}: {error.strerror}; give another folder") from error
    return path


def render(evaluation: Evaluation, header: dict[str, str], pictures: dict[str, str]) -> str:
    """The Markdown page."""
    scores, protocol = evaluation.scores, evaluation.protocol
    trials = [trial for trial in protocol.trials if any(score.task == trial.task for score in scores)]
    scenes = dict.fromkeys(score.scene for score in scores)
    lines = [
        "# Results",
        "",
        "Real scenes that training never saw, degraded in a known way and restored with a plain instruction in words.",
        "A classical rival is told what llars has to find out: the noise level, the kernel.",
        f"Scenes are cut to their central {protocol.crop} x {protocol.crop} pixels.",
        "PSNR and SSIM are of unit values with a peak of 1.",
        "A data set is a sensor at one place, and means over data sets give each the same weight.",
        "",
        *(f"- {name}: {value}" for name, value in header.items()),
        f"- seed: {protocol.seed}",
        f"- scenes: {', '.join(scenes)}",
        "",
        "## Means over data sets",
        "",
        *_summary(scores, trials),
    ]
    for trial in trials:
        lines += ["", f"## {trial.task}: {get_task(trial.task).title}", "", _description(trial), ""]
        lines += _details(scores, trial)
        if trial.task in pictures:
            lines += ["", f"![{trial.task}]({pictures[trial.task]})"]
    return "\n".join(lines) + "\n"


def _summary(scores: Sequence[Score], trials: Sequence[Trial]) -> list[str]:
    head = ["task", "method", *COLUMNS.values(), "gain (dB)"]
    rows = []
    for trial in trials:
        before = overall(scores, trial.task, DEGRADED, "psnr")
        for method in dict.fromkeys(score.method for score in scores if score.task == trial.task):
            values = [_number(overall(scores, trial.task, method, metric), DIGITS[metric]) for metric in COLUMNS]
            gain = overall(scores, trial.task, method, "psnr") - before
            rows.append([trial.task, method, *values, "" if method == DEGRADED else f"{gain:+.2f}"])
    return _table(head, rows)


def _details(scores: Sequence[Score], trial: Trial) -> list[str]:
    """PSNR on each data set: degraded, the classical rivals, llars."""
    rivals, best = _rivals(scores, trial.task), best_rival(scores, trial.task)
    columns = {name: data_set_means(scores, trial.task, name, "psnr") for name in (DEGRADED, *rivals, OURS)}
    head = ["data set", "scenes", *columns, "gain", f"over {best or 'the rival'}"]
    rows = []
    for data_set in columns[DEGRADED]:
        count = len({score.scene for score in scores if score.task == trial.task and score.data_set == data_set})
        row = {name: column.get(data_set, math.nan) for name, column in columns.items()}
        rows.append([data_set, str(count), *_compared(row, best)])
    means = {name: fmean(column.values()) if column else math.nan for name, column in columns.items()}
    rows.append(["**mean**", "", *_compared(means, best)])
    return _table(head, rows)


def _compared(row: Mapping[str, float], best: str | None) -> list[str]:
    ours = row[OURS]
    over = ours - row[best] if best else math.nan
    return [*(_number(value) for value in row.values()), _number(ours - row[DEGRADED], 2, "+"), _number(over, 2, "+")]


def _rivals(scores: Sequence[Score], task: str) -> list[str]:
    methods = dict.fromkeys(score.method for score in scores if score.task == task)
    return [name for name in methods if name not in (DEGRADED, OURS)]


def _description(trial: Trial) -> str:
    if trial.scale > 1:
        fault = f"Area means on a grid {trial.scale} times coarser; degraded is their bicubic enlargement"
    else:
        fault = f"`{trial.degradation}` of severity {trial.severity:g}"
    told = dict.fromkeys(rival.known for rival in RIVALS.get(trial.task, ()) if rival.known)
    known = [f"The rivals are told the {' and the '.join(told)}"] if told else []
    return ". ".join([fault, f"The instruction: *{trial.instruction}*", *known, "PSNR in dB."])


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    rule = ["---" if column == 0 else "--:" for column in range(len(head))]
    return [f"| {' | '.join(row)} |" for row in (head, rule, *rows)]


def _number(value: float, digits: int = 2, sign: str = "") -> str:
    return "" if math.isnan(value) else f"{value:{sign}.{digits}f}"


def _header(weights: WeightsInfo | None, command: str) -> dict[str, str]:
    hashed = "none: rivals only" if weights is None else f"{weights.config.name}, SHA-256 {weights.sha256[:16]}"
    return {"weights": hashed, "commit": _commit(), "command": f"`{command}`"}


def _commit() -> str:
    run: Callable[..., str] = lambda *command: subprocess.run(  # noqa: E731
        command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True
    ).stdout.strip()
    try:
        changed = run("git", "status", "--porcelain", "--untracked-files=no", "--", ".")
        return run("git", "rev-parse", "--short=12", "HEAD") + (" with changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _plain(value: object) -> object:
    """For JSON, which has no infinity: that of equal images becomes null."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return round(value, 6) if isinstance(value, float) else value
