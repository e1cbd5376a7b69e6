"""Adaptations by ``llars.tune`` and what they are worth; what is done is not done again."""

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
from llars.weights.adapters import read_adapter, wear
from llars.weights.registry import WeightsInfo, load_network

__all__ = ["Ground", "Result", "Steps", "adapt", "read_result"]


@dataclass(frozen=True)
class Steps:
    """The budget of one adaptation; all else is as ``llars tune`` has it."""

    most: int = 200
    between_looks: int = 40


@dataclass(frozen=True)
class Result:
    """One adaptation. Figures in decibels are PSNR with peak 1."""

    sensor: str
    """What the names of the sensors left out begin with."""

    task: str
    """What the pairs are examples of, and the test images."""

    method: str
    pairs: int
    seed: int
    """Of the choice of pairs, their noise, and tuning."""

    base_sha256: str
    base_minutes: float
    """Processor time that the base was trained for."""

    base_steps: int
    places: int
    """That pairs may come from."""

    test_images: int
    rank: int
    parameters: int
    share: float
    """Of the parameters of the base."""

    size: int
    """Bytes of the adapter."""

    steps: int
    best_step: int
    most_steps: int
    cpu_minutes: float
    """Processor time of tuning, images read and looks taken."""

    given: float
    """Test images as tuning hands them to the network: mended by what physics can undo."""

    before: float
    """Test images, restored by the base."""

    after: float
    """Test images, restored with the adapter."""

    old: dict[str, tuple[float, float]]
    """By task: sensors that the base knows, held-out patches, without and with the adapter."""

    @property
    def gain(self) -> float:
        """Over zero-shot."""
        return self.after - self.before

    @property
    def lost(self) -> float:
        """Most that an old task lost; 0 if none did."""
        return self._lost(self.old)

    @property
    def lost_on_faults(self) -> float:
        """The same without the tasks whose results are exact but for rounding, 70 dB and more."""
        return self._lost([task for task in self.old if task not in TONES])

    def _lost(self, tasks: Iterable[str]) -> float:
        return max([0.0, *(self.old[task][0] - self.old[task][1] for task in tasks)])


class Ground:
    """What all adaptations to one sensor with one task have in common: base, places, test."""

    def __init__(self, corpus: Path, without: str, task: str, folder: Path) -> None:
        """With the base that lies in ``folder``.

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
        """Every task on held-out patches of the sensors that the base knows."""
        known = select(self.corpus / "val", self.without, "val")
        return [held.batch for held in validation_batches(known, instructions(), estimators=estimators())]

    @cached_property
    def test(self) -> list[Batch]:
        """The places kept for it, measured as ``llars tune`` measures the images that it holds out."""
        listed = write_pairs(self.places.testing, self.task, self.folder / f"{self.task}-test", seed=0)
        config = settings(None, {"out": self.folder / "none", "task": self.task, "pairs": listed, "base": self.weights})
        examples, _ = read_examples(config)
        words = Words(config, self.info.tasks, [1])
        return Batches(examples, config, words, self.network.multiple).held_out()

    @cached_property
    def zero_shot(self) -> dict[str, float]:
        """The base on the test images."""
        return validate(self.network, self.test)

    @cached_property
    def old_before(self) -> dict[str, float]:
        """The base on the old tasks."""
        return validate(self.network, self.old)


def adapt(ground: Ground, method: str, pairs: int, seed: int, steps: Steps) -> Result:
    """Tunes and measures; a result that is there is returned as it is, an interrupted run goes on.

    Raises:
        LlarsError: there are not so many pairs, or the run was started with other settings.
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
        evaluate_steps=steps.between_looks,
        seed=seed,
        say=clock.look,
    )
    minutes = clock.minutes
    tuned, _ = wear(ground.network, ground.info, [read_adapter(report.adapter)])
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
    """Processor minutes of a run, interruptions left out."""

    def __init__(self, path: Path) -> None:
        self.path = path
        spent = json.loads(path.read_text()) if path.exists() else 0.0
        self.started = time.process_time() - 60 * spent

    @property
    def minutes(self) -> float:
        """Spent so far."""
        return (time.process_time() - self.started) / 60

    def look(self, line: str) -> None:
        """Keeps the minutes; tuning says a line wherever it could go on from."""
        print(f"  {line}", flush=True)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(self.minutes))


def _tasks(measured: Mapping[str, float]) -> list[str]:
    return [key for key in measured if not key.endswith("_gain")]


def read_result(path: Path) -> Result:
    """The result that ``adapt`` wrote."""
    told = json.loads(path.read_text())
    return Result(**{**told, "old": {key: (before, after) for key, (before, after) in told["old"].items()}})
