"""Speckle removal in two passes, the second on powers, so that the mean power is preserved.

Averaging logarithms loses looks, and is not the logarithm of the mean. So shrinkage in decibels only gives a first
guess. Powers relative to it have mean 1 and variance 1 / L whatever the ground, and shrinking them about the guess is
one step of Fisher scoring towards the most probable ground. The guess guides this shrinkage, as in the second step of
BM3D (Dabov et al., 2007).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from llars.initial.shrinkage import ALIGNED, MARGIN_PX, NOISE_FACTOR, SIDE, Noise, shrunk
from llars.initial.speckle import NEPERS
from llars.model.means import local_mean

if TYPE_CHECKING:
    from torch import Tensor

    from llars.model.despeckling import DespecklingNetwork

__all__ = [
    "CELL",
    "HELD_MARGIN_PX",
    "LEVEL_REACH",
    "PASSES_MARGIN_PX",
    "WHOLE",
    "corrected",
    "despeckled",
    "held",
    "speckle_of",
    "two_passes",
    "with_local_mean_power",
    "within_local_range",
]

FIRST_PASS_FACTOR = 1.25 / NOISE_FACTOR
"""Factor on the noise power for the first guess, less than in a single pass: the second pass removes more."""

POINT_TARGET_QUANTILE = 4.5
"""Standard normal quantile above which a power is not speckle: exceeded by one pixel in 300,000 of uniform ground."""

POINT_RADIUS = 3
"""Half width in pixels of the surroundings that a point is compared with."""

CELL = ALIGNED
"""Side of the squares in which powers before and after are compared, in pixels."""

REACH = 1
"""Squares on each side over which the lost power is averaged."""

MAX_POWER_RATIO = 1.5
"""Largest factor by which the power of a square may have been lost or gained; beyond it speckle is not the cause."""

LEVEL_REACH = REACH + 1
"""Halo of the power correction in squares: pixels are interpolated between the means of two."""

RANGE_REACH, UNCERTAIN = 3, 0.05
"""Pixels on each side of one over which its level is averaged, and the distance above the level that is allowed, in
unit values (2 dB): the standard deviation of that mean, for correlated speckle of one look."""

PASSES_MARGIN_PX = 2 * MARGIN_PX
"""Halo of ``two_passes`` around a window, in pixels."""

HELD_MARGIN_PX = (LEVEL_REACH + 1) * CELL
"""Halo of ``held`` around a window, in pixels."""


WHOLE = (slice(None), slice(None))
"""All rows and columns."""


def despeckled(
    image: Tensor, noise: Noise, network: DespecklingNetwork | None = None, part: tuple[slice, slice] = WHOLE
) -> Tensor:
    """``(batch, band, y, x)`` decibels as unit values without speckle; ``noise.looks`` must be known.

    Points that are too bright to be speckle are left unchanged. Without a network, the second pass is the estimate.
    ``part`` gives the rows and columns of the result; the others only serve the two passes.
    """
    image, first, second = (each[(..., *part)] for each in (image, *two_passes(image, noise)))
    if network is not None:
        second = corrected(image, first, second, noise, network)
    return held(second, image, noise)


def two_passes(image: Tensor, noise: Noise) -> tuple[Tensor, Tensor]:
    """The first guess and the estimate that it guides, ``(batch, band, y, x)`` each."""
    guess = shrunk(image, replace(noise, constant=FIRST_PASS_FACTOR * noise.constant))
    # Linear in power, except where a point is too bright to be speckle.
    relative = guess + ((image - guess) * NEPERS).exp().sub(1.0) / NEPERS
    relative = torch.where(image - guess <= _point_target_limit(image, noise), relative, image)
    return guess, shrunk(relative, _of_powers(noise), guess)


def corrected(image: Tensor, first: Tensor, second: Tensor, noise: Noise, network: DespecklingNetwork) -> Tensor:
    """The second pass with the correction of the network, except at pixels too bright to be speckle on what is around.

    The network would take points for speckle as far as the bound of ``held`` allows.
    """
    correction = network.correction(image, first, second, *speckle_of(noise))
    bright = image - local_mean(second, POINT_RADIUS) > _point_target_limit(image, noise)
    return torch.where(bright, second, second + correction)


def held(restored: Tensor, image: Tensor, noise: Noise) -> Tensor:
    """The restored image with the local mean power of the image and its points that are too bright to be speckle."""
    restored = with_local_mean_power(restored, image)
    return torch.where(image - restored <= _point_target_limit(image, noise), restored, image)


def speckle_of(noise: Noise) -> tuple[Tensor, Tensor]:
    """Standard deviation ``(batch, band)`` of speckle in unit values, and its correlation ``(batch,)``.

    The correlation is the share of its power that is missing where both frequencies are high: 0 for white speckle.
    """
    spectrum = noise.spectrum.view(-1, SIDE, SIDE)[:, SIDE // 2 :, SIDE // 2 :]
    return noise.constant.sqrt(), 1.0 - spectrum.mean((1, 2))


def with_local_mean_power(restored: Tensor, image: Tensor) -> Tensor:
    """The restored image, corrected to the local mean power of the image; every square has the same weight."""
    height, width = image.shape[-2:]
    padding = (0, -width % CELL, 0, -height % CELL)
    before, after = (
        functional.avg_pool2d(functional.pad((band_image * NEPERS).exp(), padding, mode="replicate"), CELL)
        for band_image in (image, restored)
    )
    ratio = (before / after).clamp(1.0 / MAX_POWER_RATIO, MAX_POWER_RATIO)
    ratio = functional.avg_pool2d(ratio, 2 * REACH + 1, 1, REACH, count_include_pad=False).log() / NEPERS
    correction = functional.interpolate(ratio, scale_factor=float(CELL), mode="bilinear", align_corners=False)
    return restored + correction[..., :height, :width]


def within_local_range(restored: Tensor, image: Tensor, shift: Tensor) -> Tensor:
    """The restored image, limited to the values of the image in the 3 x 3 pixels around each.

    The network has seen few points as bright as ships and buildings, and would make sharp ones brighter still. Where
    speckle is correlated, 3 x 3 pixels may all be far too dark, so the level of more pixels is allowed, too.

    Args:
        restored: ``(batch, band, y, x)`` decibels as unit values.
        image: the image before, of the same shape.
        shift: ``(batch, band)``: minus the mean of the speckle in decibels, in unit values.
    """
    level = local_mean(image, RANGE_REACH) + shift[..., None, None]
    highest, lowest = functional.max_pool2d(image, 3, 1, 1), -functional.max_pool2d(-image, 3, 1, 1)
    return torch.minimum(torch.maximum(restored, lowest), highest.maximum(level + UNCERTAIN))


def _point_target_limit(image: Tensor, noise: Noise) -> Tensor:
    """How far above the ground speckle reaches, in unit values: the gamma quantile of Wilson and Hilferty (1931)."""
    looks = torch.tensor(noise.looks, device=image.device)[:, None, None, None]
    return 3.0 * (1.0 - 1.0 / (9.0 * looks) + POINT_TARGET_QUANTILE / (3.0 * looks.sqrt())).log() / NEPERS


def _of_powers(noise: Noise) -> Noise:
    """The noise of powers relative to their mean: variance 1 / L, and no bias."""
    looks = torch.tensor(noise.looks, device=noise.constant.device)[:, None]
    constant = torch.where(noise.constant > 0, (looks * NEPERS**2).reciprocal(), 0.0)
    return replace(noise, constant=constant, shift=torch.zeros_like(noise.shift))
