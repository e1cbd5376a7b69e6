"""The evaluation: degrade, restore, let the rivals try, measure. ``python -m llars.bench.evaluate DATA OUT``."""

from __future__ import annotations

import argparse
import hashlib
import inspect
import sys
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from llars import metrics
from llars.bench.classical import RIVALS, Rival
from llars.bench.protocols import NEEDS_SHARP, Array, Case, Protocol, degrade_scene, read_protocol, read_scenes
from llars.bench.result import DEGRADED, OURS, Evaluation, Panel, Score
from llars.errors import ConfigError, LlarsError

if TYPE_CHECKING:
    from llars.infer.restorer import Restorer

__all__ = ["evaluate", "main", "restore_with"]

CACHE = Path(".cache/evaluate")
"""Results of the classical rivals, by what they were computed from; git ignores the folder."""

Restore = Callable[[Case], Array]
"""From a case to its restored image: unit values on the grid of the truth."""


def evaluate(
    protocol: Protocol,
    folder: str | Path,
    restore: Restore | None = None,
    *,
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
        tasks: restrict to these; all by default.
        rivals: let them try; they take most of the time.
        cache: folder of the rivals' results; None computes them anew.
        progress: called with one line per result.

    Raises:
        ConfigError: the protocol has no trial of a task.
        LlarsError: the scenes cannot be read, or the restorer refuses.
    """
    if unknown := set(tasks) - {trial.task for trial in protocol.trials}:
        known = ", ".join(trial.task for trial in protocol.trials)
        raise ConfigError(f"the protocol does not evaluate {', '.join(sorted(unknown))}; it has {known}")
    result = Evaluation(protocol)
    for case in _cases(protocol, folder, tasks):
        scene, trial = case.scene, case.trial
        images = {DEGRADED: case.baseline}
        for method, run in _methods(case, restore, rivals, cache):
            start = time.perf_counter()
            images[method], cached = run()
            seconds = 0.0 if cached else time.perf_counter() - start
            _record(result, case, method, images[method], seconds, progress)
        if trial.task not in result.panels or scene.name == protocol.picture:
            result.panels[trial.task] = Panel(case, images)
    return result


def restore_with(restorer: Restorer) -> Restore:
    """Ours as the protocol calls it: physical values and plain words in, unit values out."""
    import xarray as xr

    def restore(case: Case) -> Array:
        low, high = case.scene.value_range
        physical = case.degraded * np.float32(high - low) + np.float32(low)
        gaps = ~_coarse_valid(case)
        physical[:, gaps] = np.nan
        attributes = {"bands": case.bands, "value_range": case.scene.value_range}
        image = xr.DataArray(physical, dims=("band", "y", "x"), attrs=attributes)
        restored = np.asarray(restorer(image, case.trial.instruction), np.float32)
        return (restored - np.float32(low)) / np.float32(high - low)

    return restore


def _cases(protocol: Protocol, folder: str | Path, tasks: Collection[str]) -> Iterator[Case]:
    scenes = read_scenes(folder, protocol)
    for trial in protocol.trials:
        if tasks and trial.task not in tasks:
            continue
        for scene in scenes:
            if scene.sharp or trial.task not in NEEDS_SHARP:
                yield degrade_scene(scene, trial, protocol.seed)


Run = Callable[[], tuple[Array, bool]]


def _methods(case: Case, restore: Restore | None, rivals: bool, cache: Path | None) -> Iterator[tuple[str, Run]]:
    """Everything that is measured on a case, and how to get its image (and whether it was cached)."""
    yield DEGRADED, lambda: (case.baseline, True)
    for rival in RIVALS.get(case.trial.task, ()) if rivals else ():
        yield rival.name, lambda rival=rival: _tried(rival, case, cache)  # type: ignore[misc]
    if restore is not None:
        yield OURS, lambda: (restore(case), False)


def _record(
    result: Evaluation, case: Case, method: str, image: Array, seconds: float, progress: Callable[[str], None]
) -> None:
    measured = metrics.compare(image, case.truth)
    scene = case.scene
    result.scores.append(Score(case.trial.task, scene.data_set, scene.name, method, measured, seconds))
    progress(f"{case.trial.task:10} {scene.name:24} {method:16} {measured['psnr']:6.2f} dB {seconds:6.1f} s")


def _tried(rival: Rival, case: Case, cache: Path | None) -> tuple[Array, bool]:
    """The rival's image, from the cache where its code and the case are the same."""
    if cache is None:
        return rival.run(case.degraded, case.trial.severity, case.bands), False
    import llars.bench.classical as module

    wavelengths = [band.wavelength_nm for band in case.bands]
    digest = hashlib.blake2b(f"{rival.name}/{case.trial.severity}/{case.degraded.shape}/{wavelengths}".encode())
    digest.update(inspect.getsource(module).encode())
    digest.update(np.ascontiguousarray(case.degraded).tobytes())
    path = cache / f"{digest.hexdigest()[:32]}.npy"
    if path.exists():
        return np.load(path), True
    image = rival.run(case.degraded, case.trial.severity, case.bands)
    cache.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial.npy")
    np.save(partial, image)
    partial.replace(path)
    return image, False


def _coarse_valid(case: Case) -> npt.NDArray[np.bool_]:
    """``(y, x)`` on the grid of the degraded image: every pixel of the truth under it is valid."""
    valid, scale = np.isfinite(case.truth[0]), case.trial.scale
    height, width = case.degraded.shape[1:]
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
        restore, info = None, None
        if options.model != "none":
            from llars.infer.restorer import load

            restorer = load(options.model, options.device)
            restore, info = restore_with(restorer), restorer.info
        evaluation = evaluate(
            protocol,
            options.data,
            restore,
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
