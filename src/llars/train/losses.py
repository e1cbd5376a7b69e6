"""The training loss. The model returns its auxiliary outputs; their losses are added up only here."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from llars.model.condition import Conditions
from llars.model.normalise import Statistics
from llars.model.output import Output
from llars.sample import Batch

__all__ = ["LossWeights", "auxiliary_loss", "restoration_loss", "spectral_angle", "surprise"]

SMALL = 0.01
"""Absolute error, relative to the contrast, up to which the loss is linear in it and above which it is logarithmic."""

TYPICAL = 0.1
"""Scale of the loss: its slope equals that of the absolute error where ``SMALL`` plus the error is this value."""

DARK = 0.03
"""Norm of a spectrum, in unit values, below which its direction is mere noise."""


@dataclass(frozen=True)
class LossWeights:
    """Weights of the terms added to the absolute error."""

    spectral_angle: float = 0.1
    balance: float = 0.01
    text: float = 0.02
    strength: float = 0.2
    faults: float = 1.0
    uncertainty: float = 0.05


def spectral_angle(
    image: Float[Tensor, "batch band y x"], truth: Float[Tensor, "batch band y x"]
) -> Float[Tensor, "batch"]:
    """Mean of 1 - cos of the spectral angle (Kruse et al., 1993); 0 for a single band.

    The cosine is used instead of the angle, whose gradient is infinite where the spectra agree.
    """
    if image.shape[1] == 1:
        return image.new_zeros(image.shape[0])
    product = (image * truth).sum(1)
    lengths = (image.square().sum(1) * truth.square().sum(1)).clamp_min(DARK**4).sqrt()
    return (1 - product / lengths).mean((-2, -1))


def restoration_loss(
    output: Output, truth: Float[Tensor, "batch band y x"], statistics: Statistics, weights: LossWeights
) -> Float[Tensor, "batch"]:
    """Absolute error and spectral angle of each sample.

    The error is taken relative to the contrast of the input or of the truth, whichever is larger: otherwise one hazy
    image, whose truth has many times its contrast, would outweigh a whole batch. Down to ``SMALL`` the loss is
    logarithmic in the error, like decibels: otherwise the tasks that leave small errors (a blur, a finer grid) would
    not be learned beside those that leave large ones.
    """
    contrast = truth.std((-2, -1), correction=0, keepdim=True).clamp_min(1.0)
    error = ((output.image - truth).abs() / contrast).mean((1, 2, 3))
    error = TYPICAL * (error / SMALL).log1p()
    angle = spectral_angle(statistics.undo(output.image), statistics.undo(truth))
    return error + weights.spectral_angle * angle


def surprise(output: Output, truth: Float[Tensor, "batch band y x"]) -> Float[Tensor, ""]:
    """Mean negative log-likelihood of the error under the predicted Laplace scale; the image gets no gradient of it."""
    error = (output.image.detach() - truth).abs()
    return (error * (-output.log_scale).exp() + output.log_scale).mean()


def auxiliary_loss(
    output: Output,
    truth: Float[Tensor, "batch band y x"],
    conditions: Conditions,
    batch: Batch,
    weights: LossWeights,
) -> Float[Tensor, ""]:
    """Weighted sum of the auxiliary losses.

    Its terms: load balance of the experts, task and strength read from the instruction, faults seen in the image, and
    the negative log-likelihood of the error under the predicted Laplace scale.
    """
    return (
        weights.balance * conditions.balance
        + weights.text * functional.cross_entropy(conditions.task_from_text.float(), batch.task)
        + weights.strength * functional.smooth_l1_loss(conditions.severity_from_text.float(), batch.severity, beta=0.1)
        + weights.faults * functional.smooth_l1_loss(conditions.task_from_image.float(), batch.faults, beta=0.1)
        + weights.uncertainty * surprise(output, truth)
    )
