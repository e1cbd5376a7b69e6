"""The tables of an evaluation, for people (Markdown) and for programs (JSON), and its pictures."""

from __future__ import annotations

import json
import math
import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from llars.bench.protocols import Target, Trial
from llars.bench.result import DEGRADED, OURS, Evaluation, Score
from llars.bench.sections import (
    COLUMNS,
    DIGITS,
    describe,
    finer_grids,
    number,
    other_bands,
    scores_by_data_set,
    scores_by_method,
    table,
)
from llars.bench.targets import Verdict, best_rival, headline, judge, overall
from llars.errors import OutputError
from llars.tasks import get_task

if TYPE_CHECKING:
    from llars.weights.registry import WeightsInfo

__all__ = ["render", "slug", "write_report"]

IN_SUMMARY = ("ssim", "sam", "ergas", "q2n", "scc", "mae", "rmse", "colour_error")
"""Further metrics in the table of all trials, for llars only, if the protocol shows them."""

MAX_NAMED = 100
"""Largest number of scenes that are listed by name; of more only the number is given."""


def write_report(evaluation: Evaluation, folder: Path, weights: WeightsInfo | None = None, command: str = "") -> Path:
    """Write ``results.md``, ``results.json`` and ``pictures/*.png`` to a folder; returns the path of ``results.md``.

    Args:
        evaluation: the results of the evaluation.
        folder: created if missing; files of the same names are replaced.
        weights: metadata of the weights file; None if only rivals were measured.
        command: command that repeats the evaluation, for the header.

    Raises:
        OutputError: the folder cannot be written.
    """
    from llars.bench.pictures import write_picture
    from llars.bench.spectra import compared, write_spectra

    pictures = {}
    try:
        (folder / "pictures").mkdir(parents=True, exist_ok=True)
        for trial, panel in evaluation.panels.items():
            pictures[trial] = f"pictures/{slug(trial)}.png"
            best = best_rival(evaluation.scores, trial)
            write_picture(panel, best, folder / pictures[trial])
            if panel.case.trial.scale > 1:
                pictures[f"spectra of {trial}"] = f"pictures/spectra-{slug(trial)}.png"
                write_spectra(compared(panel, best), panel.case.trial.scale, folder / pictures[f"spectra of {trial}"])
        header = _header(weights, command)
        verdicts = [judge(target, evaluation.scores) for target in evaluation.protocol.targets]
        document = {
            **header,
            "protocol": asdict(evaluation.protocol),
            "targets": [{**asdict(v.target), "figure": v.figure, "met": v.met} for v in verdicts],
            "notes": evaluation.notes,
            # Without the seconds, so that repeating the evaluation gives the same file.
            "scores": [{k: v for k, v in asdict(s).items() if k != "seconds"} for s in evaluation.scores],
        }
        (folder / "results.json").write_text(json.dumps(_plain(document), indent=1) + "\n", encoding="utf-8")
        path = folder / "results.md"
        path.write_text(render(evaluation, header, pictures, verdicts), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"cannot write the report to {folder}: {error.strerror}; give another folder") from error
    return path


def slug(name: str) -> str:
    """The name of a trial as a file name."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def render(
    evaluation: Evaluation, header: dict[str, str], pictures: dict[str, str], verdicts: Sequence[Verdict]
) -> str:
    """The Markdown page."""
    scores, protocol = evaluation.scores, evaluation.protocol
    trials = [trial for trial in protocol.trials if any(score.trial == trial.name for score in scores)]
    scenes = dict.fromkeys(score.scene for score in scores)
    lines = [
        f"# {protocol.title}",
        "",
        *([protocol.about.strip(), ""] if protocol.about else []),
        "Rivals are classical methods. They are given parameters that llars has to estimate, such as the noise level",
        "or the blur kernel.",
        *([f"Scenes are cropped to their central {protocol.crop} x {protocol.crop} pixels."] if protocol.crop else []),
        "PSNR and SSIM are computed on unit values with a peak of 1; ERGAS is divided by the ratio of the grids.",
        "A data set is one sensor at one place; means over data sets give each data set the same weight.",
        "The best rival is the one with the best mean PSNR among those that could be applied to every data set.",
        "",
        *(f"- {name}: {value}" for name, value in header.items()),
        f"- seed: {protocol.seed}",
        f"- scenes: {', '.join(scenes) if len(scenes) <= MAX_NAMED else len(scenes)}",
        "",
        "## Means over data sets",
        "",
        *_summary(scores, trials, protocol.columns),
        *finer_grids(scores, trials),
        *other_bands(scores, trials),
    ]
    if verdicts:
        lines += ["", "## Targets", "", *_targets(verdicts), *_missed(verdicts, pictures)]
    if left_out := {name: note for name, note in evaluation.notes.items() if name not in {one.name for one in trials}}:
        lines += ["", "## Not measured", "", *(f"- **{name}**: {note}" for name, note in left_out.items())]
    for trial in trials:
        lines += ["", f"## {trial.name}: {get_task(trial.task).title}", "", describe(trial), ""]
        lines += [evaluation.notes[trial.name], ""] if trial.name in evaluation.notes else []
        lines += [*scores_by_method(scores, trial.name, protocol.columns), "", *scores_by_data_set(scores, trial.name)]
        for kind in ("", "spectra of "):
            if (name := kind + trial.name) in pictures:
                lines += ["", f"![{name}]({pictures[name]})"]
    return "\n".join(lines) + "\n"


def _summary(scores: Sequence[Score], trials: Sequence[Trial], columns: Sequence[str]) -> list[str]:
    """One row per trial with a truth: PSNR of the input, the best rival and llars, and the other metrics of llars."""
    rest = [name for name in IN_SUMMARY if name in columns]
    head = ["trial", "degraded", "best rival", "", OURS, "gain", "over best rival", *(COLUMNS[one] for one in rest)]
    rows = []
    for trial in (trial for trial in trials if headline(scores, trial.name) == "psnr"):
        best = best_rival(scores, trial.name)
        mean = {m: overall(scores, trial.name, m, "psnr") for m in (DEGRADED, best, OURS) if m}
        theirs = mean.get(best or "", math.nan)
        gains = [number(mean[OURS] - mean[DEGRADED], 2, "+"), number(mean[OURS] - theirs, 2, "+")]
        values = [number(overall(scores, trial.name, OURS, one), DIGITS.get(one, 4)) for one in rest]
        row = [trial.name, number(mean[DEGRADED]), best or "", number(theirs), number(mean[OURS]), *gains, *values]
        rows.append([f"**{cell}**" if cell and theirs > mean[OURS] else cell for cell in row])
    note = "PSNR in dB; the last columns are further metrics of llars. In rows in bold, a rival is better than llars."
    return [note, "", *table(head, rows)]


def _targets(verdicts: Sequence[Verdict]) -> list[str]:
    rows = []
    for verdict in verdicts:
        target = verdict.target
        met = {True: "met", False: "missed", None: "not measured"}[verdict.met]
        rows.append([", ".join(target.trials), _aim(target), _needed(target), _figure(verdict), met])
    return table(["trials", "quantity", "target", "measured", "result"], rows)


def _missed(verdicts: Sequence[Verdict], pictures: dict[str, str]) -> list[str]:
    """One item per missed target: the figure, the likely causes, and the pictures."""
    lines = []
    for verdict in verdicts:
        target = verdict.target
        if verdict.met is False:
            shown = [f"[{trial}]({pictures[trial]})" for trial in target.trials if trial in pictures]
            lines.append(
                f"- **{', '.join(target.trials)}**: {_aim(target)} is {_figure(verdict)}; "
                f"the target is {_needed(target)}."
                + (f" {target.lacking}" if target.lacking else "")
                + (f" Pictures: {', '.join(shown)}." if shown else "")
            )
    return ["", "### Missed targets and likely causes", "", *lines] if lines else []


def _needed(target: Target) -> str:
    return f"at least {target.least:g}" if target.least is not None else f"at most {target.most:g}"


def _figure(verdict: Verdict) -> str:
    return number(verdict.figure, 3 if verdict.target.ratio or verdict.target.metric == "mean_shift" else 2)


def _aim(target: Target) -> str:
    what = f"{COLUMNS.get(target.metric, target.metric)} of {target.method}"
    if not target.than:
        return what
    where = f" in {target.of}" if target.of else ""
    best = f"the best of {', '.join(target.than)}" if len(target.than) > 1 else target.than[0]
    return f"{what} {'divided by' if target.ratio else 'minus'} that of {best}{where}"


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
    """The value for JSON: NaN and infinity, which JSON lacks, become null; other floats are rounded to 6 digits."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return round(value, 6) if isinstance(value, float) else value
