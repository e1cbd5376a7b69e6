"""What a training step computes: the network's output on a batch, and its loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from llars.model.align import describe
from llars.model.condition import Conditions
from llars.model.network import Network
from llars.model.normalise import Statistics
from llars.model.output import Output
from llars.model.precision import autocast
from llars.sample import Batch
from llars.train.losses import LossWeights, auxiliary_loss, restoration_loss
from llars.train.projection import hold_means

__all__ = ["ForwardResult", "LossResult", "batch_loss", "forward", "jitter"]


@dataclass(frozen=True)
class ForwardResult:
    """The network's output on a batch, with what is needed to judge it."""

    output: Output
    """Restored targets; for ``sr`` with the area means of the input."""

    truth: Float[Tensor, "batch band y x"]
    """Normalised like the output."""

    statistics: Statistics
    """Statistics of the targets, which convert back to unit values."""

    conditions: Conditions


@dataclass(frozen=True)
class LossResult:
    """The loss of a batch."""

    total: Float[Tensor, ""]
    """The scalar that is minimised."""

    losses: Float[Tensor, "batch"]
    """Restoration loss of each sample."""

    weights: Float[Tensor, "batch"]
    """Weight of each sample in ``total``."""


def forward(network: Network, batch: Batch, statistics: Statistics) -> ForwardResult:
    """Runs the network on a batch normalised with ``statistics``; each patch counts as a scene of its own."""
    targets = batch.clean.shape[1]
    image, own = statistics.network_input(batch.channels), statistics.first(targets)
    bands = describe(batch.bands).to(image.device)
    with autocast(image.device):
        conditions = network.condition(image[:, None], bands, statistics, batch.instruction, targets)
        output = network(image, conditions)
    projected = hold_means(output.image, image[:, :targets], batch.factor)
    return ForwardResult(replace(output, image=projected), own.apply(batch.clean), own, conditions)


def batch_loss(
    result: ForwardResult, batch: Batch, weighting: Callable[[Tensor, Tensor], Tensor], loss_weights: LossWeights
) -> LossResult:
    """The loss, with the samples weighted by ``weighting(losses, tasks)``."""
    losses = restoration_loss(result.output, result.truth, result.statistics, loss_weights)
    weights = weighting(losses, batch.task)
    auxiliary = auxiliary_loss(result.output, result.truth, result.conditions, batch, loss_weights)
    return LossResult((weights * losses).mean() + auxiliary, losses, weights)


def jitter(statistics: Statistics) -> Statistics:
    """Perturbs the statistics of about half of the samples, as if the patch were part of a larger scene."""
    shape = (statistics.mean.shape[0], 1)
    device = statistics.mean.device
    wide = (torch.rand(shape, device=device) < 0.5).float()
    shift = 0.5 * torch.randn(shape, device=device) * wide
    factor = (wide * (torch.rand(shape, device=device) * 1.1 - 0.1)).exp()
    return statistics.jittered(shift, factor)
