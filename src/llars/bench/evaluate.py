"""The evaluation: degrade, restore, let the rivals try, measure. ``python -m llars.bench.evaluate DATA OUT``."""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from llars.bench.cases import Array, Case
from llars.bench.measure import measured
from llars.bench.protocols import Protocol, Trial, read_protocol
from llars.bench.result import DEGRADED, OURS, OURS_REWORDED, Evaluation, Panel, Score
from llars.bench.rivals import rivals_of, tried
from llars.bench.scenes import Folder
from llars.bench.sources import cases_of
from llars.errors import ConfigError, InstructionError, LlarsError
from llars.text.grammar import sentence

if TYPE_CHECKING:
    import xarray as xr

    from llars.bands import Band
    from llars.infer.restorer import Restorer

__all__ = ["evaluate", "main", "other_words", "restore_with"]

CACHE = Path(".cache/evaluate")
"""Results of the classical rivals, by what they were computed from; git ignores the folder."""

Restore = Callable[[Case, str], Array]
"""From a case and an instruction to the restored image: unit values on the grid of the truth."""


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
        protocol: what is done to which scenes.
        folder: holds a ``scenes.json``.
        restore: ours, see ``restore_with``; None to measure the rivals only.
        able: tasks that ``restore`` can do; None for all. Other trials show the rivals, and a note.
        tasks: restrict to these; all by default.
        rivals: let them try; they take most of the time.
        cache: folder of the rivals' results; None computes them anew.
        progress: called with one line per result.

    Raises:
        ConfigError: the protocol has no trial of a task.
        LlarsError: the scenes cannot be read, or the restorer refuses.
    """
    if unknown := set(tasks) - {trial.task for trial in protocol.trials}:
        known = ", ".join(dict.fromkeys(trial.task for trial in protocol.trials))
        raise ConfigError(f"the protocol does not evaluate {', '.join(sorted(unknown))}; it has {known}")
    result, images = Evaluation(protocol), Folder(folder, protocol)
    for trial in protocol.trials:
        if tasks and trial.task not in tasks:
            continue
        ours = restore if able is None or trial.task in able else None
        if restore is not None and ours is None:
            result.notes[trial.name] = f"These weights were not trained on `{trial.task}`."
        for case in cases_of(trial, images):
            _measure(result, case, ours, rivals, cache, progress)
    return result


def restore_with(restorer: Restorer) -> Restore:
    """Ours as the protocol calls it: physical values, guides and plain words in, unit values out."""

    def restore(case: Case, instruction: str) -> Array:
        low, high = value_range = case.scene.value_range
        image = _image(case.degraded, case.bands, value_range, _coarse_valid(case))
        image.attrs["units"] = case.scene.units
        guides = {role: _image(one.values, one.bands, one.value_range) for role, one in case.guides.items()}
        restored = restorer(image, instruction, guides=guides) if guides else restorer(image, instruction)
        return (np.asarray(restored, np.float32) - np.float32(low)) / np.float32(high - low)

    return restore


def other_words(trial: Trial, scene: str, seed: int) -> str:
    """Words of the grammar that training never read and that ask for the same; the same every time."""
    severity = trial.severity if trial.task == "brightness" else None
    return sentence(trial.task, severity, random.Random(f"{seed}/{trial.name}/{scene}"), "heldout")


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
        found = measured(case, images[method])
        result.scores.append(Score(trial.name, scene.data_set, scene.name, method, found, seconds))
        headline = f"{found['psnr']:6.2f} dB" if "psnr" in found else f"{found.get('enl', np.nan):6.1f} looks"
        progress(f"{trial.name:22} {scene.name:28} {method:20} {headline} {seconds:6.1f} s")
    known = np.isfinite(case.truth).any()
    if known and (trial.name not in result.panels or scene.name == result.protocol.picture):
        result.panels[trial.name] = Panel(case, images)


def _methods(
    case: Case, restore: Restore | None, rivals: bool, cache: Path | None, seed: int
) -> Iterator[tuple[str, Run]]:
    """Everything that is measured on a case, and how to get its image (and whether it was cached)."""
    trial = case.trial
    yield DEGRADED, lambda: (case.baseline, True)
    for rival in rivals_of(trial) if rivals else ():
        if rival.arguments(case) is not None:
            yield rival.name, lambda rival=rival: tried(rival, case, cache)  # type: ignore[misc]
    if restore is None:
        return
    yield OURS, lambda: (restore(case, trial.instruction), False)
    if trial.reworded:
        words = other_words(trial, case.scene.name, seed)
        yield OURS_REWORDED, lambda: (_understood(restore, case, words), False)


def _understood(restore: Restore, case: Case, words: str) -> Array:
    """The restored image, or what doing nothing gives where the words are not understood."""
    try:
        image = restore(case, words)
    except InstructionError:
        return case.baseline
    # Words that are taken for a finer grid give another image altogether.
    return image if image.shape == case.truth.shape else case.baseline


def _image(
    values: Array, bands: tuple[Band, ...], value_range: tuple[float, float], valid: npt.NDArray[np.bool_] | None = None
) -> xr.DataArray:
    """Physical values as the restorer takes them, NaN where not valid."""
    import xarray as xr

    low, high = value_range
    physical = values * np.float32(high - low) + np.float32(low)
    if valid is not None:
        physical[:, ~valid] = np.nan
    return xr.DataArray(physical, dims=("band", "y", "x"), attrs={"bands": bands, "value_range": value_range})


def _coarse_valid(case: Case) -> npt.NDArray[np.bool_]:
    """``(y, x)`` on the grid of the degraded image: every pixel of the scene under it is valid."""
    height, width = case.degraded.shape[1:]
    scale = case.trial.scale
    valid = case.scene.valid[: height * scale, : width * scale]
    return np.asarray(valid.reshape(height, scale, width, scale).all(axis=(1, 3)))


def main(arguments: list[str] | None = None) -> int:
    """The command line; 0 when the report is written, 2 for a mistake of the user's."""
    parser = argparse.ArgumentParser(prog="llars.bench.evaluate", description="Measure on held-out scenes.")
    parser.add_argument("data", help="folder with a scenes.json")
    parser.add_argument("out", nargs="?", default="docs", help="folder for results.md, results.json and pictures/")
    parser.add_argument("--config", default="configs/eval/shared.yaml", help="the protocol")
    parser.add_argument(
        "--model", default="llars-small", help="bundled weights or a weights file; 'none' for rivals only"
    )
    parser.add_argument("--tasks", default="", help="comma-separated, for a quick look")
    parser.add_argument("--no-rivals", action="store_true", help="leave the classical rivals out")
    parser.add_argument("--device", default="auto", help="where the network runs")
    options = parser.parse_args(arguments)
    from llars.bench.report import write_report

    try:
        protocol = read_protocol(options.config)
        restore, able, info = None, None, None
        if options.model != "none":
            from llars.infer.restorer import load

            restorer = load(options.model, options.device)
            restore, able, info = restore_with(restorer), restorer.tasks, restorer.info
        evaluation = evaluate(
            protocol,
            options.data,
            restore,
            able=able,
            tasks=[task for task in options.tasks.split(",") if task],
            rivals=not options.no_rivals,
            progress=_say,
        )
        path = write_report(evaluation, Path(options.out), info, _command(options))
    except LlarsError as error:
        _say(f"llars: error: {error}")
        return 2
    sys.stdout.write(path.read_text(encoding="utf-8"))
    return 0


def _command(options: argparse.Namespace) -> str:
    """What a reader types to repeat this; where the data and the weights lay here is nobody's business."""
    command = f"python -m llars.bench.evaluate DATA --config {options.config} --model {Path(options.model).name}"
    command += f" --tasks {options.tasks}" if options.tasks else ""
    return command + (" --no-rivals" if options.no_rivals else "")


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
