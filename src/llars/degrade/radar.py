"""Speckle of radar products sampled finer than their resolution: it is correlated between neighbours."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from llars.degrade.base import Case, Degradation
from llars.degrade.noise import decibel_form

__all__ = ["CORRELATED_SPECKLE", "correlated_speckle_in_decibels"]

RESOLUTION_PX = (0.4, 0.9)
"""Range of the standard deviation of the radar's impulse response, in pixels (1 to 2 times oversampled)."""

FINEST = 0.02
"""Below this severity, the speckle is that of this severity, scaled: the distributions no longer differ."""

STEPS_PER_SIGMA = 16
"""Knots of the table of quantiles; between them it is linear."""

BISECTIONS = 26
"""Bisections of the range of a quantile, down to the float32 precision of its upper end."""

WIDEST_Z = 5.0
"""Normal quantile at which the table ends; one variate in two million lies beyond."""


def correlated_speckle(case: Case) -> Tensor:
    """Multiplicative gamma noise of mean 1 and L = 1 / s^2 looks, correlated between pixels, on intensities."""
    return case.image * _power(case)


def correlated_speckle_in_decibels(value_range: tuple[float, float]) -> Degradation:
    """``correlated_speckle`` for radar images in decibels; see ``llars.degrade.noise.decibel_form``."""
    return decibel_form(CORRELATED_SPECKLE, _power, value_range)


def _power(case: Case) -> Tensor:
    """Speckle of mean 1 and standard deviation s: gamma quantiles of a correlated normal field (a Gaussian copula).

    So any number of looks, integer or not, costs the same, and each pixel follows the gamma distribution itself.
    """
    severity = case.severity.clamp(min=FINEST)
    table = _quantiles(severity.flatten().double()).to(case.image)
    field = _correlated_normal(case).clamp_(-WIDEST_Z, WIDEST_Z)
    place = field.add_(WIDEST_Z).mul_(STEPS_PER_SIGMA).flatten(1)
    knot = place.long().clamp_(max=table.shape[1] - 2)
    power = torch.lerp(table.gather(1, knot), table.gather(1, knot + 1), place - knot).view_as(case.image)
    return (power - 1.0) * (case.severity / severity) + 1.0


def _correlated_normal(case: Case) -> Tensor:
    """Standard normal variates filtered by a Gaussian response, whose width is drawn for every image."""
    batch, bands, height, width = case.image.shape
    sigma = case.uniform(batch, 1, low=RESOLUTION_PX[0], high=RESOLUTION_PX[1])
    reach = math.ceil(3.0 * RESOLUTION_PX[1])
    taps = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, device=sigma.device) / sigma).square())
    taps = (taps / taps.square().sum(dim=1, keepdim=True).sqrt())[:, None]  # keeps the variance at 1
    # Images become channels of a grouped convolution; the field extends beyond the edges.
    field = case.normal(bands, batch, height + 2 * reach, width + 2 * reach)
    field = functional.conv2d(field, taps[:, :, :, None], groups=batch)
    return functional.conv2d(field, taps[:, :, None, :], groups=batch).transpose(0, 1).contiguous()


def _quantiles(severity: Tensor) -> Tensor:
    """Gamma quantiles, mean 1 and L = 1 / s^2 looks, at equally spaced normal quantiles, ``(batch, knot)``."""
    looks = severity.pow(-2)[:, None]
    target = torch.special.ndtr(
        torch.linspace(-WIDEST_Z, WIDEST_Z, int(2 * WIDEST_Z * STEPS_PER_SIGMA) + 1).to(looks)
    ).expand(len(looks), -1)
    low, high = torch.zeros_like(target), (1.0 + 16.0 / looks.sqrt()).expand_as(target)
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        less = torch.special.gammainc(looks.expand_as(middle), looks * middle) < target
        low, high = torch.where(less, middle, low), torch.where(less, high, middle)
    return 0.5 * (low + high)


CORRELATED_SPECKLE = Degradation(
    "correlated_speckle",
    "denoise",
    "speckle that neighbouring pixels share",
    "gamma of mean 1 and 1 / s^2 looks, behind a Gaussian of 0.4 to 0.9 pixels",
    correlated_speckle,
)
