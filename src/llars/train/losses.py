"""What training minimises. The model returns its auxiliary outputs; only here are they added up."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from llars.model.condition import Conditions
from llars.model.normalise import Statistics
from llars.model.output import Output
from llars.sample import Batch

__all__ = ["LossWeights", "auxiliary_loss", "restoration_loss", "spectral_angle"]

SMALL = 0.01
"""Absolute error, in contrasts, below which it counts as it is and above which its logarithm does."""

TYPICAL = 0.1
"""Slope of the loss is that of the absolute error where ``SMALL`` and the error sum to this."""

DARK = 0.03
"""Length of a spectrum, in unit values, below which its direction is noise."""


@dataclass(frozen=True)
class LossWeights:
    """Factors of the terms beside the absolute error."""

    spectral_angle: float = 0.1
    balance: float = 0.01
    text: float = 0.02
    strength: float = 0.2
    faults: float = 1.0
    uncertainty: float = 0.05


def spectral_angle(
    image: Float[Tensor, "batch band y x"], truth: Float[Tensor, "batch band y x"]
) -> Float[Tensor, "batch"]:
    """Mean of 1 - cos of the angle between spectra (Kruse et al., 1993); 0 for a single band.

    The cosine itself, not the angle: the angle's slope is infinite where the spectra agree.
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

    The error counts in units of the larger of the two contrasts, before and after: else one hazy image, whose truth has
    many times its contrast, would outweigh a whole batch. Its logarithm counts, as decibels do, down to ``SMALL``: else
    the tasks that leave small errors (a blur, a finer grid) would not be learned beside those that leave large ones.
    """
    contrast = truth.std((-2, -1), correction=0, keepdim=True).clamp_min(1.0)
    error = ((output.image - truth).abs() / contrast).mean((1, 2, 3))
    error = TYPICAL * (error / SMALL).log1p()
    angle = spectral_angle(statistics.undo(output.image), statistics.undo(truth))
    return error + weights.spectral_angle * angle


def auxiliary_loss(
    output: Output,
    truth: Float[Tensor, "batch band y x"],
    conditions: Conditions,
    batch: Batch,
    weights: LossWeights,
) -> Float[Tensor, ""]:
    """Balance of the experts, task and strength from the words, faults from the image, and the predicted error."""
    error = (output.image.detach() - truth).abs()
    surprise = (error * (-output.log_scale).exp() + output.log_scale).mean()
    return (
        weights.balance * conditions.balance
        + weights.text * functional.cross_entropy(conditions.task_from_text.float(), batch.task)
        + weights.strength * functional.smooth_l1_loss(conditions.severity_from_text.float(), batch.severity, beta=0.1)
        + weights.faults * functional.smooth_l1_loss(conditions.task_from_image.float(), batch.faults, beta=0.1)
        + weights.uncertainty * surprise
    )
