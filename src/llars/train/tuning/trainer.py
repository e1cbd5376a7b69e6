"""The steps of a tuning run: a frozen base, changes that learn, a look at the held-out images now and then."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.func import functional_call

from llars.errors import DataError
from llars.model.align import describe
from llars.model.gating import Gate
from llars.model.network import Network
from llars.model.normalise import Statistics
from llars.model.output import Output
from llars.model.precision import autocast
from llars.sample import Batch
from llars.train.checkpoint import load_checkpoint, save_checkpoint
from llars.train.losses import LossWeights, restoration_loss
from llars.train.objective import jitter
from llars.train.projection import hold_means
from llars.train.tuning.batches import Batches
from llars.train.tuning.config import TuneConfig
from llars.train.validation import restore, validate
from llars.weights.adapters import Change, changed

__all__ = ["Look", "Tuner"]

WARMUP = 20
"""Steps of the linear warm-up."""

CLIP = 1.0
"""Largest norm of the gradient."""

LOSSES = LossWeights()


@dataclass(frozen=True)
class Look:
    """What a look at the held-out images showed."""

    step: int
    loss: float
    """Mean loss of training since the last look; NaN at step 0."""

    gain: float
    """Mean PSNR of the restored patches above that of the patches as they are, in dB."""


class Student(nn.Module):
    """The network from batch to output, in a form whose tensors can be swapped for a call."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network.train()
        for module in network.modules():
            if isinstance(module, Gate):
                # Without noise: which experts the base chooses is not for a few images to explore.
                module.eval()

    def forward(self, batch: Batch) -> tuple[Output, Statistics]:
        """The output in normalised values, and the statistics of the targets."""
        targets = batch.clean.shape[1]
        statistics = jitter(Statistics.of(batch.image, histogram=batch.about_histogram))
        image = statistics.apply(batch.image)
        bands = describe(batch.bands).to(image.device)
        with autocast(image.device):
            conditions = self.network.condition(image[:, None], bands, statistics, batch.instruction, targets)
            output = self.network(image, conditions)
        held = hold_means(output.image, image[:, :targets], batch.factor)
        return replace(output, image=held), statistics.first(targets)


class Tuner:
    """The state of a run."""

    def __init__(self, config: TuneConfig, base: Network, changes: Mapping[str, Change], batches: Batches) -> None:
        self.config, self.batches = config, batches
        # Of the changes only what the loss depends on: heads that it does not see would fill the file with zeros.
        self.base = {name: value.to(config.device) for name, value in base.state_dict().items()}
        self.changes = _on(changes, config.device)
        self.teacher = copy.deepcopy(base).to(config.device)
        appended = {change.parts["rows"].shape[change.axis] for change in changes.values() if change.kind == "append"}
        larger = replace(base.config, experts=base.config.experts + max(appended, default=0))
        self.student = Student(Network(larger).to(config.device))
        self.worn = Network(larger).to(config.device).eval()
        self._drop_idle()
        self.trained = list(self.parts().values())
        self.optimizer = torch.optim.AdamW(self.trained, config.peak, (0.9, 0.99), weight_decay=0.0)
        self.step = 0
        self.looks: list[Look] = []
        self.best = self.snapshot()
        self.checkpoint = config.folder / "last.safetensors"
        if self.checkpoint.exists():
            self.resume()

    def parts(self) -> dict[str, Tensor]:
        """The tensors that learn, by their names in the file."""
        return {
            f"{change.stem or name}/{part}": tensor
            for name, change in self.changes.items()
            for part, tensor in change.parts.items()
            if tensor.requires_grad
        }

    def snapshot(self) -> dict[str, Tensor]:
        """A copy of the tensors that learn."""
        return {name: value.detach().clone() for name, value in self.parts().items()}

    def tensors(self) -> dict[str, Tensor]:
        """All tensors of the network as changed."""
        return {
            name: changed(value, [self.changes[name]]) if name in self.changes else value
            for name, value in self.base.items()
        }

    def _drop_idle(self) -> None:
        parts = self.parts()
        gradients: tuple[Tensor | None, ...] = torch.autograd.grad(
            self._loss(0), list(parts.values()), allow_unused=True
        )
        used = {id(part) for part, gradient in zip(parts.values(), gradients, strict=True) if gradient is not None}
        self.changes = {
            name: change
            for name, change in self.changes.items()
            # Appended experts stay: a gate and its experts must keep to one number.
            if change.kind == "append" or any(id(part) in used for part in change.parts.values())
        }

    def resume(self) -> None:
        """Goes on where the run stopped."""
        state, self.step = load_checkpoint(self.checkpoint, self.optimizer)
        parts = self.parts()
        if state.get("now", {}).keys() != parts.keys():
            raise DataError(f"checkpoint {self.checkpoint} holds another adapter; delete it to start anew")
        with torch.no_grad():
            for name, part in parts.items():
                part.copy_(state["now"][name])
        self.best = {name: value.to(self.config.device) for name, value in state["best"].items()}
        self.looks = [Look(int(step), loss, gain) for step, loss, gain in state["run"]["looks"].tolist()]

    def save(self) -> None:
        """Checkpoint: where the run is, its best state so far, and what it has seen of the held-out images."""
        looks = torch.tensor([[look.step, look.loss, look.gain] for look in self.looks], dtype=torch.float64)
        state = {"now": self.snapshot(), "best": self.best, "run": {"looks": looks}}
        save_checkpoint(self.checkpoint, state, self.optimizer, self.step)

    def learning_rate(self) -> float:
        """Linear warm-up, then half a cosine down to a hundredth."""
        done = min(1.0, self.step / self.config.steps)
        return (
            self.config.peak * min(1.0, (self.step + 1) / WARMUP) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))
        )

    def _loss(self, step: int) -> Tensor:
        """That of the user's pairs, or, in the share `keep` of the steps, of what the base makes of other tasks."""
        # Jitter draws from the global generator: seeded by the step, it needs no saving.
        torch.manual_seed(self.config.seed * 1_000_003 + step)
        others = self.batches.other(step) if _falls_due(step, self.config.keep) else None
        if others is None:
            batch = self.batches.train(step).to(self.config.device)
        else:
            batch = others.to(self.config.device)
            batch.clean = restore(self.teacher, batch)
        swapped = {f"network.{name}": value for name, value in self.tensors().items()}
        output, statistics = functional_call(self.student, swapped, (batch,))
        truth = statistics.apply(batch.clean)
        error = (output.image.detach() - truth).abs()
        # The uncertainty of an error from the base is none of this truth's.
        surprise = (error * (-output.log_scale).exp() + output.log_scale).mean() if others is None else 0.0
        losses = restoration_loss(output, truth, statistics, LOSSES)
        return losses.mean() + LOSSES.uncertainty * surprise

    def train_step(self) -> float:
        """One step of the optimizer, left out where the gradient is not finite; returns the loss."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate()
        loss = self._loss(self.step)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.trained, CLIP)
        if torch.isfinite(norm):
            self.optimizer.step()
        self.step += 1
        return loss.item()

    def look(self, held_out: list[Batch], losses: list[float]) -> Look:
        """Measures the network as it is, and keeps it if it is the best so far."""
        with torch.no_grad():
            self.worn.load_state_dict(self.tensors())
        found = Look(
            self.step, sum(losses) / len(losses) if losses else math.nan, validate(self.worn, held_out)["mean_gain"]
        )
        if all(found.gain > look.gain for look in self.looks):
            self.best = self.snapshot()
        self.looks.append(found)
        return found

    def stalled(self) -> bool:
        """Whether the last looks, as many as the patience allows, brought no gain."""
        best = max(range(len(self.looks)), key=lambda index: self.looks[index].gain)
        return len(self.looks) - 1 - best >= self.config.patience

    def run(self, held_out: list[Batch], say: Callable[[str], object]) -> None:
        """The steps that are left, with a look at the batches ``held_out`` now and then."""
        config, begun = self.config, time.monotonic()
        losses: list[float] = []
        while not self.looks or (self.step < config.steps and not self.stalled()):
            if self.looks:
                losses.append(self.train_step())
            late = config.max_minutes is not None and time.monotonic() - begun > 60 * config.max_minutes
            if not self.looks or self.step % config.evaluate_steps == 0 or self.step == config.steps or late:
                look = self.look(held_out, losses)
                say(f"step {look.step}: loss {look.loss:.4f}, held-out gain {look.gain:+.2f} dB")
                self.save()
                losses = []
            if late:
                break


def _falls_due(step: int, share: float) -> bool:
    """Whether ``step`` is one of an even ``share`` of all; the first never is, as the share is below 1."""
    return math.floor((step + 1) * share) > math.floor(step * share)


def _on(changes: Mapping[str, Change], device: str) -> dict[str, Change]:
    """The changes on a device; parts that are shared stay so."""
    moved: dict[int, Tensor] = {}
    for change in changes.values():
        for part in change.parts.values():
            moved.setdefault(id(part), part.detach().to(device).requires_grad_(part.requires_grad))
    return {
        name: replace(change, parts={key: moved[id(part)] for key, part in change.parts.items()})
        for name, change in changes.items()
    }
