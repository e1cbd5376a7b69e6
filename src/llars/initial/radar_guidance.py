"""What radar tells of the ground that clouds hide: its detail, as a linear function of features of the radar image.

Detail is the difference of a pixel from its surroundings. Where the ground is seen, the detail of each optical band is
regressed on that of the features (backscatter at several scales, its powers and its texture); under clouds, the
regression gives the detail that a fill from the surroundings lacks. This is component substitution as in pansharpening
(Vivone et al., 2015), with radar in place of the panchromatic band and less trust in it.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from llars.initial.filling import LEVELS, finer, pull, push
from llars.model.normalise import Statistics

__all__ = ["FEATURE_MARGIN", "Moments", "detailed", "features"]

SCALES = (1, 3, 6)
"""Pixels on each side over which the backscatter is averaged, which leaves little speckle; products of bands and powers
are those of the second mean, texture is the deviation from the third."""

FEATURE_MARGIN = 2 * SCALES[-1]
"""Pixels around a window that its features depend on."""

LARGEST = 4.0
"""Largest distance of the backscatter from the scene's mean, in standard deviations: powers would exaggerate it."""

RIDGE = 0.1
"""Weight of the ridge penalty relative to the power of each feature: radar and optical bands are alike in part only."""

MIN_PIXELS = 2000.0
"""Number of clear pixels at which the ridge penalty doubles."""

MAX_DETAIL = 3.0
"""Largest detail that radar may add, in standard deviations of the clear ground."""


def features(radar: Float[Tensor, "batch band y x"], statistics: Statistics) -> Float[Tensor, "batch feature y x"]:
    """Features of radar images in decibels as unit values; ``statistics`` are those of the scene.

    Edge pixels are repeated beyond the sides.
    """
    backscatter = statistics.apply(radar).clamp(-LARGEST, LARGEST)
    scales = [_averaged(backscatter, reach) for reach in SCALES]
    _, near, far = scales
    texture = _averaged((backscatter - far).square(), SCALES[-1]).sqrt()
    mixed = [near[:, [a]] * near[:, [b]] for a, b in itertools.combinations(range(near.shape[1]), 2)]
    return torch.cat([*scales, near.square(), near * near.square(), texture, *mixed], 1)


@dataclass(frozen=True)
class Moments:
    """Sums over the clear pixels of scenes, from which the regression follows; they can be added up over windows."""

    pixels: Float[Tensor, " batch"]
    """Clear pixels."""

    among: Float[Tensor, "batch feature feature"]
    """Products of the detail of any two features."""

    across: Float[Tensor, "batch band feature"]
    """Products of the detail of a band and that of a feature."""

    @staticmethod
    def of(
        image: Float[Tensor, "batch band y x"],
        found: Float[Tensor, "batch feature y x"],
        confidence: Float[Tensor, "batch 1 y x"],
    ) -> Moments:
        """Of images and their features, each pixel counted by the ``confidence`` that both show the clear ground."""
        detail, weighted = (_detail(one, confidence).flatten(2).double() for one in (image, found))
        weighted_too = weighted * confidence.flatten(2)
        among, across = (one @ weighted_too.mT for one in (weighted, detail))
        return Moments(confidence.double().sum((1, 2, 3)), among, across)

    def __add__(self, other: Moments) -> Moments:
        return Moments(self.pixels + other.pixels, self.among + other.among, self.across + other.across)

    def slopes(self) -> Float[Tensor, "batch band feature"]:
        """The detail of each band per detail of each feature, by ridge regression."""
        ridge = RIDGE * (1.0 + MIN_PIXELS / self.pixels.clamp(min=1.0))
        power = self.among.diagonal(dim1=1, dim2=2)
        penalty = ridge[:, None] * power + 1e-9 * power.amax(1, keepdim=True) + 1e-12
        slopes: Tensor = torch.linalg.solve(self.among + torch.diag_embed(penalty), self.across.mT)
        return slopes.mT.float()


def detailed(
    surroundings: Float[Tensor, "batch band y x"],
    detail: Float[Tensor, "batch feature y x"],
    slopes: Float[Tensor, "batch band feature"],
    deviation: Float[Tensor, "batch band 1 1"],
) -> Float[Tensor, "batch band y x"]:
    """Filled ground with the detail of radar.

    Args:
        surroundings: the ground, filled in from where it is clear.
        detail: the features less the same features filled in likewise; 0 where radar has no data.
        slopes: see ``Moments``.
        deviation: standard deviation of the clear ground, unit values.
    """
    added = torch.zeros_like(surroundings)
    for feature in range(detail.shape[1]):
        # In plain sums: the rounding of products of matrices may depend on the size of the window.
        added = added + slopes[:, :, feature, None, None] * detail[:, feature, None]
    return surroundings + torch.minimum(torch.maximum(added, -MAX_DETAIL * deviation), MAX_DETAIL * deviation)


def _averaged(image: Tensor, reach: int) -> Tensor:
    return functional.avg_pool2d(functional.pad(image, [reach] * 4, mode="replicate"), 2 * reach + 1, stride=1)


def _detail(image: Tensor, confidence: Tensor) -> Tensor:
    """The difference of each pixel from the mean of its surroundings, weighted by confidence."""
    height, width = image.shape[-2:]
    around, weight = image, confidence
    for _ in range(LEVELS):
        around, weight = push(around, weight)
    around = pull(around, weight)
    for _ in range(LEVELS):
        around = finer(around)
    return image - around[..., :height, :width]
