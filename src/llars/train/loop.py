"""The training loop: one resumable command.

A step is a pure function of the seed and its number, so that a run that was stopped and resumed ends with the same
weights as an uninterrupted one.
"""

from __future__ import annotations

import importlib.util
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from llars.data.corpus import Corpus
from llars.data.mix import Loader, Mixer, Recipe
from llars.data.validation import validation_batches
from llars.errors import DataError
from llars.model.config import preset
from llars.model.device import pick_device
from llars.model.network import Network
from llars.model.normalise import Statistics
from llars.sample import Batch
from llars.tasks import TASK_KEYS
from llars.text.plain import PlainWords
from llars.train.bundled import estimators, instructions
from llars.train.checkpoint import Average, load_checkpoint, read_settings, save_checkpoint
from llars.train.config import TrainConfig, read_config
from llars.train.log import Log, Progress
from llars.train.objective import batch_loss, forward, jitter
from llars.train.panel import panel
from llars.train.processes import Processes, joined
from llars.train.resuming import check_settings, fixed_settings
from llars.train.validation import validate
from llars.train.weighting import TaskWeights
from llars.weights.registry import load_network, save_weights

__all__ = ["Trainer", "main"]

ALONE = Processes()
LOG_STEPS = 200
"""Steps between two lines of the log."""


class Trainer:
    """The state of a run."""

    def __init__(self, config: TrainConfig, processes: Processes = ALONE) -> None:
        self.config, self.processes, self.fixed = config, processes, fixed_settings(config)
        self.checkpoint = config.run / "last.safetensors"
        stored = read_settings(self.checkpoint) if self.checkpoint.exists() else self.fixed
        check_settings(config.run, stored or {}, self.fixed)
        self.notes = () if stored else (f"{self.checkpoint} does not tell its settings; going on with those of now",)
        torch.manual_seed(config.seed)
        self.network = (
            Network(preset(config.model)) if config.start_from is None else load_network(config.start_from)[0]
        )
        self.network.to(config.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.network.backbone.recompute = config.recompute
        self.average = Average(self.network, config.average)
        self.weighting = TaskWeights(len(TASK_KEYS)).to(config.device)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), config.learning_rate, (0.9, 0.99), weight_decay=config.weight_decay, fused=True
        )
        self.step = 0
        if self.checkpoint.exists():
            self.resume()

    def resume(self) -> None:
        """Loads the checkpoint, to continue where the run stopped."""
        parts, self.step = load_checkpoint(self.checkpoint, self.optimizer)
        self.network.load_state_dict(parts["network"])
        self.average.values = {name: value.to(self.config.device) for name, value in parts["average"].items()}
        self.weighting.load_state_dict(parts["weighting"])

    def save(self) -> None:
        """Writes a checkpoint, and the averaged weights in the form in which they are shipped."""
        parts = {
            "network": self.network.state_dict(),
            "average": self.average.values,
            "weighting": self.weighting.state_dict(),
        }
        save_checkpoint(self.checkpoint, parts, self.optimizer, self.step, self.fixed)
        save_weights(
            self.config.run / f"{self.config.model}.safetensors",
            self.averaged().state_dict(),
            self.network.config,
            sorted(self.config.tasks),
            {"steps": str(self.step), "samples": str(self.step * self.config.batch_size)},
        )

    def averaged(self) -> Network:
        """A copy of the network with the averaged parameters, ready for inference."""
        network = Network(self.network.config).to(self.config.device)
        network.load_state_dict({**self.network.state_dict(), **self.average.values})
        return network.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload,no-any-return]

    def learning_rate(self) -> float:
        """Linear warm-up, then cosine decay to a hundredth of the peak."""
        config = self.config
        if self.step < config.warmup:
            return config.learning_rate * (self.step + 1) / config.warmup
        done = min(1.0, (self.step - config.warmup) / max(1, config.steps - config.warmup))
        return config.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))

    def train_step(self, batch: Batch, progress: Progress) -> None:
        """One step of the optimizer; a step whose gradient is not finite is skipped and counted."""
        # Gates and jitter draw from the global generator: seeded by the step, its state need not be saved.
        torch.manual_seed(self.config.seed * 1_000_003 + self.step * self.processes.count + self.processes.rank)
        self.network.train()
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate()
        statistics = jitter(Statistics.of(batch.image, histogram=batch.about_histogram))
        result = batch_loss(forward(self.network, batch, statistics), batch, self.weighting, self.config.losses)
        self.optimizer.zero_grad(set_to_none=True)
        result.total.backward()  # type: ignore[no-untyped-call]
        self.processes.average_gradients(self.network)
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip)
        if torch.isfinite(norm):
            self.optimizer.step()
            self.average.update(self.network, self.step)
            progress.take(batch.task, result.losses, result.weights)
        else:
            # Its losses may be infinite or no numbers, and would make the means of the whole row so.
            progress.skipped += 1
        self.step += 1


def main(path: Path, overrides: Sequence[str] = (), say: Callable[[str], object] = str) -> Path:
    """Trains according to the configuration at ``path`` and returns the weights file; also works under ``torchrun``.

    ``say`` is called with notes for the user, one sentence each.

    Raises:
        LlarsError: the configuration, corpus or checkpoint is unusable, or the run was started with other settings.
    """
    config = read_config(path, overrides)
    with joined(str(pick_device(config.device))) as (processes, device):
        run(replace(config, device=device), processes, say)
    return config.run / f"{config.model}.safetensors"


def run(config: TrainConfig, processes: Processes, say: Callable[[str], object] = str) -> None:
    """Runs the remaining steps, with checkpoints, log and evaluations on the way."""
    corpus, words = Corpus.open(config.corpus / "train"), instructions()
    mixer = Mixer(corpus, words, Recipe(config.tasks), config.batch_size, seed=config.seed, estimators=estimators())
    trainer = Trainer(config, processes)
    for note in trainer.notes if processes.first else ():
        say(note)
    report = Report(trainer, config, words) if processes.first else None
    start = time.monotonic()
    progress = Progress()
    first, count = trainer.step, processes.count
    for batch in Loader(mixer, first * count + processes.rank, config.steps * count, stride=count):
        trainer.train_step(batch.to(config.device), progress)
        out_of_time = config.max_minutes is not None and time.monotonic() - start > 60 * config.max_minutes
        stop = processes.agree(out_of_time) if config.max_minutes is not None else False
        if report is not None:
            progress = report.after_step(progress)
        if stop:
            break
    if trainer.step == 0:
        raise DataError(f"no training step was done: steps={config.steps} with the corpus at {config.corpus}")
    if report is not None:
        report.finish()


class Report:
    """Log, checkpoints and evaluations, written by the first process during training."""

    def __init__(self, trainer: Trainer, config: TrainConfig, words: PlainWords) -> None:
        self.trainer, self.config = trainer, config
        self.held_out = [
            held.batch
            for held in validation_batches(Corpus.open(config.corpus / "val"), words, estimators=estimators())
        ]
        self.log = Log(config.run)
        self.saved = self.evaluated = time.monotonic()
        self.evaluated_step = trainer.step

    def after_step(self, progress: Progress) -> Progress:
        """Writes whatever is due and returns the progress to count on with: a new one after a line of the log."""
        trainer, config, now = self.trainer, self.config, time.monotonic()
        if trainer.step % LOG_STEPS == 0:
            rate = {"step": trainer.step, "lr": f"{trainer.learning_rate():.2e}"}
            samples = config.batch_size * trainer.processes.count
            tasks = sorted(config.tasks)
            self.log.write("train", rate | progress.row(samples, tasks))
            self.log.write("weights", {"step": trainer.step, **progress.weights.row(tasks)})
            progress = Progress()
        if now - self.saved > 60 * config.checkpoint_minutes:
            self.save()
        if now - self.evaluated > 60 * config.evaluate_minutes:
            self.evaluate()
        return progress

    def finish(self) -> None:
        """Checkpoint and evaluation of the last step."""
        self.save()
        if self.evaluated_step != self.trainer.step:
            self.evaluate()

    def save(self) -> None:
        """The checkpoint."""
        self.trainer.save()
        self.saved = time.monotonic()

    def evaluate(self) -> None:
        """A row of metrics on the held-out patches, and a picture of some of them."""
        network, step = self.trainer.averaged(), self.trainer.step
        held_out = [batch.to(self.config.device) for batch in self.held_out]
        self.log.write("validation", {"step": step, **validate(network, held_out)})
        if importlib.util.find_spec("PIL") is not None:
            self.log.picture("held_out", step, panel(network, held_out))
        self.evaluated, self.evaluated_step = time.monotonic(), step
