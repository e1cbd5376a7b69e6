"""Training in the same way for all contestants: the same batches, optimiser, schedule and budget."""

from __future__ import annotations

import csv
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from llars.data.mix import Loader, Mixer
from llars.errors import ConfigError
from llars.sample import Batch
from llars.train.checkpoint import Average, load_checkpoint, save_checkpoint

__all__ = ["Contestant", "Trained", "train"]

WARM_UP = 0.05
"""Share of the budget during which the learning rate rises."""

LAST_RATE = 0.01
"""Learning rate at the end, as a share of the peak."""

AVERAGE, CLIP, DECAY = 0.999, 1.0, 1e-4
"""Decay of the moving average of the parameters, largest norm of the gradient, weight decay: as in ``llars train``."""

LOG_STEPS, CHECKPOINT_SECONDS = 20, 60.0
"""Steps between two rows of the log; processor seconds between two checkpoints."""

ENDLESS = 10**9
"""More steps than any time budget allows."""


class Contestant(nn.Module, ABC):
    """A network that learns to restore from the same batches as llars."""

    from_initial_estimates = False
    """Whether it starts from initial estimates, which are a part of llars, or from the degraded images."""

    @abstractmethod
    def loss(self, batch: Batch) -> Tensor:
        """The training loss, a scalar; networks run under bfloat16 autocast inside."""

    @abstractmethod
    def restore(self, batch: Batch) -> Tensor:
        """``(batch, band, y, x)`` float32 unit values of the targets."""

    def log_fields(self) -> Mapping[str, object]:
        """Its own columns for the log, over the steps since the last call; always the same columns."""
        return {}


@dataclass(frozen=True)
class Trained:
    """The cost of a training."""

    steps: int
    samples: int
    cpu_seconds: float
    """Processor time of the training process; batches are made by another process."""

    skipped: int
    """Steps skipped because their gradient was not finite."""


class Run:
    """The state of one training, on disk and in memory."""

    def __init__(self, contestant: Contestant, learning_rate: float, checkpoint: Path, log: Path) -> None:
        self.contestant, self.learning_rate, self.checkpoint, self.log = contestant, learning_rate, checkpoint, log
        self.optimizer = torch.optim.AdamW(contestant.parameters(), learning_rate, (0.9, 0.99), weight_decay=DECAY)
        self.average = Average(contestant, AVERAGE)
        self.step, self.skipped = 0, 0
        self.spent = 0.0
        self.saved = 0.0
        if checkpoint.exists():
            self.resume()
        self.trim_log()
        self.started = time.process_time() - self.spent

    def resume(self) -> None:
        """Restores the state of the checkpoint."""
        parts, self.step = load_checkpoint(self.checkpoint, self.optimizer)
        self.contestant.load_state_dict(parts["contestant"])
        self.average.values = parts["average"]
        self.spent = self.saved = parts["counts"]["cpu_seconds"].item()
        self.skipped = int(parts["counts"]["skipped"])

    def trim_log(self) -> None:
        """Drops the rows beyond this step, which an interrupted run has left and which will be written again."""
        if self.log.exists():
            with self.log.open(newline="") as file:
                rows = [row for row in csv.DictReader(file) if int(row["step"]) <= self.step]
            self.log.unlink()
            for row in rows:
                self.write(row)

    def save(self) -> None:
        """Writes the checkpoint atomically."""
        counts = {
            "cpu_seconds": torch.tensor(self.spent, dtype=torch.float64),
            "skipped": torch.tensor(self.skipped),
        }
        parts = {"contestant": self.contestant.state_dict(), "average": self.average.values, "counts": counts}
        save_checkpoint(self.checkpoint, parts, self.optimizer, self.step)
        self.saved = self.spent

    def write(self, row: Mapping[str, object]) -> None:
        """Appends a row to the log."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        new = not self.log.exists()
        with self.log.open("a", newline="") as file:
            writer = csv.DictWriter(file, list(row))
            if new:
                writer.writeheader()
            writer.writerow(row)

    def learn(self, batch: Batch, rate: float) -> float:
        """One step of the optimiser at ``rate``; returns the loss."""
        self.contestant.train()
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        loss = self.contestant.loss(batch)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.contestant.parameters(), CLIP)
        if torch.isfinite(norm):
            self.optimizer.step()
            self.average.update(self.contestant, self.step)
        else:
            self.skipped += 1
        self.step += 1
        self.spent = time.process_time() - self.started
        return float(loss.detach())

    def adopt_average(self) -> None:
        """Puts the averaged parameters into the contestant."""
        self.contestant.load_state_dict({**self.contestant.state_dict(), **self.average.values})
        self.contestant.eval()


def rate_at(done: float) -> float:
    """Share of the peak learning rate when ``done`` of the budget is spent: linear warm-up, then cosine decay."""
    if done < WARM_UP:
        return max(done / WARM_UP, LAST_RATE)
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, (done - WARM_UP) / (1 - WARM_UP))))
    return LAST_RATE + (1 - LAST_RATE) * cosine


def train(
    contestant: Contestant,
    mixer: Mixer,
    *,
    cpu_minutes: float | None = None,
    steps: int | None = None,
    seed: int,
    learning_rate: float,
    checkpoint: Path,
    log: Path,
) -> Trained:
    """Trains until the budget is spent, and leaves the averaged parameters in ``contestant``.

    The budget is processor time of this process, or a number of steps. Batches are made by a separate process and are
    not counted: they cost every contestant the same. An interrupted run resumes from ``checkpoint``, with the batches
    and the random numbers that it would have had.

    Args:
        contestant: the network.
        mixer: source of the batches; step by step the same for all contestants.
        cpu_minutes: budget in processor minutes; None if ``steps`` is given.
        steps: budget in steps; None if ``cpu_minutes`` is given.
        seed: seed of the contestant's random numbers during training.
        learning_rate: peak learning rate.
        checkpoint: file to resume from, written regularly.
        log: CSV file of the log.

    Raises:
        ConfigError: not exactly one budget above 0 is given.
        DataError: the checkpoint is damaged.
    """
    budget = [given for given in (cpu_minutes, steps) if given is not None]
    if len(budget) != 1 or budget[0] <= 0:
        raise ConfigError(f"found cpu_minutes={cpu_minutes} and steps={steps}; give one of them, above 0")
    run = Run(contestant, learning_rate, checkpoint, log)

    def done() -> float:
        return run.spent / (60 * cpu_minutes) if cpu_minutes is not None else run.step / (steps or 1)

    losses: list[float] = []
    for batch in Loader(mixer, run.step, steps or ENDLESS) if done() < 1 else ():
        # Random numbers depend on seed and step alone, so that their state need not be saved.
        torch.manual_seed(seed * 1_000_003 + run.step)
        losses.append(run.learn(batch, learning_rate * rate_at(done())))
        if run.step % LOG_STEPS == 0:
            row = {"step": run.step, "cpu_seconds": f"{run.spent:.1f}", "loss": f"{sum(losses) / len(losses):.4f}"}
            run.write({**row, "skipped": run.skipped, **contestant.log_fields()})
            losses = []
        if done() >= 1 or run.spent - run.saved > CHECKPOINT_SECONDS:
            run.save()
        if done() >= 1:
            break
    run.adopt_average()
    return Trained(run.step, run.step * mixer.batch_size, run.spent, run.skipped)
