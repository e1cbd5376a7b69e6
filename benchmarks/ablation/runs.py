"""The training runs of the ablation, one folder each; finished runs are not repeated."""

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
from llars.files import write_whole
from llars.model.config import preset
from llars.sample import Batch
from llars.train.bundled import estimators, instructions
from llars.train.config import read_config

__all__ = ["INPUTS", "Result", "Settings", "read_inputs", "read_results", "run", "write_inputs"]

CONFIG = Path("configs/train/small.yaml")
"""Configuration from which the shares of the tasks are taken."""

INPUTS = "inputs.json"
"""File beside the runs with the PSNR of the network's inputs on the held-out patches."""


@dataclass(frozen=True)
class Settings:
    """Settings shared by all runs of an ablation."""

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
    """Processor time of the training process; batches are made by another process."""

    skipped: int
    parameters: int
    gigaflops: float
    """GFLOP per megapixel with about ten bands, in the unfolded form used in training."""

    psnr: dict[str, float]
    """PSNR in dB on held-out patches, by task."""

    @property
    def mean(self) -> float:
        """Mean PSNR over the tasks."""
        return sum(self.psnr.values()) / len(self.psnr)

    @property
    def samples_per_second(self) -> float:
        """Training samples per second of processor time."""
        return self.steps * self.batch_size / self.cpu_seconds


def run(name: str, settings: Settings, folder: Path) -> Result:
    """Trains the variant called ``name`` in ``folder`` and scores it; an existing result is returned unchanged.

    Raises:
        LlarsError: the corpus or the checkpoint is unusable.
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
    """Writes the PSNR of the network's inputs by task to ``inputs.json`` in ``folder``, if it does not exist yet."""
    path = folder / INPUTS
    if not path.exists():
        given = score_inputs(held_out(settings.corpus, instructions()))
        write(path, {task: round(value, 3) for task, value in given.items()})


def write(path: Path, values: Mapping[str, object]) -> None:
    """Writes JSON atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(values, indent=1) + "\n")


def ten_bands(batches: list[Batch]) -> Batch:
    """The batch without guides whose number of bands is nearest to ten; the work is counted on it."""
    return min(
        (batch for batch in batches if batch.guides.shape[1] == 0 and not batch.about_histogram),
        key=lambda batch: abs(batch.clean.shape[1] - 10),
    )


def machine() -> str:
    """Name of the processor."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def read_result(path: Path) -> Result:
    """The result that ``run`` wrote."""
    return Result(**json.loads(path.read_text()))


def read_inputs(folder: Path) -> dict[str, float]:
    """The figures that ``write_inputs`` wrote.

    Raises:
        DataError: the file is missing.
    """
    path = folder / INPUTS
    if not path.exists():
        raise DataError(f"no {path}; train first: python -m benchmarks.ablation --out FOLDER")
    given: dict[str, float] = json.loads(path.read_text())
    return given


def read_results(folder: Path) -> dict[str, Result]:
    """The results in ``folder``, laid out as by runs or as in the repository, in the order of ``VARIANTS``."""
    found = {}
    for name in VARIANTS:
        for path in (folder / name / "result.json", folder / f"{name}.json"):
            if path.exists():
                found[name] = read_result(path)
    return found
