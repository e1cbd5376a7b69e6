"""Writes docs/ablation.md; all text is derived from the results."""

from __future__ import annotations

import csv
import math
import shutil
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.ablation.runs import INPUTS, Result, read_inputs, read_results, write
from benchmarks.ablation.variants import VARIANTS
from llars.data.recipe import GUIDED
from llars.errors import DataError
from llars.tasks import TONES

__all__ = ["KEPT", "WEIGHTS", "keep", "page", "write_page"]

KEPT = Path("benchmarks/ablation/results")
"""Results in the repository from which the page is written."""

WEIGHTS = KEPT / "weights.csv"
"""Dynamic task weights of ``full``: step, one column per task."""

PAGE = Path("docs/ablation.md")


def keep(folder: Path) -> None:
    """Copies the results of the runs in ``folder``, and the task weights of ``full``, into the repository.

    Raises:
        DataError: there are none.
    """
    results = read_results(folder)
    if not results:
        raise DataError(f"no results in {folder}; train there first: python -m benchmarks.ablation --out {folder}")
    inputs = read_inputs(folder)
    KEPT.mkdir(parents=True, exist_ok=True)
    write(KEPT / INPUTS, inputs)
    for name in results:
        shutil.copyfile(folder / name / "result.json", KEPT / f"{name}.json")
    log = folder / "full" / "log.csv"
    if log.exists():
        with log.open(newline="") as file:
            rows = [weights_of(row) for row in csv.DictReader(file)]
        with WEIGHTS.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def weights_of(row: Mapping[str, str]) -> dict[str, str]:
    """The step and the task weights in a row of a training's log."""
    weights = {name.removeprefix("weight_"): value for name, value in row.items() if name.startswith("weight_")}
    return {"step": row["step"], **weights}


def write_page() -> Path:
    """Writes the page from the results in the repository, and returns its path.

    Raises:
        DataError: ``full`` is not among the results, their budgets differ, or a score is not finite.
    """
    PAGE.write_text(page(read_results(KEPT), read_inputs(KEPT)))
    return PAGE


def page(results: Mapping[str, Result], inputs: Mapping[str, float]) -> str:
    """The text of the page; ``inputs`` is the PSNR in dB of the network's inputs, by task.

    Raises:
        DataError: ``full`` is not among the results, their budgets differ, or a score is not finite.
    """
    if "full" not in results:
        raise DataError(f"found {sorted(results) or 'no results'}; the table needs full, which all else is compared to")
    full = results["full"]
    for name, result in results.items():
        if (result.model, result.steps, result.batch_size) != (full.model, full.steps, full.batch_size):
            raise DataError(
                f"{name} had {result.steps} steps of {result.batch_size} patches, full had {full.steps} of "
                f"{full.batch_size}; train both alike"
            )
        if not math.isfinite(result.mean):
            raise DataError(f"{name} has scores that are not finite; delete its result and run it again")
    spread = spread_of(results)
    return "\n".join(
        [
            *head(full, spread),
            *table(results, inputs),
            "",
            "## What it says",
            "",
            *(f"- {verdict(result, full, spread)}" for result in compared(results)),
            "",
            "## What was left out, exactly",
            "",
            *(f"- **{VARIANTS[name].title}**: {VARIANTS[name].meaning}." for name in results),
            "",
            "## What followed from earlier tables",
            "",
            *(f"- **{VARIANTS[name].title}**: {comment}." for name in results if (comment := VARIANTS[name].followed)),
            "",
            *cost(results),
            *weights_part(results),
        ]
    )


def head(full: Result, spread: float | None) -> list[str]:
    """Introduction: what was done, and with which budget."""
    chance = (
        "`full` was trained once; without a second seed nothing tells a difference from chance."
        if spread is None
        else "Trained a second time, from other first weights and with other batches, `full` says what chance does: "
        f"the spread is {spread:.2f} dB, the larger of how far the two means are apart and of how far they would be if "
        "the differences of the tasks were independent. What differs less may be chance."
    )
    return [
        "# What each part is worth",
        "",
        paragraph(
            f"The same short training of `{full.model}` from scratch, with one part left out at a time: {full.steps} "
            f"steps of {full.batch_size} patches of 64 x 64 pixels, the same batches in the same order, seed "
            f"{full.seed}, learning rate up to {full.learning_rate:g}, averaged parameters, {full.threads} thread(s) "
            f"of {full.machine}. So short a training says what helps to learn fast; what pays only after many hours it "
            "cannot say."
        ),
        "",
        paragraph(
            "PSNR in decibels on held-out patches, each the mean over all sensors; below `full`, differences to it. "
            f"What goes in has been mended by [what physics can undo](concepts/initial-estimates.md) already. {chance}"
        ),
        "",
        "Written by `python -m benchmarks.ablation --report`; `make ablation` trains and writes.",
        "",
    ]


def paragraph(text: str) -> str:
    """The text wrapped to lines of 120 characters."""
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


def table(results: Mapping[str, Result], inputs: Mapping[str, float]) -> list[str]:
    """The table of variants by tasks."""
    full = results["full"]
    tasks = list(full.psnr)
    given = [inputs[task] for task in tasks]
    lines = [
        f"| | mean | {' | '.join(tasks)} |",
        f"| --- | ---: | {' | '.join(['---:'] * len(tasks))} |",
        f"| what goes in | {sum(given) / len(given):.2f} | {' | '.join(f'{value:.2f}' for value in given)} |",
        f"| **full** | {full.mean:.2f} | {' | '.join(f'{full.psnr[task]:.2f}' for task in tasks)} |",
    ]
    for result in compared(results, again=True):
        differences = [f"{result.psnr[task] - full.psnr[task]:+.2f}" for task in tasks]
        title = VARIANTS[result.name].title
        lines.append(f"| {title} | **{result.mean - full.mean:+.2f}** | {' | '.join(differences)} |")
    return lines


def compared(results: Mapping[str, Result], again: bool = False) -> Sequence[Result]:
    """The variants other than ``full``; with ``again`` including its second seed."""
    return [result for name, result in results.items() if name != "full" and (again or name != "full_again")]


def verdict(result: Result, full: Result, spread: float | None) -> str:
    """One sentence on one variant."""
    change = result.mean - full.mean
    title = VARIANTS[result.name].title
    most = max(full.psnr, key=lambda task: full.psnr[task] - result.psnr[task])
    least = min(full.psnr, key=lambda task: full.psnr[task] - result.psnr[task])
    detail = (
        f"most lost in {most} ({result.psnr[most] - full.psnr[most]:+.2f}), "
        f"least in {least} ({result.psnr[least] - full.psnr[least]:+.2f})"
    )
    if spread is None:
        verdict_text = "chance not known"
    elif change < -spread:
        verdict_text = "the part helps by more than the spread"
    elif change > spread:
        verdict_text = "the part does not help here: without it the model is better by more than the spread"
    else:
        verdict_text = "the part neither helps nor harms by more than the spread"
    return f"**{title}**: {change:+.2f} dB; {verdict_text}; {detail}."


def cost(results: Mapping[str, Result]) -> list[str]:
    """The section on parameters, work and speed."""
    rows = [
        (
            VARIANTS[name].title,
            f"{result.parameters:,}",
            f"{result.gigaflops:.0f}",
            f"{result.samples_per_second:.1f}",
            f"{result.cpu_seconds / 60:.1f}",
            f"{result.skipped}",
        )
        for name, result in results.items()
    ]
    return [
        "## What it costs",
        "",
        paragraph(
            "Work is that of one pass at ten bands in the form that is trained. A scene is restored by the "
            "[folded network](concepts/routing.md), which has neither experts nor attention left; `make bench` counts "
            "its. Speed and minutes are of the training process's own processor time; another process makes batches."
        ),
        "",
        "| | parameters | GFLOP/Mpx | patches/s | minutes | steps skipped |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
    ]


def weights_part(results: Mapping[str, Result]) -> list[str]:
    """The section on the dynamic weights: their figure, and the loss without them."""
    lines = [
        "## The dynamic weights",
        "",
        paragraph(
            "Each sample counts by its task: softmax over the tasks of a batch of the loss over its running mean. "
            f"Tasks that fill batches of their own ({', '.join(sorted(GUIDED | TONES))}) have weight 1 at all times."
        ),
        "",
        "![Weights of the tasks over the steps of the training of full](pictures/concepts/loss_weights.png)",
        "",
    ]
    if "no_weighting" in results:
        lines += [verdict(results["no_weighting"], results["full"], spread_of(results)), ""]
    return lines


def spread_of(results: Mapping[str, Result]) -> float | None:
    """The effect of chance on the mean over tasks, from two runs of ``full``; None if there is only one.

    Two means may agree by luck. If the tasks were independent, the means would differ by the root mean square of the
    differences divided by the square root of the number of tasks; the larger of this and the actual difference is
    taken.
    """
    if "full_again" not in results:
        return None
    full, again = results["full"], results["full_again"]
    differences = [again.psnr[task] - full.psnr[task] for task in full.psnr]
    count = len(differences)
    independent = math.sqrt(sum(difference**2 for difference in differences)) / count
    return max(abs(sum(differences)) / count, independent)
