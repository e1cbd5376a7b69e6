"""Base weights that have never seen a sensor, from a short training without it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from benchmarks.corpora import fingerprint, select
from benchmarks.ours import Ours
from benchmarks.rivals.contest import RATE
from benchmarks.training import train
from llars.data.mix import Mixer, Recipe
from llars.errors import ConfigError
from llars.model.config import preset
from llars.tasks import TASK_KEYS
from llars.train.bundled import estimators, instructions
from llars.train.config import read_config
from llars.weights.registry import WeightsInfo, read_info, save_weights

__all__ = ["Base", "trained"]

CONFIG = Path(__file__).parents[2] / "configs/train/small.yaml"
"""Configuration from which the shares of the tasks are taken."""


@dataclass(frozen=True)
class Base:
    """Settings of the base weights of a comparison; stored with the weights."""

    corpus: str
    """SHA-256 of the manifest of the corpus."""

    without: str
    """Sensors whose names begin with this are left out of training."""

    cpu_minutes: float
    """Processor time of the training process; batches are made by another process."""

    model: str = "llars-small"
    batch_size: int = 16
    seed: int = 0

    @classmethod
    def of(cls, corpus: Path, without: str, cpu_minutes: float, model: str, batch_size: int) -> Base:
        """Settings for the corpus in that folder.

        Raises:
            DataError: there is no corpus.
        """
        return cls(fingerprint(corpus), without, cpu_minutes, model, batch_size)


def trained(base: Base, corpus: Path, folder: Path) -> WeightsInfo:
    """The base in ``folder/base.safetensors``, trained if it is missing; an interrupted training is resumed.

    Raises:
        ConfigError: the folder holds a base with other settings.
        LlarsError: the corpus or the checkpoint is unusable.
    """
    file, record, wanted = folder / "base.safetensors", folder / "base.json", asdict(base)
    kept = json.loads(record.read_text()) if record.exists() else wanted
    if differing := sorted(key for key in wanted if kept[key] != wanted[key]):
        raise ConfigError(
            f"{folder} holds a base with {', '.join(f'{key} {kept[key]}' for key in differing)}, asked for "
            f"{', '.join(str(wanted[key]) for key in differing)}; name another --out"
        )
    if file.exists():
        return read_info(file)
    folder.mkdir(parents=True, exist_ok=True)
    record.write_text(json.dumps(wanted, indent=1) + "\n")
    torch.manual_seed(base.seed)
    contestant = Ours(preset(base.model))
    mixer = Mixer(
        select(corpus / "train", base.without, "train"),
        instructions(),
        Recipe(read_config(CONFIG).tasks),
        base.batch_size,
        seed=base.seed,
        estimators=estimators(),
    )
    done = train(
        contestant,
        mixer,
        cpu_minutes=base.cpu_minutes,
        seed=base.seed,
        learning_rate=RATE,
        checkpoint=folder / "last.safetensors",
        log=folder / "log.csv",
    )
    network = contestant.network
    return save_weights(file, network.state_dict(), network.config, TASK_KEYS, {**wanted, **asdict(done)})
