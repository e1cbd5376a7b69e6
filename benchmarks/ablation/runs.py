"""The trainings of the ablation, one folder each; what is done is not done again."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from benchmarks.ablation.variants import VARIANTS
from benchmarks.scoring import gigaflops, held_out, score, score_inputs
from benchmarks.training import train
from llars.data.corpus import Corpus
from llars.data.mix import Mixer, Recipe
from llars.errors import DataError
from llars.model.config import preset
from llars.sample import Batch
from llars.train.bundled import estimators, instructions
from llars.train.config import read_config

__all__ = ["INPUTS", "Result", "Settings", "read_inputs", "read_results", "run", "write_inputs"]

CONFIG = Path("configs/train/small.yaml")
"""Where the shares of the tasks come from."""

INPUTS = "inputs.json"
"""File beside the trainings: how good the held-out patches are before anything is done to them."""


@dataclass(frozen=True)
class Settings:
    """What all trainings of an ablation have in common."""

    corpus: Path
    steps: int
    model: str = "llars-small"
    batch_size: int = 16
    learning_rate: float = 1.2e-3
    seed: int = 0


@dataclass(frozen=True)
class Result:
    """One trained variant."""

    name: str
    model: str
    steps: int
    batch_size: int
    learning_rate: float
    seed: int
    threads: int
    machine: str
    cpu_seconds: float
    """Processor time of the training process; batches are made by another."""

    skipped: int
    parameters: int
    gigaflops: float
    """GFLOP per megapixel of ten bands, in the form in which it is trained."""

    psnr: dict[str, float]
    """Decibels on held-out patches, by task."""

    @property
    def mean(self) -> float:
        """Mean over the tasks."""
        return sum(self.psnr.values()) / len(self.psnr)

    @property
    def samples_per_second(self) -> float:
        """Speed of training."""
        return self.steps * self.batch_size / self.cpu_seconds


def run(name: str, settings: Settings, folder: Path) -> Result:
    """Trains the variant called ``name`` in ``folder`` and scores it; a result that is there is returned as it is.

    Raises:
        LlarsError: corpus or checkpoint are not usable.
    """
    path = folder / name / "result.json"
    if path.exists():
        return read_result(path)
    variant = VARIANTS[name]
    seed = settings.seed + variant.seed
    words = instructions()
    shares = read_config(CONFIG).tasks
    corpus = Corpus.open(settings.corpus / "train")
    mixer = Mixer(corpus, words, Recipe(shares), settings.batch_size, seed=seed, estimators=estimators())
    torch.manual_seed(seed)
    contestant = variant.make(preset(settings.model))
    trained = train(
        contestant,
        mixer,
        steps=settings.steps,
        seed=seed,
        learning_rate=settings.learning_rate,
        checkpoint=folder / name / "last.safetensors",
        log=folder / name / "log.csv",
    )
    batches = held_out(settings.corpus, words)
    result = Result(
        name=name,
        model=settings.model,
        steps=trained.steps,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        seed=seed,
        threads=torch.get_num_threads(),
        machine=machine(),
        cpu_seconds=round(trained.cpu_seconds, 1),
        skipped=trained.skipped,
        parameters=sum(parameter.numel() for parameter in contestant.parameters()),
        gigaflops=round(gigaflops(contestant, ten_bands(batches)), 1),
        psnr={task: round(value, 3) for task, value in score(contestant, batches).items()},
    )
    write(path, asdict(result))
    return result


def write_inputs(settings: Settings, folder: Path) -> None:
    """Decibels of what goes in, by task, to ``inputs.json`` in ``folder`` where it is not there yet."""
    path = folder / INPUTS
    if not path.exists():
        given = score_inputs(held_out(settings.corpus, instructions()))
        write(path, {task: round(value, 3) for task, value in given.items()})


def write(path: Path, values: Mapping[str, object]) -> None:
    """JSON, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    unfinished.write_text(json.dumps(values, indent=1) + "\n")
    unfinished.replace(path)


def ten_bands(batches: list[Batch]) -> Batch:
    """The batch without guides whose number of bands is nearest to ten: what work is counted on."""
    return min(
        (batch for batch in batches if batch.guides.shape[1] == 0 and not batch.about_histogram),
        key=lambda batch: abs(batch.clean.shape[1] - 10),
    )


def machine() -> str:
    """The processor."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def read_result(path: Path) -> Result:
    """The result that ``run`` wrote."""
    return Result(**json.loads(path.read_text()))


def read_inputs(folder: Path) -> dict[str, float]:
    """What ``write_inputs`` wrote.

    Raises:
        DataError: it wrote nothing there.
    """
    path = folder / INPUTS
    if not path.exists():
        raise DataError(f"no {path}; train first: python -m benchmarks.ablation --out FOLDER")
    given: dict[str, float] = json.loads(path.read_text())
    return given


def read_results(folder: Path) -> dict[str, Result]:
    """The results in ``folder``, of runs or as they are kept in the repository, in the order of ``VARIANTS``."""
    found = {}
    for name in VARIANTS:
        for path in (folder / name / "result.json", folder / f"{name}.json"):
            if path.exists():
                found[name] = read_result(path)
    return found
