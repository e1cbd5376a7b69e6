"""Statistics of speckle: its looks and its correlation between pixels, from cosine transforms of blocks in decibels.

The logarithm of a gamma variable of mean 1 and L looks has the variance trigamma(L) and the mean digamma(L) - ln(L).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from llars.initial.block_spectra import block_coefficients, complete_blocks, fit, gaussians
from llars.initial.shrinkage import SIDE, STEP, TINY
from llars.sensors import get_sensor

__all__ = ["DECIBELS", "NEPERS", "bias_of", "looks_of", "speckle_power"]

DECIBELS = get_sensor("sentinel1-grd-db").valid_range
"""The decibels of the unit values 0 and 1 of radar."""

NEPERS = (DECIBELS[1] - DECIBELS[0]) * math.log(10.0) / 10.0
"""Natural logarithm of the ratio of the powers that the unit values 1 and 0 stand for."""

UNIFORM_SHARE = 0.25
"""Share of the blocks, those with the most uniform surroundings, in which speckle is measured."""

DECAYS = torch.linspace(0.0, 0.12, 41).double()[:, None].expand(-1, 2)
"""Decay of the logarithm of the Gaussian spectrum per squared frequency. 0 is white, 0.1 is Sentinel-1 at 10 m."""

MIN_SHARE = 0.2
"""Lower bound of the speckle in a fit, relative to the median power."""

NEWTON_STEPS = 3
"""Newton steps in solving for the looks: the first guess is 7 % off at one look."""


def speckle_power(windows: Tensor, valid: Tensor) -> Tensor:
    """Power of the speckle at each pair of frequencies of a block ``(64,)``, mean over bands: they have the same looks.

    Args:
        windows: ``(window, band, y, x)`` unit values of decibels, from all over the scene.
        valid: same shape: measured, not filled. Blocks that touch a gap, which would be the most uniform of all, do not
            count. If all blocks do, the power is 0.
    """
    blocks, complete = block_coefficients(windows), complete_blocks(valid)
    local_variance = _local_variance(blocks[:, :, 0])
    local_variance = (local_variance / local_variance.mean((0, 2, 3), keepdim=True).clamp(min=TINY)).mean(1)
    chosen = local_variance[complete].argsort()[: math.ceil(UNIFORM_SHARE * int(complete.sum()))]
    if not len(chosen):
        return torch.zeros(SIDE * SIDE)
    level = blocks.permute(0, 3, 4, 1, 2)[complete][chosen].double().square().mean((0, 1))
    return _fitted(level).float()


def _local_variance(means: Tensor) -> Tensor:
    """Variance of the means of the 3 x 3 blocks around each that do not overlap: ``(window, band, row, column)``."""
    block_step = SIDE // STEP
    rows, columns = means.shape[2:]
    around = functional.pad(means, [block_step] * 4, mode="replicate")
    shifts = range(0, 2 * block_step + 1, block_step)
    neighbours = [around[..., down : down + rows, across : across + columns] for down in shifts for across in shifts]
    return torch.stack(neighbours).var(0)


def _fitted(level: Tensor) -> Tensor:
    """The spectrum of speckle ``(64,)`` from the mean power of uniform blocks ``(64,)``, by maximum likelihood.

    The response of a radar is about Gaussian, and so is the spectrum of its speckle.
    """
    shapes = gaussians(DECAYS)
    amplitudes, costs = fit(level, shapes, MIN_SHARE)
    best = costs.argmin()
    return amplitudes[best] * shapes[best]


def looks_of(variance: float) -> float:
    """Equivalent number of looks of speckle with that variance, of decibels as unit values."""
    trigamma = torch.tensor(max(variance * NEPERS**2, 1e-9), dtype=torch.float64)
    looks = (1.0 + (1.0 + 2.0 * trigamma).sqrt()) / (2.0 * trigamma)
    for _ in range(NEWTON_STEPS):
        looks = looks - (torch.polygamma(1, looks) - trigamma) / torch.polygamma(2, looks)
    return float(looks)


def bias_of(looks: float) -> float:
    """Minus the mean of speckle in decibels, in unit values."""
    exact = torch.tensor(looks, dtype=torch.float64)
    return float(exact.log() - exact.digamma()) / NEPERS
