"""Writes the page of a contest from its results; every number and every verdict is computed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.rivals import specialists
from benchmarks.rivals.contest import RATE, SAMPLES, SHIPPED, TIME, read_json, results
from benchmarks.rivals.contestant import BANDS
from benchmarks.rivals.sizes import CONTESTANTS, LLARS
from benchmarks.rivals.standing import START, Results, Standing, losses, mean
from llars.errors import DataError

__all__ = ["write_report"]

NEAR = 0.3
"""Difference in mean PSNR, in dB, within which a rival counts as about as good."""

GAIN = 0.05
"""Difference in PSNR, in dB, from which the network counts as better than what it starts from."""

FIRSTS = 9
"""Target: number of tasks in which llars is first."""

MAX_LOST = 0.1
"""Target: largest loss of llars in dB with shuffled and with missing bands."""


def write_report(run: Path, docs: Path) -> None:
    """Writes ``contest.md`` into ``docs``.

    Raises:
        DataError: nothing has been trained yet, or llars has not.
    """
    budgets = {budget: results(run, budget) for budget in (TIME, SAMPLES)}
    for budget, found in budgets.items():
        if LLARS not in found and (found or budget == TIME):
            raise DataError(f"{run / budget} has results of {sorted(found) or 'nobody'}; train {LLARS} there first")
    contest = read_json(run / "contest.json")
    shipped = results(run, SHIPPED).get(LLARS)
    page = [*_lines(contest, budgets, shipped), *specialists.lines(run)]
    (docs / "contest.md").write_text("\n".join(page).rstrip() + "\n")


def _lines(
    contest: Mapping[str, Any], budgets: Mapping[str, Results], shipped: Mapping[str, Any] | None
) -> Iterable[str]:
    timed, sampled = budgets[TIME], budgets[SAMPLES]
    yield "# Learned rivals"
    yield ""
    yield from _preface(contest, timed, shipped)
    yield "## What they cost"
    yield ""
    yield from _costs(timed)
    yield f"## The same processor time: {timed[LLARS]['budget']['cpu_minutes']:g} minutes of one thread each"
    yield ""
    yield from _standing(timed, shipped)
    if sampled:
        yield f"## The same number of samples: {sampled[LLARS]['samples']:,} patches of 64 pixels each"
        yield ""
        yield from _standing(sampled, shipped)
    yield from _transfer(contest, timed, shipped)


def _preface(contest: Mapping[str, Any], timed: Results, shipped: Mapping[str, Any] | None) -> Iterable[str]:
    commits = sorted({result["commit"] for result in timed.values()})
    absent = [name for name in CONTESTANTS if name not in timed]
    left_out = f", without sensors whose names begin with `{contest['without']}`" if contest["without"] else ""
    yield "Made by `python -m benchmarks.rivals --report`; nothing here is typed by hand."
    yield ""
    yield (
        f"All are trained anew from the same batches of {contest['batch_size']} patches{left_out}, with the same "
        f"optimiser, highest learning rate ({RATE:g}), and schedule, and begin by changing nothing; rivals minimise "
        f"the negative PSNR, {LLARS} the loss that it ships with: so short a budget says how fast they learn, not what "
        f"they end at. The learning rate is that of {LLARS}; it was not tuned for the rivals, whose papers take 2e-4 "
        f"to 1e-3. Rivals are given unit values of {BANDS[0]} channels: targets, then guides, then zeros; and the "
        f"degraded image, as in their papers. {LLARS} and InstructIR are told what is asked for; the others must see "
        "it, which they cannot where nothing is wrong (equalize, stretch, brightness). "
        f"{LLARS} sets out from [what physics can undo](concepts/initial-estimates.md), which is a part of it: the "
        f"column *{START}* says how far that comes without a network, and what {LLARS} learned in "
        "the time is its distance from there. "
        f"Seed {contest['seed']}, "
        f"commit {', '.join(commits)}, manifest of the corpus {contest['corpus'][:12]} (SHA-256)."
    )
    yield ""
    if shipped is not None:
        yield (
            f"*shipped* are the weights that come with llars ({shipped['weights'][:12]}), trained for much longer and "
            f"on all sensors: they show what {LLARS} ends at, and take no part in ranks."
        )
        yield ""
    if absent:
        yield f"Not trained yet: {', '.join(absent)}."
        yield ""


def _costs(timed: Results) -> Iterable[str]:
    yield "| method | parameters (M) | GFLOP/Mpx | Mpx/s, one thread | steps in the time |"
    yield "| --- | --: | --: | --: | --: |"
    for name, result in timed.items():
        yield (
            f"| {name} | {result['parameters'] / 1e6:.2f} | {result['gigaflops']:.0f} | {result['speed']:.3f} "
            f"| {result['steps']:,} |"
        )
    yield ""
    yield (
        f"{LLARS} is folded for one scene of ten bands, as it is shipped; what it does once for a scene is not "
        "counted. Fourier transforms of AdaIR and MoCE-IR are not counted, and MoCE-IR is counted with the experts "
        "that it chooses for noise. Speed is per second of processor time, in bfloat16, on tiles of 256 pixels."
    )
    yield ""


def _standing(found: Results, shipped: Mapping[str, Any] | None = None, *, seen: bool = True) -> Iterable[str]:
    """The table of a budget, and the verdicts derived from it."""
    standing = Standing.of(found, shipped, seen=seen)
    columns = standing.columns
    yield _row(["PSNR (dB)", *columns])
    yield _row(["---", *["--:"] * len(columns)])
    for task, psnr in standing.psnr.items():
        cells = [task, *(f"{psnr[name]:.2f}" for name in columns)]
        yield _row([f"**{cell}**" for cell in cells] if standing.winner(task) != LLARS else cells)
    yield _row(["mean", *(f"{standing.mean(name):.2f}" for name in columns)])
    ranked = (f"{standing.rank(name):.2f}" if name in standing.methods else "" for name in columns)
    yield _row(["mean rank", *ranked])
    yield ""
    yield from _verdicts(standing, found)


def _verdicts(standing: Standing, found: Results) -> Iterable[str]:
    lost = standing.lost()
    for task in lost:
        psnr, winner = standing.psnr[task], standing.winner(task)
        ahead = sum(psnr[name] > psnr[LLARS] for name in standing.methods)
        yield (
            f"- **{task}**: {winner} is {psnr[winner] - psnr[LLARS]:.2f} dB ahead of {LLARS}, which comes "
            f"{_ordinal(ahead + 1)} of {len(standing.methods)} and "
            f"{'gains' if psnr[LLARS] >= psnr[START] else 'loses'} {abs(psnr[LLARS] - psnr[START]):.2f} dB over its "
            f"start; {winner} did {found[winner]['steps']:,} steps, {LLARS} {found[LLARS]['steps']:,}."
        )
    ranks = {name: standing.rank(name) for name in standing.methods}
    best = min(ranks, key=lambda name: ranks[name])
    firsts = len(standing.psnr) - len(lost)
    yield (
        f"- Best mean rank: {best} ({ranks[best]:.2f}); {LLARS} has {ranks[LLARS]:.2f}: "
        f"{_verdict(ranks[LLARS] <= ranks[best])}."
    )
    enough = _verdict(firsts >= FIRSTS)
    yield f"- {LLARS} is first in {firsts} of {len(standing.psnr)} tasks, asked for {FIRSTS}: {enough}."
    gained = [task for task, psnr in standing.psnr.items() if psnr[LLARS] > psnr[START] + GAIN]
    yield (
        f"- {LLARS} gained more than {GAIN} dB over its start in {len(gained)} of {len(standing.psnr)} tasks "
        f"({', '.join(gained) or 'none'}); elsewhere its figure is that of its start, which no rival has."
    )
    near = [name for name in standing.methods if name != LLARS and standing.mean(name) >= standing.mean(LLARS) - NEAR]
    if near:
        cheapest = min(near, key=lambda name: found[name]["gigaflops"])
        met = found[LLARS]["gigaflops"] <= found[cheapest]["gigaflops"]
        yield (
            f"- The cheapest rival within {NEAR} dB of the mean of {LLARS} or above it is {cheapest}, at "
            f"{found[cheapest]['gigaflops']:.0f} GFLOP/Mpx against {found[LLARS]['gigaflops']:.0f}, and "
            f"{found[cheapest]['speed']:.3f} Mpx/s against {found[LLARS]['speed']:.3f}: {_verdict(met)}."
        )
    else:
        yield f"- No rival comes within {NEAR} dB of the mean of {LLARS}."
    yield ""


def _transfer(contest: Mapping[str, Any], timed: Results, shipped: Mapping[str, Any] | None) -> Iterable[str]:
    yield "## Other sensors, other bands"
    yield ""
    if any(not row["seen"] for row in timed[LLARS]["rows"]):
        families = sorted({row["family"] for row in timed[LLARS]["rows"] if not row["seen"]})
        yield (
            f"After the same processor time, on {', '.join(families)} (sensor and number of bands), "
            f"of which training saw nothing (`--without {contest['without']}`):"
        )
        yield ""
        yield from _standing(timed, seen=False)
    shown = {**timed, **({SHIPPED: shipped} if shipped is not None else {})}
    lost = {name: losses(result["rows"]) for name, result in shown.items()}
    yield "Decibels lost, mean and worst task, on the held-out patches of known sensors:"
    yield ""
    yield "| method | bands shuffled | worst task | half of the bands missing | worst task |"
    yield "| --- | --: | --: | --: | --: |"
    for name, kinds in lost.items():
        cells = [cell for kind in ("shuffled", "missing") for cell in _mean_and_worst(kinds[kind])]
        yield _row([name, *cells])
    yield ""
    for kind, tasks in lost[LLARS].items():
        value = mean(list(tasks.values()))
        yield (
            f"- {LLARS} loses {value:.2f} dB by {kind} bands, at most {MAX_LOST} asked for: "
            f"{_verdict(value <= MAX_LOST)}."
        )


def _mean_and_worst(tasks: Mapping[str, float]) -> tuple[str, str]:
    worst = max(tasks, key=lambda task: tasks[task])
    return f"{mean(list(tasks.values())):.2f}", f"{worst} {tasks[worst]:.2f}"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _ordinal(place: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(place, f"{place}th")


def _verdict(met: bool) -> str:
    return "met" if met else "missed"
