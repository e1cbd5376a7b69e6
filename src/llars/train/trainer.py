"""The state of a small network's training: its weights, their moving average and the optimiser."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import fmean
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from llars.train.checkpoint import Average, load_checkpoint, save_checkpoint

__all__ = ["Trainer"]

Network = TypeVar("Network", bound=nn.Module)

LAST_RATE = 0.01
"""Learning rate of the last step relative to the peak."""

CHECKPOINT_SECONDS = 90.0
"""Seconds between checkpoints."""

TOLD_EVERY, AVERAGED = 50, 100
"""Batches between lines of progress, and batches over which the loss that they give is averaged, about."""


class Trainer(Generic[Network]):
    """AdamW with a warm-up and a cosine schedule; the averaged weights are the result."""

    def __init__(self, network: Network, steps: int, rate: float, warm_up: int, decay: float) -> None:
        network.train().requires_grad_().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.network, self.steps, self.rate, self.warm_up, self.step = network, steps, rate, warm_up, 0
        self.average = Average(network, decay)
        self.optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=0.01)

    def learn(self, loss: Tensor) -> float:
        """One step down the gradient of ``loss``; returns its value."""
        fallen = LAST_RATE + (1.0 - LAST_RATE) * 0.5 * (1.0 + math.cos(math.pi * self.step / self.steps))
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate * min((self.step + 1) / self.warm_up, fallen)
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self.average.update(self.network, self.step)
        self.step += 1
        return float(loss.detach())

    def run(self, batches: int, losses: Callable[[int], Iterable[Tensor]], folder: Path | None = None) -> Network:
        """Trains on all batches that are left; returns the averaged network.

        Args:
            batches: number of batches of the whole run; its steps are spread evenly over them.
            losses: gives the losses of the steps on a batch, each computed after the step before it.
            folder: folder of the checkpoint, to resume from and to write to.
        """
        checkpoint = folder and folder / "checkpoint.safetensors"
        if checkpoint and checkpoint.exists():
            self.load(checkpoint)
        first, running, saved = self.step // (self.steps // batches), 0.0, time.monotonic()
        for batch in range(first, batches):
            values = [self.learn(loss) for loss in losses(batch)]
            running += (fmean(values) - running) / min(batch + 1 - first, AVERAGED)
            if (batch + 1) % TOLD_EVERY == 0:
                print(f"{time.strftime('%X')} batch {batch + 1}/{batches}: loss {running:.4f}", flush=True)
            if checkpoint and (time.monotonic() - saved > CHECKPOINT_SECONDS or batch + 1 == batches):
                self.save(checkpoint)
                saved = time.monotonic()
        return self.averaged()

    def averaged(self) -> Network:
        """The network with the averaged weights, rounded to half precision as they are stored."""
        self.network.load_state_dict({name: value.contiguous() for name, value in self.average.values.items()})
        return self.network.half().float().eval()

    def save(self, path: Path) -> None:
        """Writes everything that is needed to resume."""
        parts = {"network": self.network.state_dict(), "average": self.average.values}
        save_checkpoint(path, parts, self.optimiser, self.step)

    def load(self, path: Path) -> None:
        """Restores what was saved."""
        parts, self.step = load_checkpoint(path, self.optimiser)
        self.network.load_state_dict(parts["network"])
        self.average.values = parts["average"]
