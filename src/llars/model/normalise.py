"""Reversible normalisation: an affine map per band, from statistics of the whole scene."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from llars.curves import quantiles

__all__ = ["Statistics"]

STD_FLOOR = 1e-4
"""Smallest standard deviation in unit values: a constant band must not be blown up to noise."""

MAX_RESIDUAL = 20.0
"""Largest residual in standard deviations: a cloud over a dark sea is thousands of them."""


@dataclass(frozen=True)
class Statistics:
    """Mean and standard deviation of each band of a scene, in unit values."""

    mean: Float[Tensor, "batch band"]
    std: Float[Tensor, "batch band"]

    knots: Float[Tensor, "batch band level"] | None = None
    """Quantiles at ``llars.curves.LEVELS`` for tasks about the histogram; else None, as sorting is slow."""

    @classmethod
    def of(
        cls,
        image: Float[Tensor, "batch band y x"],
        valid: Bool[Tensor, "batch band y x"] | None = None,
        histogram: bool = False,
    ) -> Statistics:
        """Statistics over the valid pixels, with ``knots`` where a ``histogram`` is wanted.

        A band without any valid pixel is given mean 0 and the smallest std.
        """
        knots = _knots(image, valid) if histogram else None
        if valid is None:
            std, mean = torch.std_mean(image.float(), dim=(-2, -1), correction=0)
            return cls(mean, std.clamp_min(STD_FLOOR), knots)
        weight = valid.to(torch.float64)
        count = weight.sum((-2, -1)).clamp_min(1)
        values = torch.where(valid, image, 0).to(torch.float64)
        mean = values.sum((-2, -1)) / count
        deviation = (values - mean[..., None, None]) * weight
        variance = deviation.square().sum((-2, -1)) / count
        return cls(mean.float(), variance.sqrt().float().clamp_min(STD_FLOOR), knots)

    def first(self, count: int) -> Statistics:
        """Statistics of the first ``count`` bands."""
        return Statistics(
            self.mean[:, :count], self.std[:, :count], None if self.knots is None else self.knots[:, :count]
        )

    def apply(self, image: Float[Tensor, "batch band y x"]) -> Float[Tensor, "batch band y x"]:
        """Unit values -> zero mean, unit variance."""
        return (image - self.mean[..., None, None]) / self.std[..., None, None]

    def network_input(self, values: Float[Tensor, "batch channel y x"]) -> Float[Tensor, "batch channel y x"]:
        """What the network takes: normalised bands, then the residual of the targets, if they are an initial estimate.

        Args:
            values: unit values of all bands, targets first. If the targets are an initial estimate, the same bands
                as they were observed follow; the residual is what the estimate took from them.
        """
        count = self.mean.shape[1]
        image, observed = values[:, :count], values[:, count:]
        if not (targets := observed.shape[1]):
            return self.apply(image)
        residual = (observed - image[:, :targets]) / self.std[:, :targets, None, None]
        return torch.cat((self.apply(image), residual.clamp(-MAX_RESIDUAL, MAX_RESIDUAL)), 1)

    def undo(self, image: Float[Tensor, "batch band y x"]) -> Float[Tensor, "batch band y x"]:
        """The inverse of ``apply``."""
        return image * self.std[..., None, None] + self.mean[..., None, None]

    def undo_scale(self, scale: Float[Tensor, "batch band y x"]) -> Float[Tensor, "batch band y x"]:
        """A width (standard deviation, Laplace scale) back to unit values."""
        return scale * self.std[..., None, None]

    def lowered(self, by: Float[Tensor, "band"]) -> Statistics:
        """Statistics of an image whose unit values are lower by so much in each band."""
        return Statistics(self.mean - by, self.std, None if self.knots is None else self.knots - by[:, None])

    def jittered(self, shift: Float[Tensor, "batch 1"], factor: Float[Tensor, "batch 1"]) -> Statistics:
        """Statistics like those of a larger scene around the patch: ``shift`` in std, ``factor`` on the std.

        Training sees patches, inference whole scenes, which vary more than any single patch.
        """
        return Statistics(self.mean + shift * self.std, (self.std * factor).clamp_min(STD_FLOOR), self.knots)


def _knots(
    image: Float[Tensor, "batch band y x"], valid: Bool[Tensor, "batch band y x"] | None
) -> Float[Tensor, "batch band level"]:
    return quantiles(image.float() if valid is None else image.float().where(valid, torch.nan)).nan_to_num(0.0)
