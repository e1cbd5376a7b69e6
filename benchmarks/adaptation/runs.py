"""Runs adaptations with ``llars.tune`` and measures them; finished runs are not repeated."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import llars
from benchmarks.adaptation.pairs import Places, write_pairs
from benchmarks.corpora import select
from benchmarks.rivals.contest import write_json
from llars.data.validation import validation_batches
from llars.model.network import Network
from llars.sample import Batch
from llars.tasks import TONES
from llars.train.bundled import estimators, instructions
from llars.train.tuning.batches import Batches, Words
from llars.train.tuning.config import settings
from llars.train.tuning.examples import read_examples
from llars.train.validation import validate
from llars.weights.adapters import apply_adapters, read_adapter
from llars.weights.registry import WeightsInfo, load_network

__all__ = ["Ground", "Result", "Steps", "adapt", "read_result"]


@dataclass(frozen=True)
class Steps:
    """The budget of one adaptation; all other settings are the defaults of ``llars tune``."""

    most: int = 200
    between_evaluations: int = 40


@dataclass(frozen=True)
class Result:
    """Result of one adaptation. Figures in decibels are PSNR with peak 1."""

    sensor: str
    """Beginning of the names of the sensors that were left out."""

    task: str
    """Task of the pairs and the test images."""

    method: str
    pairs: int
    seed: int
    """Seed of the choice of pairs, their noise, and tuning."""

    base_sha256: str
    base_minutes: float
    """Processor minutes of the base's training."""

    base_steps: int
    places: int
    """Number of places from which pairs may come."""

    test_images: int
    rank: int
    parameters: int
    share: float
    """Share of the parameters of the base."""

    size: int
    """Size of the adapter in bytes."""

    steps: int
    best_step: int
    most_steps: int
    cpu_minutes: float
    """Processor minutes of tuning, including reading images and evaluations."""

    given: float
    """PSNR of the test images as the network gets them: their initial estimates."""

    before: float
    """PSNR of the test images, restored by the base."""

    after: float
    """PSNR of the test images, restored with the adapter."""

    old: dict[str, tuple[float, float]]
    """By task, PSNR without and with the adapter on held-out patches of sensors that the base knows."""

    @property
    def gain(self) -> float:
        """Gain over the base (zero-shot)."""
        return self.after - self.before

    @property
    def lost(self) -> float:
        """Largest loss of another task than that of the pairs; 0 if none lost."""
        return self._lost(self.old)

    @property
    def lost_on_faults(self) -> float:
        """The same without the tasks whose results are exact up to rounding (70 dB and more)."""
        return self._lost([task for task in self.old if task not in TONES])

    def _lost(self, tasks: Iterable[str]) -> float:
        return max([0.0, *(self.old[task][0] - self.old[task][1] for task in tasks if task != self.task)])

    @property
    def lost_elsewhere(self) -> float:
        """Loss in the task of the pairs itself, on the sensors that the base knows; 0 if it was not measured there."""
        before, after = self.old.get(self.task, (0.0, 0.0))
        return before - after


class Ground:
    """What all adaptations to one sensor with one task share: base, places, test images."""

    def __init__(self, corpus: Path, without: str, task: str, folder: Path) -> None:
        """Loads the base from ``folder``.

        Raises:
            LlarsError: the base is missing, or the corpus has too few places of that sensor.
        """
        self.corpus, self.without, self.task, self.folder = corpus, without, task, folder
        self.weights = folder / "base.safetensors"
        self.places = Places.of(corpus, without)
        self.network: Network
        self.info: WeightsInfo
        self.network, self.info = load_network(self.weights)

    @cached_property
    def old(self) -> list[Batch]:
        """Batches of every task on held-out patches of the sensors that the base knows."""
        known = select(self.corpus / "val", self.without, "val")
        return [held.batch for held in validation_batches(known, instructions(), estimators=estimators())]

    @cached_property
    def test(self) -> list[Batch]:
        """Batches of the test places, made as ``llars tune`` makes those of held-out images."""
        listed = write_pairs(self.places.testing, self.task, self.folder / f"{self.task}-test", seed=0)
        config = settings(None, {"out": self.folder / "none", "task": self.task, "pairs": listed, "base": self.weights})
        examples, _ = read_examples(config)
        words = Words(config, self.info.tasks, [1])
        return Batches(examples, config, words, self.network.multiple).held_out()

    @cached_property
    def zero_shot(self) -> dict[str, float]:
        """Figures of the base on the test images."""
        return validate(self.network, self.test)

    @cached_property
    def old_before(self) -> dict[str, float]:
        """Figures of the base on the old tasks."""
        return validate(self.network, self.old)


def adapt(ground: Ground, method: str, pairs: int, seed: int, steps: Steps) -> Result:
    """Tunes and measures; an existing result is returned unchanged, an interrupted run is resumed.

    Raises:
        LlarsError: there are fewer pairs than asked for, or the run was started with other settings.
    """
    folder = ground.folder / f"{ground.task}-{method}-{pairs}-{seed}"
    path = folder / "result.json"
    if path.exists():
        return read_result(path)
    pair_folder = ground.folder / f"{ground.task}-pairs-{pairs}-{seed}"
    clock = Clock(folder / "minutes.json")
    report = llars.tune(
        base=ground.weights,
        task=ground.task,
        method=method,
        pairs=write_pairs(ground.places.adapting, ground.task, pair_folder, seed, pairs),
        out=folder / "adapter.safetensors",
        steps=steps.most,
        evaluate_steps=steps.between_evaluations,
        seed=seed,
        say=clock.store,
    )
    minutes = clock.minutes
    tuned, _ = apply_adapters(ground.network, ground.info, [read_adapter(report.adapter)])
    after, old = validate(tuned, ground.test), validate(tuned, ground.old)
    result = Result(
        sensor=ground.without,
        task=ground.task,
        method=method,
        pairs=pairs,
        seed=seed,
        base_sha256=ground.info.sha256,
        base_minutes=round(ground.info.training["cpu_minutes"], 2),
        base_steps=ground.info.training["steps"],
        places=len({scene.group for scene in ground.places.adapting}),
        test_images=len(ground.test),
        rank=report.rank,
        parameters=report.parameters,
        share=round(report.share, 6),
        size=report.size,
        steps=report.steps,
        best_step=report.best_step,
        most_steps=steps.most,
        cpu_minutes=round(minutes, 2),
        given=round(ground.zero_shot[ground.task] - ground.zero_shot["mean_gain"], 3),
        before=ground.zero_shot[ground.task],
        after=after[ground.task],
        old={key: (ground.old_before[key], old[key]) for key in _tasks(ground.old_before)},
    )
    write_json(path, asdict(result))
    return result


class Clock:
    """Processor minutes of a run, summed over interruptions."""

    def __init__(self, path: Path) -> None:
        self.path = path
        spent = json.loads(path.read_text()) if path.exists() else 0.0
        self.started = time.process_time() - 60 * spent

    @property
    def minutes(self) -> float:
        """Minutes spent so far."""
        return (time.process_time() - self.started) / 60

    def store(self, line: str) -> None:
        """Stores the minutes; tuning reports a line wherever it could be resumed."""
        print(f"  {line}", flush=True)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(self.minutes))


def _tasks(measured: Mapping[str, float]) -> list[str]:
    return [key for key in measured if not key.endswith("_gain")]


def read_result(path: Path) -> Result:
    """The result that ``adapt`` wrote."""
    stored = json.loads(path.read_text())
    return Result(**{**stored, "old": {key: (before, after) for key, (before, after) in stored["old"].items()}})
