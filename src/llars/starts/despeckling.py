"""Speckle taken out in two passes, the second of powers, so that the mean power stays.

The mean of logarithms wastes looks, and is not the logarithm of the mean. So what is shrunk in decibels is only a first
guess: powers relative to it have mean 1 and variance 1 / L whatever the ground, and shrinking them about the guess is
one step of Fisher's scoring towards the most probable ground. What is ground is told by the guess, as in the second
step of BM3D (Dabov et al., 2007).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from llars.starts.shrinkage import ALIGNED, MARGIN_PX, OVERRATED, Noise, shrunk
from llars.starts.speckle import NEPERS

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["CELL", "DESPECKLING_MARGIN_PX", "LEVEL_REACH", "despeckled", "levelled"]

RATED = 1.25 / OVERRATED
"""The noise counts that much less for the first guess than where there is one pass: the second takes out more."""

CERTAIN = 4.5
"""Standard normal quantile beyond which power is no speckle: that of one pixel in 300,000 of level ground."""

CELL = ALIGNED
"""Side of the squares in which powers before and after are compared, in pixels."""

REACH = 1
"""Squares on each side over which what was lost is averaged."""

LOST = 1.5
"""Most that a square may tell to have been lost or won; more than that is no matter of speckle."""

LEVEL_REACH = REACH + 1
"""Squares beyond which nothing can influence what was lost in one: pixels lie between the means of two."""

DESPECKLING_MARGIN_PX = 2 * MARGIN_PX + (LEVEL_REACH + 1) * CELL
"""Pixels around a window that have influence on it."""


def despeckled(image: Tensor, noise: Noise) -> Tensor:
    """``(batch, band, y, x)`` decibels as unit values without speckle; ``noise`` knows its looks.

    Points that are too bright for speckle stay as they are.
    """
    looks = torch.tensor(noise.looks, device=image.device)[:, None, None, None]
    # The gamma quantile of Wilson and Hilferty (1931).
    most = 3.0 * (1.0 - 1.0 / (9.0 * looks) + CERTAIN / (3.0 * looks.sqrt())).log() / NEPERS
    guess = shrunk(image, replace(noise, constant=RATED * noise.constant))
    # Linear in power where speckle explains it.
    relative = guess + ((image - guess) * NEPERS).exp().sub(1.0) / NEPERS
    relative = torch.where(image - guess <= most, relative, image)
    restored = levelled(shrunk(relative, _of_powers(noise), guess), image)
    return torch.where(image - restored <= most, restored, image)


def levelled(restored: Tensor, image: Tensor) -> Tensor:
    """The restored image with the mean power of the image over some squares, every square counting as much."""
    height, width = image.shape[-2:]
    beyond = (0, -width % CELL, 0, -height % CELL)
    before, after = (
        functional.avg_pool2d(functional.pad((each * NEPERS).exp(), beyond, mode="replicate"), CELL)
        for each in (image, restored)
    )
    lost = (before / after).clamp(1.0 / LOST, LOST)
    lost = functional.avg_pool2d(lost, 2 * REACH + 1, 1, REACH, count_include_pad=False).log() / NEPERS
    wide = functional.interpolate(lost, scale_factor=float(CELL), mode="bilinear", align_corners=False)
    return restored + wide[..., :height, :width]


def _of_powers(noise: Noise) -> Noise:
    """That of powers relative to their mean: variance 1 / L, and no bias."""
    looks = torch.tensor(noise.looks, dtype=torch.float64)
    less = 1.0 / (looks * torch.polygamma(1, looks))
    return replace(noise, constant=noise.constant * less.to(noise.constant)[:, None], shift=0.0 * noise.shift)
