"""The evaluation: degrade, restore, run the rivals, measure. ``python -m llars.bench.evaluate DATA OUT``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

import numpy as np

from llars.bench.cases import Array, Case
from llars.bench.measure import measured
from llars.bench.ours import Restore, restore_with, runs_of_llars
from llars.bench.protocols import Protocol, read_protocol
from llars.bench.result import DEGRADED, Evaluation, Panel, Score
from llars.bench.rivals import cached_result, rivals_of
from llars.bench.scenes import Folder
from llars.bench.sources import cases_of
from llars.errors import ConfigError, DataError, LlarsError

__all__ = ["evaluate", "main", "run"]

CACHE = Path(".cache/evaluate")
"""Cached results of the classical rivals; git ignores the folder."""

MAX_FAULTS_QUOTED = 3
"""Largest number of faults of a public set that the report quotes."""


def evaluate(
    protocol: Protocol,
    folder: str | Path,
    restore: Restore | None = None,
    *,
    able: Collection[str] | None = None,
    tasks: Collection[str] = (),
    rivals: bool = True,
    cache: Path | None = CACHE,
    progress: Callable[[str], None] = lambda _: None,
) -> Evaluation:
    """Measure the degraded images, the classical rivals and ``restore`` on every case of the protocol.

    Args:
        protocol: the trials, and what is done to which scenes.
        folder: folder with a ``scenes.json``, or with unpacked public sets.
        restore: the restorer, see ``restore_with``; None to measure the rivals only.
        able: tasks that ``restore`` can do; None for all. Other trials have only the rivals, and a note.
        tasks: tasks to evaluate; empty: all.
        rivals: whether to run the rivals, which take most of the time.
        cache: folder of the rivals' results; None: always compute them.
        progress: called with one line per result.

    Raises:
        ConfigError: the protocol has no trial of a task.
        LlarsError: the scenes cannot be read, there are none, or the restorer refuses one.
    """
    if unknown := set(tasks) - {trial.task for trial in protocol.trials}:
        has_truth = ", ".join(dict.fromkeys(trial.task for trial in protocol.trials))
        raise ConfigError(f"the protocol does not evaluate {', '.join(sorted(unknown))}; it has {has_truth}")
    result, images = Evaluation(protocol), Folder(folder, protocol)
    for trial in protocol.trials:
        if tasks and trial.task not in tasks:
            continue
        ours = restore if able is None or trial.task in able else None
        if restore is not None and ours is None:
            result.notes[trial.name] = f"These weights were not trained on `{trial.task}`."
        before = len(images.faults)
        for case in cases_of(trial, images):
            _measure(result, case, ours, rivals, cache, progress)
        notes = _fault_notes(images.faults[before:], images.root)
        if not notes and not any(score.trial == trial.name for score in result.scores):
            notes = ["The folder contains no test image for this trial."]
        if notes:
            result.notes[trial.name] = " ".join(filter(None, [result.notes.get(trial.name), *notes]))
    if not result.scores and images.faults:
        raise DataError(images.faults[0])
    return result


def _fault_notes(faults: Sequence[str], root: Path) -> list[str]:
    """The first faults of a public set, and how many more there are; local paths are replaced."""
    more = len(faults) - MAX_FAULTS_QUOTED
    lines = [f"Skipped: {fault}." for fault in faults[:MAX_FAULTS_QUOTED]]
    lines = [line.replace(str(root.resolve()), "DATA").replace(str(root), "DATA") for line in lines]
    return [*lines, f"{more} more were skipped."] if more > 0 else lines


Run = Callable[[], tuple[Array, bool]]


def _measure(
    result: Evaluation,
    case: Case,
    restore: Restore | None,
    rivals: bool,
    cache: Path | None,
    progress: Callable[[str], None],
) -> None:
    scene, trial = case.scene, case.trial
    images: dict[str, Array] = {}
    for method, run in _methods(case, restore, rivals, cache, result.protocol.seed):
        start = time.perf_counter()
        images[method], cached = run()
        seconds = 0.0 if cached else time.perf_counter() - start
        scores = measured(case, images[method], result.protocol.columns)
        result.scores.append(Score(trial.name, scene.data_set, scene.name, method, scores, seconds))
        headline = next((f"{scores[key]:7.3f} {key}" for key in ("psnr", "hqnr", "enl", "drift") if key in scores), "")
        progress(f"{trial.name:22} {scene.name:28} {method:20} {headline} {seconds:6.1f} s")
    # Without a truth and a finer grid a picture shows little: for radar the number of looks is more telling.
    has_truth, shown_panel = np.isfinite(case.truth).any(), result.panels.get(trial.name)
    better = shown_panel is None or (has_truth and not np.isfinite(shown_panel.case.truth).any())
    if (has_truth or trial.scale > 1) and (better or scene.name == result.protocol.picture):
        result.panels[trial.name] = Panel(case, images)


def _methods(
    case: Case, restore: Restore | None, rivals: bool, cache: Path | None, seed: int
) -> Iterator[tuple[str, Run]]:
    """The methods measured on a case, each with a function that gives its image and whether that was cached."""
    yield DEGRADED, lambda: (case.baseline, True)
    # For public sets with thousands of images the cache would fill a disk.
    cache = None if case.trial.sets else cache
    for rival in rivals_of(case.trial) if rivals else ():
        if rival.arguments(case) is not None:
            yield rival.name, lambda rival=rival: cached_result(rival, case, cache)  # type: ignore[misc]
    for name, run in runs_of_llars(case, restore, seed) if restore is not None else ():
        yield name, lambda run=run: (run(), False)  # type: ignore[misc]


def run(
    config: str | Path,
    data: str | Path,
    out: Path,
    *,
    model: str = "llars-small",
    device: str = "auto",
    tasks: Sequence[str] = (),
    rivals: bool = True,
    progress: Callable[[str], None] = lambda _: None,
) -> Path:
    """Measure as a protocol says, and write the report.

    Args:
        config: the file of the protocol.
        data: see ``evaluate``.
        out: folder for results.md, results.json and pictures.
        model: name of bundled weights, or a weights file; ``none`` for the rivals only.
        device: where the network runs.
        tasks: see ``evaluate``.
        rivals: see ``evaluate``.
        progress: see ``evaluate``.

    Returns:
        The page of the report, ``results.md``.

    Raises:
        LlarsError: the protocol, data or weights are unusable, or the report cannot be written.
    """
    from llars.bench.report import write_report

    protocol = read_protocol(config)
    restore, able, info = None, None, None
    if model != "none":
        from llars.infer.restorer import load

        restorer = load(model, device)
        restore, able, info = restore_with(restorer), restorer.tasks, restorer.info
    evaluation = evaluate(protocol, data, restore, able=able, tasks=tasks, rivals=rivals, progress=progress)
    return write_report(evaluation, out, info, _command(config, model, tasks, rivals))


def _command(config: str | Path, model: str, tasks: Sequence[str], rivals: bool) -> str:
    """The command that repeats an evaluation, without local paths of data and weights."""
    command = f"python -m llars.bench.evaluate DATA --config {config} --model {Path(model).name}"
    command += f" --tasks {','.join(tasks)}" if tasks else ""
    return command + ("" if rivals else " --no-rivals")


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns 0 if the report was written, 2 for a mistake of the user."""
    parser = argparse.ArgumentParser(prog="llars.bench.evaluate", description="Measure on held-out scenes.")
    parser.add_argument("data", help="folder with a scenes.json, or with public sets")
    parser.add_argument("out", nargs="?", default="docs", help="folder for results.md, results.json and pictures/")
    parser.add_argument("--config", default="configs/eval/shared.yaml", help="the protocol")
    parser.add_argument(
        "--model", default="llars-small", help="bundled weights or a weights file; 'none' for rivals only"
    )
    parser.add_argument("--tasks", default="", help="comma-separated, for a quick look")
    parser.add_argument("--no-rivals", action="store_true", help="leave the classical rivals out")
    parser.add_argument("--device", default="auto", help="where the network runs")
    options = parser.parse_args(arguments)
    try:
        page = run(
            options.config,
            options.data,
            Path(options.out),
            model=options.model,
            device=options.device,
            tasks=[task for task in options.tasks.split(",") if task],
            rivals=not options.no_rivals,
            progress=_say,
        )
    except LlarsError as error:
        _say(f"llars: error: {error}")
        return 2
    sys.stdout.write(page.read_text(encoding="utf-8"))
    return 0


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
