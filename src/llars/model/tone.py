"""Tone curves of a scene: equalising and stretching map its quantiles exactly; the instruction chooses between them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from llars.curves import LEVELS, apply_curve
from llars.model.normalise import Statistics
from llars.tasks import TASK_KEYS

__all__ = ["ToneCurve", "tone_curve"]

LOW, HIGH = LEVELS.index(0.02), LEVELS.index(0.98)
"""Knots between which the linear stretch runs."""


@dataclass(frozen=True)
class ToneCurve:
    """For each band a blend of its histogram equalisation and its linear 2-98 % stretch, in normalised values."""

    knots: Float[Tensor, "batch band level"]
    """The band's quantiles."""

    levels: Float[Tensor, "batch band level"]
    """The values that equalisation maps the knots to: ``LEVELS``, from the lowest to the highest unit value."""

    stretch: Float[Tensor, "batch"]
    """Share of the stretch in the blend; the rest is equalisation."""

    def __call__(self, image: Float[Tensor, "batch band y x"]) -> Float[Tensor, "batch band y x"]:
        low, high = (self.knots[..., at, None, None] for at in (LOW, HIGH))
        black, white = (self.levels[..., at, None, None] for at in (0, -1))
        equalised = apply_curve(image, self.knots, self.levels)
        stretched = torch.lerp(black, white, ((image - low) / (high - low).clamp_min(1e-6)).clamp(0.0, 1.0))
        return torch.lerp(equalised, stretched, self.stretch[:, None, None, None])


def tone_curve(statistics: Statistics, task: Float[Tensor, "batch task"]) -> ToneCurve | None:
    """The curves of the bands in ``statistics``, blended by the logits ``task``; None if there are no knots."""
    if statistics.knots is None:
        return None
    chosen = task[:, [TASK_KEYS.index("equalize"), TASK_KEYS.index("stretch")]].float().softmax(-1)
    mean, std = statistics.mean[..., None], statistics.std[..., None]
    levels = torch.tensor(LEVELS, device=mean.device)
    return ToneCurve((statistics.knots - mean) / std, (levels - mean) / std, chosen[:, 1])
