"""Spectra of noise in blocks of 8 x 8 pixels, told from the ground that is left in flat blocks."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from llars.initial.shrinkage import COSINES, SIDE, STEP, TINY

__all__ = ["SQUARES", "USED", "block_coefficients", "complete_blocks", "fit", "gaussians"]

MIN_FREQUENCY = 2
"""Frequency in a block below which the ground hides the noise."""

GROUND_EXPONENT = 1.5
"""Exponent of the squared frequency with which the power of the ground falls that flat blocks still contain."""

FLOOR = 3e-3
"""Floor of a spectrum, which is 1 at its low end: what resampling and rounding leave at the highest frequencies."""

MAX_MISSING = 0.05
"""Share of the samples of a block, of all bands, that may be missing: noise over dark ground can read like nodata."""

ROUNDS = 12
"""Iterations of reweighted least squares."""

SQUARES = torch.stack((torch.arange(SIDE).repeat_interleave(SIDE), torch.arange(SIDE).repeat(SIDE))).square().double()
"""``(2, 64)``: squares of the frequencies down and across."""

USED = SQUARES.sum(0) >= MIN_FREQUENCY**2
"""``(64,)``: the frequencies at which noise can be measured."""


def block_coefficients(windows: Float[Tensor, "window band y x"]) -> Float[Tensor, "window band 64 row column"]:
    """Cosine coefficients of all blocks."""
    count, bands, height, width = windows.shape
    blocks = functional.conv2d(windows.reshape(-1, 1, height, width), COSINES, stride=STEP)
    return blocks.view(count, bands, SIDE * SIDE, *blocks.shape[2:])


def complete_blocks(valid: Bool[Tensor, "window band y x"]) -> Bool[Tensor, "window row column"]:
    """Blocks without gaps, which would be the flattest ground of all; single samples may be missing."""
    missing = functional.avg_pool2d((~valid).float().mean(1, keepdim=True), SIDE, STEP)
    return missing[:, 0] < MAX_MISSING


def gaussians(decays: Float[Tensor, "shape 2"]) -> Float[Tensor, "shape 64"]:
    """Spectra whose logarithm falls by that much per squared frequency, down and across."""
    return ((-decays @ SQUARES).exp() + FLOOR) / (1.0 + FLOOR)


def fit(
    level: Float[Tensor, " 64"], shapes: Float[Tensor, "shape 64"], min_share: float, used: Bool[Tensor, " 64"] = USED
) -> tuple[Float[Tensor, " shape"], Float[Tensor, " shape"]]:
    """The amplitude of the noise for each possible spectrum, and minus the log-likelihood.

    The ground passes through the same response as the noise, and its power falls with frequency.

    Args:
        level: mean power of flat blocks.
        shapes: possible spectra.
        min_share: lower bound of the amplitude relative to the median power.
        used: frequencies at which the noise is measured.
    """
    shapes = shapes[:, used]
    ground, power = SQUARES.sum(0)[used] ** -GROUND_EXPONENT, level[used].clamp(min=TINY) / shapes
    noise = power.median(1).values
    minimum, expected = min_share * noise, noise[:, None].expand_as(power)
    for _ in range(ROUNDS):
        weight = expected.square().reciprocal()
        ones, mixed, grounds = weight.sum(1), weight @ ground, weight @ ground.square()
        plain, falling = (weight * power).sum(1), (weight * power) @ ground
        ground_power = ((ones * falling - mixed * plain) / (ones * grounds - mixed.square())).clamp(min=0.0)
        noise = torch.maximum((plain - ground_power * mixed) / ones, minimum)
        expected = noise[:, None] + ground_power[:, None] * ground
    return noise, (expected.log() + power / expected + shapes.log()).sum(1)
