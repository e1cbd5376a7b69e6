"""The steps of a tuning run: a frozen base, trainable changes, and regular evaluations on the held-out images."""

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
from llars.model.gating import Gate
from llars.model.network import Network
from llars.model.normalise import Statistics
from llars.sample import Batch
from llars.train.checkpoint import load_checkpoint, save_checkpoint
from llars.train.losses import LossWeights, restoration_loss, surprise
from llars.train.objective import ForwardResult, forward, jitter
from llars.train.tuning.batches import Batches
from llars.train.tuning.config import TuneConfig
from llars.train.validation import restore, validate
from llars.weights.adapters import Change, changed

__all__ = ["CHECKPOINT", "EvaluationPoint", "Tuner"]

CHECKPOINT = "last.safetensors"
"""Name of the checkpoint in the folder of the run."""

WARMUP = 20
"""Steps of the linear warm-up."""

CLIP = 1.0
"""Largest norm of the gradient."""

LOSSES = LossWeights()


@dataclass(frozen=True)
class EvaluationPoint:
    """Result of one evaluation on the held-out images."""

    step: int
    loss: float
    """Mean training loss since the last evaluation; NaN at step 0."""

    gain: float
    """Mean gain in PSNR of the restored patches over the inputs, in dB."""


class TunedNetwork(nn.Module):
    """The network from batch to output, in a form whose tensors can be replaced for one call (``functional_call``)."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network.train()
        for module in network.modules():
            if isinstance(module, Gate):
                # No exploration noise: a few images must not change which experts the base chooses.
                module.eval()

    def forward(self, batch: Batch) -> ForwardResult:
        """The output on a batch whose statistics are perturbed, as in training."""
        statistics = jitter(Statistics.of(batch.image, histogram=batch.about_histogram))
        return forward(self.network, batch, statistics)


class Tuner:
    """The state of a run."""

    def __init__(self, config: TuneConfig, base: Network, changes: Mapping[str, Change], batches: Batches) -> None:
        self.config, self.batches = config, batches
        self.base = {name: value.to(config.device) for name, value in base.state_dict().items()}
        self.changes = _on(changes, config.device)
        self.teacher = copy.deepcopy(base).to(config.device)
        appended = {change.parts["rows"].shape[change.axis] for change in changes.values() if change.kind == "append"}
        larger = replace(base.config, experts=base.config.experts + max(appended, default=0))
        self.tuned = TunedNetwork(Network(larger).to(config.device))
        self.evaluation_network = Network(larger).to(config.device).eval()
        self._drop_unused()
        self.trained = list(self.parts().values())
        self.optimizer = torch.optim.AdamW(self.trained, config.peak, (0.9, 0.99), weight_decay=0.0)
        self.step = 0
        self.evaluations: list[EvaluationPoint] = []
        self.best = self.snapshot()
        self.checkpoint = config.folder / CHECKPOINT
        if self.checkpoint.exists():
            self.resume()

    def parts(self) -> dict[str, Tensor]:
        """The trainable tensors, by their names in the file."""
        return {
            f"{change.stem or name}/{part}": tensor
            for name, change in self.changes.items()
            for part, tensor in change.parts.items()
            if tensor.requires_grad
        }

    def snapshot(self) -> dict[str, Tensor]:
        """A copy of the trainable tensors."""
        return {name: value.detach().clone() for name, value in self.parts().items()}

    def tensors(self) -> dict[str, Tensor]:
        """All tensors of the network with the changes applied."""
        return {
            name: changed(value, [self.changes[name]]) if name in self.changes else value
            for name, value in self.base.items()
        }

    def _drop_unused(self) -> None:
        # Changes that the loss does not depend on would only fill the file with zeros.
        parts = self.parts()
        gradients: tuple[Tensor | None, ...] = torch.autograd.grad(
            self._loss(0), list(parts.values()), allow_unused=True
        )
        used = {id(part) for part, gradient in zip(parts.values(), gradients, strict=True) if gradient is not None}
        self.changes = {
            name: change
            for name, change in self.changes.items()
            # Appended experts stay: a gate and its experts must agree in number.
            if change.kind == "append" or any(id(part) in used for part in change.parts.values())
        }

    def resume(self) -> None:
        """Loads the checkpoint, to continue where the run stopped."""
        state, self.step = load_checkpoint(self.checkpoint, self.optimizer)
        parts = self.parts()
        if state.get("now", {}).keys() != parts.keys():
            raise DataError(f"checkpoint {self.checkpoint} holds another adapter; delete it to start anew")
        with torch.no_grad():
            for name, part in parts.items():
                part.copy_(state["now"][name])
        self.best = {name: value.to(self.config.device) for name, value in state["best"].items()}
        self.evaluations = [
            EvaluationPoint(int(step), loss, gain) for step, loss, gain in state["run"]["evaluations"].tolist()
        ]

    def save(self) -> None:
        """Writes a checkpoint: the current state, the best state so far, and the evaluations."""
        evaluations = torch.tensor(
            [[evaluation.step, evaluation.loss, evaluation.gain] for evaluation in self.evaluations],
            dtype=torch.float64,
        )
        state = {"now": self.snapshot(), "best": self.best, "run": {"evaluations": evaluations}}
        save_checkpoint(self.checkpoint, state, self.optimizer, self.step)

    def learning_rate(self) -> float:
        """Linear warm-up times a cosine decay to a hundredth of the peak."""
        done = min(1.0, self.step / self.config.steps)
        return (
            self.config.peak * min(1.0, (self.step + 1) / WARMUP) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))
        )

    def _loss(self, step: int) -> Tensor:
        """Loss on the user's pairs or, in a share ``keep`` of the steps, on other tasks as the base restores them."""
        # Jitter draws from the global generator: seeded by the step, its state need not be saved.
        torch.manual_seed(self.config.seed * 1_000_003 + step)
        others = self.batches.other(step) if _is_due(step, self.config.keep) else None
        if others is None:
            batch = self.batches.train(step).to(self.config.device)
        else:
            batch = others.to(self.config.device)
            batch.clean = restore(self.teacher, batch)
        tensors = {f"network.{name}": value for name, value in self.tensors().items()}
        result: ForwardResult = functional_call(self.tuned, tensors, (batch,))
        loss = restoration_loss(result.output, result.truth, result.statistics, LOSSES).mean()
        # The distance from the base's output says nothing about the error of a restoration.
        return loss if others is not None else loss + LOSSES.uncertainty * surprise(result.output, result.truth)

    def train_step(self) -> float:
        """One step of the optimizer, skipped where the gradient is not finite; returns the loss."""
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

    def evaluate(self, held_out: list[Batch], losses: list[float]) -> EvaluationPoint:
        """Evaluates the current network, and keeps its state if it is the best so far."""
        with torch.no_grad():
            self.evaluation_network.load_state_dict(self.tensors())
        result = EvaluationPoint(
            self.step,
            sum(losses) / len(losses) if losses else math.nan,
            validate(self.evaluation_network, held_out)["mean_gain"],
        )
        if all(result.gain > evaluation.gain for evaluation in self.evaluations):
            self.best = self.snapshot()
        self.evaluations.append(result)
        return result

    def stalled(self) -> bool:
        """Whether the last ``patience`` evaluations brought no improvement."""
        best = max(range(len(self.evaluations)), key=lambda index: self.evaluations[index].gain)
        return len(self.evaluations) - 1 - best >= self.config.patience

    def run(self, held_out: list[Batch], say: Callable[[str], object]) -> None:
        """Runs the remaining steps, with evaluations on the batches ``held_out`` in between."""
        config, started = self.config, time.monotonic()
        losses: list[float] = []
        while not self.evaluations or (self.step < config.steps and not self.stalled()):
            if self.evaluations:
                losses.append(self.train_step())
            out_of_time = config.max_minutes is not None and time.monotonic() - started > 60 * config.max_minutes
            if (
                not self.evaluations
                or self.step % config.evaluate_steps == 0
                or self.step == config.steps
                or out_of_time
            ):
                evaluation = self.evaluate(held_out, losses)
                say(f"step {evaluation.step}: loss {evaluation.loss:.4f}, held-out gain {evaluation.gain:+.2f} dB")
                self.save()
                losses = []
            if out_of_time:
                break


def _is_due(step: int, share: float) -> bool:
    """Whether ``step`` is among an evenly spread ``share`` of all steps; step 0 never is, as the share is below 1."""
    return math.floor((step + 1) * share) > math.floor(step * share)


def _on(changes: Mapping[str, Change], device: str) -> dict[str, Change]:
    """The changes on a device; shared parts stay shared."""
    moved: dict[int, Tensor] = {}
    for change in changes.values():
        for part in change.parts.values():
            moved.setdefault(id(part), part.detach().to(device).requires_grad_(part.requires_grad))
    return {
        name: replace(change, parts={key: moved[id(part)] for key, part in change.parts.items()})
        for name, change in changes.items()
    }
