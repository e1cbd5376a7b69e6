"""The tables of an evaluation, for people (Markdown) and for programs (JSON), and its pictures."""

from __future__ import annotations

import json
import math
import re
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from llars.bench.protocols import SOURCES, Target, Trial
from llars.bench.result import DEGRADED, OURS, Evaluation, Score
from llars.bench.rivals import rivals_of
from llars.bench.targets import Verdict, best_rival, data_set_means, judge, overall, rivals_in
from llars.errors import OutputError
from llars.tasks import TONES, get_task

if TYPE_CHECKING:
    from llars.weights.registry import WeightsInfo

__all__ = ["render", "slug", "write_report"]

COLUMNS = {
    "psnr": "PSNR (dB)",
    "ssim": "SSIM",
    "sam": "SAM (°)",
    "ergas": "ERGAS",
    "mae_under": "MAE under clouds",
    "enl": "looks",
    "mean_shift": "mean moved",
}
"""Metrics of the tables, where they apply; the JSON has all of them."""

DIGITS = {"psnr": 2, "ssim": 4, "sam": 2, "ergas": 2, "mae_under": 4, "enl": 1, "mean_shift": 4}


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
        for trial, panel in evaluation.panels.items():
            pictures[trial] = f"pictures/{slug(trial)}.png"
            write_picture(panel, best_rival(evaluation.scores, trial), folder / pictures[trial])
        header = _header(weights, command)
        verdicts = [judge(target, evaluation.scores) for target in evaluation.protocol.targets]
        document = {
            **header,
            "protocol": asdict(evaluation.protocol),
            "targets": [{**asdict(v.target), "figure": v.figure, "met": v.met} for v in verdicts],
            "notes": evaluation.notes,
            # Without the seconds: whoever repeats this shall get the same file.
            "scores": [{k: v for k, v in asdict(s).items() if k != "seconds"} for s in evaluation.scores],
        }
        (folder / "results.json").write_text(json.dumps(_plain(document), indent=1) + "\n", encoding="utf-8")
        path = folder / "results.md"
        path.write_text(render(evaluation, header, pictures, verdicts), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"cannot write the report to {folder}: {error.strerror}; give another folder") from error
    return path


def slug(name: str) -> str:
    """The name of a trial as that of a file."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def render(
    evaluation: Evaluation, header: dict[str, str], pictures: dict[str, str], verdicts: Sequence[Verdict]
) -> str:
    """The Markdown page."""
    scores, protocol = evaluation.scores, evaluation.protocol
    trials = [trial for trial in protocol.trials if any(score.trial == trial.name for score in scores)]
    scenes = dict.fromkeys(score.scene for score in scores)
    lines = [
        "# Results",
        "",
        "Real scenes that training never saw, degraded in a known way and restored with a plain instruction in words.",
        "A classical rival is told what llars has to find out: the noise level, the kernel.",
        f"Scenes are cut to their central {protocol.crop} x {protocol.crop} pixels.",
        "PSNR and SSIM are of unit values with a peak of 1; ERGAS is divided by the ratio of the grids.",
        "A data set is a sensor at one place, and means over data sets give each the same weight.",
        "The best rival is the one of the highest mean PSNR among those that could work on every data set.",
        "",
        *(f"- {name}: {value}" for name, value in header.items()),
        f"- seed: {protocol.seed}",
        f"- scenes: {', '.join(scenes)}",
        "",
        "## Means over data sets",
        "",
        *_summary(scores, trials),
    ]
    if verdicts:
        lines += ["", "## Targets", "", *_targets(verdicts), *_missed(verdicts, pictures)]
    for trial in trials:
        lines += ["", f"## {trial.name}: {get_task(trial.task).title}", "", _description(trial), ""]
        lines += [evaluation.notes[trial.name], ""] if trial.name in evaluation.notes else []
        lines += [*_methods(scores, trial.name), "", *_details(scores, trial.name)]
        if trial.name in pictures:
            lines += ["", f"![{trial.name}]({pictures[trial.name]})"]
    return "\n".join(lines) + "\n"


def _summary(scores: Sequence[Score], trials: Sequence[Trial]) -> list[str]:
    """One row per trial: PSNR before, of the best rival and of ours, and ours in the other metrics."""
    rest = ("ssim", "sam", "ergas")
    head = ["trial", "degraded", "best rival", "", OURS, "gain", "over the rival", *(COLUMNS[one] for one in rest)]
    rows = []
    for trial in trials:
        best = best_rival(scores, trial.name)
        mean = {m: overall(scores, trial.name, m, "psnr") for m in (DEGRADED, best, OURS) if m}
        theirs = mean.get(best or "", math.nan)
        gains = [_number(mean[OURS] - mean[DEGRADED], 2, "+"), _number(mean[OURS] - theirs, 2, "+")]
        values = [_number(overall(scores, trial.name, OURS, one), DIGITS[one]) for one in rest]
        row = [trial.name, _number(mean[DEGRADED]), best or "", _number(theirs), _number(mean[OURS]), *gains, *values]
        rows.append([f"**{cell}**" if cell and theirs > mean[OURS] else cell for cell in row])
    note = "PSNR in dB, the last columns of llars; a row in bold is one that a rival wins."
    return [note, "", *_table(head, rows)]


def _targets(verdicts: Sequence[Verdict]) -> list[str]:
    rows = []
    for verdict in verdicts:
        target = verdict.target
        met = {True: "met", False: "missed", None: "not measured"}[verdict.met]
        rows.append([", ".join(target.trials), _aim(target), _needed(target), _figure(verdict), met])
    return _table(["trials", "figure", "target", "measured", ""], rows)


def _missed(verdicts: Sequence[Verdict], pictures: dict[str, str]) -> list[str]:
    """One item per target that is missed: the figure, what is believed to be missing, and the picture."""
    lines = []
    for verdict in verdicts:
        target = verdict.target
        if verdict.met is False:
            shown = [f"[{trial}]({pictures[trial]})" for trial in target.trials if trial in pictures]
            lines.append(
                f"- **{', '.join(target.trials)}**: {_aim(target)} is {_figure(verdict)}, {_needed(target)} was asked."
                + (f" {target.lacking}" if target.lacking else "")
                + (f" Pictures: {', '.join(shown)}." if shown else "")
            )
    return ["", "### What is missed, and what is believed to be missing", "", *lines] if lines else []


def _needed(target: Target) -> str:
    return f"at least {target.least:g}" if target.least is not None else f"at most {target.most:g}"


def _figure(verdict: Verdict) -> str:
    return _number(verdict.figure, 3 if verdict.target.ratio or verdict.target.metric == "mean_shift" else 2)


def _aim(target: Target) -> str:
    what = f"{COLUMNS.get(target.metric, target.metric)} of {target.method}"
    if not target.than:
        return what
    where = f" in {target.of}" if target.of else ""
    best = f"the best of {', '.join(target.than)}" if len(target.than) > 1 else target.than[0]
    return f"{what} {'over' if target.ratio else 'less'} that of {best}{where}"


def _methods(scores: Sequence[Score], trial: str) -> list[str]:
    """Every method's means over data sets; on how many, where it could not work on all."""
    methods = list(dict.fromkeys(score.method for score in scores if score.trial == trial))
    places = {
        m: len({score.data_set for score in scores if (score.trial, score.method) == (trial, m)}) for m in methods
    }
    most = max(places.values())
    titles = {m: m if places[m] == most else f"{m}, on {places[m]} of {most} data sets" for m in methods}
    means = {m: {c: overall(scores, trial, m, c) for c in COLUMNS} for m in methods}
    shown = [c for c in COLUMNS if any(not math.isnan(means[m][c]) for m in methods)]
    rows = [[titles[m], *(_number(means[m][c], DIGITS[c]) for c in shown)] for m in methods]
    return _table(["method", *(COLUMNS[c] for c in shown)], rows)


def _details(scores: Sequence[Score], trial: str) -> list[str]:
    """PSNR on each data set: degraded, the classical rivals, llars."""
    best = best_rival(scores, trial)
    columns = {m: data_set_means(scores, trial, m, "psnr") for m in (DEGRADED, *rivals_in(scores, trial), OURS)}
    head = ["PSNR (dB) by data set", "scenes", *columns, "gain", f"over {best or 'the rival'}"]
    rows = []
    for data_set in columns[DEGRADED]:
        count = len({score.scene for score in scores if score.trial == trial and score.data_set == data_set})
        row = {name: column.get(data_set, math.nan) for name, column in columns.items()}
        rows.append([data_set, str(count), *_compared(row, best)])
    means = {name: fmean(column.values()) if column else math.nan for name, column in columns.items()}
    rows.append(["**mean**", "", *_compared(means, best)])
    return _table(head, rows)


def _compared(row: Mapping[str, float], best: str | None) -> list[str]:
    ours = row[OURS]
    over = ours - row[best] if best else math.nan
    return [*(_number(value) for value in row.values()), _number(ours - row[DEGRADED], 2, "+"), _number(over, 2, "+")]


def _description(trial: Trial) -> str:
    severity = f" of severity {trial.severity:g}"
    if trial.scale > 1:
        how = "Seen through a sensor's modulation transfer" if trial.task == "pansharpen" else "Area means"
        fault = f"{how}, on a grid {trial.scale} times coarser; degraded is their bicubic enlargement"
    elif trial.untouched:
        fault = "Nothing is wrong with the image, which is the truth"
    elif trial.task in TONES:
        fault = f"The truth is what `{trial.degradation}`{severity} makes of the image"
    elif trial.degradation:
        fault = f"`{trial.degradation}`{severity}"
    else:
        fault = "Real faults"
    source = f"On {SOURCES[trial.source]}"
    beneath = [f"`{trial.beneath}`{severity} lies beneath, in the truth too"] if trial.beneath else []
    told = dict.fromkeys(rival.known for rival in rivals_of(trial) if rival.known)
    known = [f"Rivals may be told the {' and the '.join(told)}"] if told else []
    return ". ".join([source, fault, *beneath, f"The instruction: *{trial.instruction}*", *known]) + "."


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    rule = ["---" if column == 0 else "--:" for column in range(len(head))]
    return [f"| {' | '.join(row)} |" for row in (head, rule, *rows)]


def _number(value: float, digits: int = 2, sign: str = "") -> str:
    """Empty where there is none, and for differences to what is perfect."""
    if math.isnan(value) or (sign and math.isinf(value)):
        return ""
    return "∞" if math.isinf(value) else f"{value:{sign}.{digits}f}"


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
