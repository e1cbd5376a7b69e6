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
    "edge_preservation": "edges kept",
    "mae_under": "MAE under clouds",
    "enl": "looks",
    "mean_shift": "mean moved",
    "hqnr": "HQNR",
    "qnr": "QNR",
    "d_lambda_k": "Dλ of Khan",
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
    "HQNR, QNR and their factors need no truth, and see a PAN: 1 is best of the first two, 0 of the others. "
    "There the best rival is that of the best HQNR, or else of the least drift. "
    "*Drift* is the root mean square, in parts of the unit range, of what the means over the input's pixels are away "
    "from the input. The projection of `sr` makes it 0; that of `pansharpen` too, unless a blur explains the pair "
    "better than means do: then it holds what that blur sees, and means drift. "
    "*Detail* is the power of the profiles along rows and columns, in dB over that of the truth, or over that of the "
    "bicubic enlargement where nobody knows the truth: below the limit of the input's grid (its upper half), and "
    "beyond. HQNR and QNR reward what changes nothing, and detail beyond the limit may be invented: no figure here "
    "says how right a finer grid is where there is no truth."
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
    return ["", "## Finer grids, and what the projection changes", "", ABOUT_FINER, "", *table(head, rows)]


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
    head = ["PSNR (dB) lost", "bands shuffled", "most", "few bands at a time", "most"]
    about = (
        "The same images with their bands in a random order, and given to llars in random groups of at most four, each "
        "group as an image by itself, so that every band is restored without most of the others. Images of one band "
        "take no part."
    )
    return ["", "## Bands in another order, and few at a time", "", about, "", *table(head, rows)]


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
    """What a trial measures, and what the rivals are told."""
    severity = f" of severity {trial.severity:g}"
    if trial.source in ("native", "real_pan"):
        fault = f"On a grid {trial.scale} times finer; degraded is their bicubic enlargement"
    elif trial.sets:
        finer = f"On a grid {trial.scale} times finer; degraded is the bicubic enlargement"
        fault = finer if trial.scale > 1 else "Faults as they were published"
    elif trial.scale > 1:
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
    names = f" ({', '.join(f'`{name}`' for name in trial.sets)})" if trial.sets else ""
    source = f"On {SOURCES[trial.source]}{names}"
    beneath = [f"`{trial.beneath}`{severity} lies beneath, in the truth too"] if trial.beneath else []
    given_facts = dict.fromkeys(rival.known for rival in rivals_of(trial) if rival.known)
    known = [f"Rivals may be told the {' and the '.join(given_facts)}"] if given_facts else []
    return ". ".join([source, fault, *beneath, f"The instruction: *{trial.instruction}*", *known]) + "."


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
