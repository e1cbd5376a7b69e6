"""The sections of a report: the tables of each trial, and llars on finer grids and with rearranged bands."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

from llars.bench.protocols import OURS_FEW, OURS_SHUFFLED, OURS_UNPROJECTED, SOURCES, Trial
from llars.bench.result import DEGRADED, OURS, Score
from llars.bench.rivals import rivals_of
from llars.bench.targets import best_rival, data_set_means, headline, overall, rivals_in
from llars.tasks import TONES

__all__ = [
    "COLUMNS",
    "DIGITS",
    "describe",
    "finer_grids",
    "number",
    "other_bands",
    "scores_by_data_set",
    "scores_by_method",
    "table",
]

COLUMNS = {
    "psnr": "PSNR (dB)",
    "ssim": "SSIM",
    "ms_ssim": "MS-SSIM",
    "sam": "SAM (°)",
    "ergas": "ERGAS",
    "q2n": "Q2n",
    "scc": "SCC",
    "uiqi": "UIQI",
    "mae": "MAE",
    "rmse": "RMSE",
    "colour_error": "ΔE00",
    "edge_preservation": "edge preservation",
    "mae_under": "MAE under clouds",
    "enl": "ENL",
    "mean_shift": "mean shift",
    "hqnr": "HQNR",
    "qnr": "QNR",
    "d_lambda_k": "Dλ (Khan)",
    "d_lambda": "Dλ",
    "d_s": "Ds",
    "drift": "drift",
    "below": "detail below (dB)",
    "beyond": "detail beyond (dB)",
}
"""Metrics of the tables with their headings; the JSON has all metrics."""

DIGITS = {
    **dict.fromkeys(("psnr", "sam", "ergas", "colour_error", "below", "beyond"), 2),
    **dict.fromkeys(("enl",), 1),
    **dict.fromkeys(("drift",), 5),
}
"""Decimals of a metric; four for all others."""

FINER = ("hqnr", "qnr", "d_lambda_k", "d_lambda", "d_s", "drift", "below", "beyond")
"""Metrics that every protocol shows for finer grids."""

ABOUT_FINER = (
    "HQNR, QNR and their factors need a PAN band but no reference. The best value of HQNR and QNR is 1, that of the "
    "factors 0. In trials without a reference, the best rival is the one with the best HQNR or, where HQNR is not "
    "defined, with the lowest drift. "
    "*Drift* is the root mean square difference, in unit values, between the means of the result over the input's "
    "pixels and the input. The projection of `sr` makes it 0. So does that of `pansharpen`, unless a blur explains the "
    "pair better than area means do: in this case, the result is made consistent with that blur, and the area means "
    "drift. "
    "*Detail* is the power of the profiles along rows and columns, in dB relative to the reference or, where there is "
    "none, to the bicubic enlargement. *Below* refers to the upper half of the frequencies below the Nyquist limit of "
    "the input's grid, *beyond* to the frequencies above this limit. HQNR and QNR reward results that change nothing, "
    "and detail beyond the limit may be invented. Without a reference, none of these metrics shows whether the detail "
    "on a finer grid is correct."
)


def finer_grids(scores: Sequence[Score], trials: Sequence[Trial]) -> list[str]:
    """The section on finer grids, with and without the projection; empty if no trial asks for it."""
    shown = [trial for trial in trials if trial.unprojected]
    if not shown:
        return []
    columns = [c for c in ("psnr", *FINER) if any(c in s.metrics for s in scores for t in shown if s.trial == t.name)]
    rows = []
    for trial in shown:
        for method in (DEGRADED, best_rival(scores, trial.name) or "", OURS, OURS_UNPROJECTED):
            if any((s.trial, s.method) == (trial.name, method) for s in scores):
                means = [overall(scores, trial.name, method, column) for column in columns]
                cells = [number(mean, DIGITS.get(column, 4)) for column, mean in zip(columns, means, strict=True)]
                rows.append([trial.name, method, *cells])
    head = ["trial", "method", *(COLUMNS[column] for column in columns)]
    return ["", "## Finer grids: effect of the projection", "", ABOUT_FINER, "", *table(head, rows)]


def other_bands(scores: Sequence[Score], trials: Sequence[Trial]) -> list[str]:
    """The section on bands that are shuffled or given few at a time; empty if no trial asks for it."""
    rows = []
    for trial in (trial for trial in trials if trial.rearranged):
        ours = data_set_means(scores, trial.name, OURS, "psnr")
        row = [trial.name]
        for method in (OURS_SHUFFLED, OURS_FEW):
            theirs = data_set_means(scores, trial.name, method, "psnr")
            lost = {name: ours[name] - value for name, value in theirs.items()}
            worst = max(lost, key=lambda name: lost[name], default="")
            mean = fmean(lost.values()) if lost else math.nan
            row += [number(mean, 3, "+"), f"{lost[worst]:+.3f} ({worst})" if worst else ""]
        rows.append(row)
    if not rows:
        return []
    head = ["loss of PSNR (dB)", "bands shuffled", "largest", "few bands at a time", "largest"]
    about = (
        "The same images, first with their bands in random order, then with their bands split into random groups of at "
        "most four. Each group is restored as an image of its own, without the other bands. Single-band "
        "images are excluded."
    )
    return ["", "## Shuffled bands and small groups of bands", "", about, "", *table(head, rows)]


def scores_by_method(scores: Sequence[Score], trial: str, columns: Sequence[str]) -> list[str]:
    """Every method's means over data sets, with their number for methods that did not work on all."""
    methods = list(dict.fromkeys(score.method for score in scores if score.trial == trial))
    places = {
        m: len({score.data_set for score in scores if (score.trial, score.method) == (trial, m)}) for m in methods
    }
    most = max(places.values())
    titles = {m: m if places[m] == most else f"{m}, on {places[m]} of {most} data sets" for m in methods}
    asked = dict.fromkeys((*columns, *FINER))
    means = {m: {c: overall(scores, trial, m, c) for c in asked} for m in methods}
    shown = [c for c in asked if any(not math.isnan(means[m][c]) for m in methods)]
    rows = [[titles[m], *(number(means[m][c], DIGITS.get(c, 4)) for c in shown)] for m in methods]
    return table(["method", *(COLUMNS[c] for c in shown)], rows)


def scores_by_data_set(scores: Sequence[Score], trial: str) -> list[str]:
    """The headline metric on each data set: degraded, the classical rivals, llars."""
    best, metric = best_rival(scores, trial), headline(scores, trial)
    columns = {m: data_set_means(scores, trial, m, metric) for m in (DEGRADED, *rivals_in(scores, trial), OURS)}
    head = [f"{COLUMNS[metric]} by data set", "scenes", *columns, "gain", f"over {best or 'the rival'}"]
    rows, digits = [], DIGITS.get(metric, 4)
    for data_set in columns[DEGRADED]:
        count = len({score.scene for score in scores if score.trial == trial and score.data_set == data_set})
        row = {name: column.get(data_set, math.nan) for name, column in columns.items()}
        rows.append([data_set, str(count), *_compared(row, best, digits)])
    means = {name: fmean(column.values()) if column else math.nan for name, column in columns.items()}
    rows.append(["**mean**", "", *_compared(means, best, digits)])
    return table(head, rows)


def _compared(row: Mapping[str, float], best: str | None, digits: int) -> list[str]:
    ours = row[OURS]
    over = ours - row[best] if best else math.nan
    values = [number(value, digits) for value in row.values()]
    return [*values, number(ours - row[DEGRADED], digits, "+"), number(over, digits, "+")]


def describe(trial: Trial) -> str:
    """What a trial measures, and what the rivals are given."""
    severity = f" of severity {trial.severity:g}"
    if trial.source in ("native", "real_pan"):
        fault = f"The output grid is {trial.scale} times finer; *degraded* is the bicubic enlargement of the images"
    elif trial.sets:
        finer = f"The output grid is {trial.scale} times finer; *degraded* is the bicubic enlargement of the images"
        fault = finer if trial.scale > 1 else "The degradations are those of the published images"
    elif trial.scale > 1:
        how = "with the modulation transfer function of a sensor" if trial.task == "pansharpen" else "by area averaging"
        coarser = f"The images are reduced to a grid {trial.scale} times coarser {how}"
        fault = f"{coarser}; *degraded* is the bicubic enlargement of the reduced images"
    elif trial.untouched:
        fault = "The images have no fault and are themselves the reference"
    elif trial.task in TONES:
        fault = f"The reference is the output of `{trial.degradation}`{severity}"
    elif trial.degradation:
        fault = f"Simulated degradation: `{trial.degradation}`{severity}"
    else:
        fault = "The degradations are real"
    names = f" ({', '.join(f'`{name}`' for name in trial.sets)})" if trial.sets else ""
    source = f"Images: {SOURCES[trial.source]}{names}"
    beneath = [f"`{trial.beneath}`{severity} is present in the input and in the reference"] if trial.beneath else []
    given_facts = dict.fromkeys(rival.known for rival in rivals_of(trial) if rival.known)
    known = [f"Rivals may be given the {' and the '.join(given_facts)}"] if given_facts else []
    return ". ".join([source, fault, *beneath, f"Instruction: *{trial.instruction}*", *known]) + "."


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table; all columns but the first are right-aligned."""
    rule = ["---" if column == 0 else "--:" for column in range(len(head))]
    return [f"| {' | '.join(row)} |" for row in (head, rule, *rows)]


def number(value: float, digits: int = 2, sign: str = "") -> str:
    """The value as text; empty for NaN, and for a difference that is infinite as one image is perfect."""
    if math.isnan(value) or (sign and math.isinf(value)):
        return ""
    # Adding 0.0 avoids "-0.00".
    return "∞" if math.isinf(value) else f"{round(value, digits) + 0.0:{sign}.{digits}f}"
