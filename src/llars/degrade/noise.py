"""Noise: additive noise, photon noise, speckle and impulse noise.

Additive noise and impulses are limited to the detector's dark and saturation values (``Case.recorded``).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from llars.degrade.base import Case, Degradation
from llars.errors import ConfigError

__all__ = [
    "GAUSSIAN_NOISE",
    "IMPULSE_NOISE",
    "POISSON_NOISE",
    "SPECKLE",
    "UNIFORM_NOISE",
    "decibel_form",
    "speckle_in_decibels",
]

FULL_SIGMA = 0.1
"""Standard deviation in unit values at severity 1; of Poisson noise, where the image is 1."""

IMPULSE_SHARE = 0.1
"""Share of samples that impulse noise replaces at severity 1."""

MANY_COUNTS = 4.0
"""Mean from which on the variance of the Cornish-Fisher expansion of a Poisson variate is accurate to 0.2 %."""

MAX_FEW_COUNTS = 24
"""More counts than this occur less than once in 10^11 variates of mean ``MANY_COUNTS``."""

VANISHING = 1e-6
"""Lower bound of the relative power before it is converted to decibels: -60 dB, below any radar's noise floor."""

FINEST_SPECKLE = 0.01
"""Below this severity, the gamma distribution is normal in float32, and its rejection test only rounding error."""


def gaussian_noise(case: Case) -> Tensor:
    """Independent normal noise."""
    return case.recorded(case.image + FULL_SIGMA * case.severity * case.normal(*case.image.shape))


def uniform_noise(case: Case) -> Tensor:
    """Independent uniform noise with the standard deviation of ``gaussian_noise``."""
    half_width = math.sqrt(3.0) * FULL_SIGMA * case.severity
    return case.recorded(case.image + half_width * case.uniform(*case.image.shape, low=-1.0, high=1.0))


def poisson_noise(case: Case) -> Tensor:
    """Photon noise: u becomes Poisson(u N) / N with N = 1 / (0.1 s)^2 photons at u = 1.

    Values below 0 hold no photons and are left unchanged.
    """
    photons = (FULL_SIGMA * case.severity).clamp(min=1e-4).pow(-2)
    counts = _poisson(case.image.clamp(min=0.0) * photons, case)
    return torch.where(case.image > 0, counts / photons, case.image)


def speckle(case: Case) -> Tensor:
    """Multiplicative gamma noise of mean 1 and L = 1 / s^2 looks, on intensities."""
    return case.image * _gamma(case)


def impulse_noise(case: Case) -> Tensor:
    """Salt and pepper: samples stuck at saturation or at dark, half each."""
    chance = case.uniform(*case.image.shape)
    spoiled = IMPULSE_SHARE * case.severity
    low, high = case.extremes()
    return torch.where(chance < spoiled, torch.where(chance < spoiled / 2, low, high), case.image)


def speckle_in_decibels(value_range: tuple[float, float]) -> Degradation:
    """``speckle`` for radar images in decibels; see ``decibel_form``."""
    return decibel_form(SPECKLE, _gamma, value_range)


def decibel_form(
    speckle: Degradation, power: Callable[[Case], Tensor], value_range: tuple[float, float]
) -> Degradation:
    """A multiplicative noise of intensities, for images in decibels, whose unit values are (dB - lo) / (hi - lo).

    A factor g on the intensity becomes a summand in decibels: 10 log10(g) / (hi - lo) in unit values.

    Args:
        speckle: the noise as it acts on intensities.
        power: draws its factors.
        value_range: lo and hi in dB, as in the scene's ``value_range``.

    Raises:
        ConfigError: hi is not above lo.
    """
    low, high = value_range
    if not high > low:
        raise ConfigError(f"value range {low:g} to {high:g} dB; expected the upper end to be above the lower")

    def in_decibels(case: Case) -> Tensor:
        return case.image + 10.0 / (high - low) * power(case).clamp(min=VANISHING).log10()

    return replace(speckle, operate=in_decibels)


def _poisson(mean: Tensor, case: Case) -> Tensor:
    """Poisson variates as quantiles at normal variates, which can be vectorised, unlike torch's own sampler.

    From mean ``MANY_COUNTS`` on by the Cornish-Fisher expansion to its third term (Giles 2016, "Algorithm 955:
    approximation of the inverse Poisson cumulative distribution function"), below by summing the probabilities.
    """
    z = case.normal(*mean.shape)
    root = mean.clamp(min=MANY_COUNTS).sqrt()
    square = z.square()
    counts = torch.addcmul(mean, root, z).add_(square, alpha=1 / 6).add_(1 / 3)
    counts.sub_(square.add_(2.0).mul_(z).div_(root), alpha=1 / 72).floor_()
    counts = counts.contiguous()
    few = (mean < MANY_COUNTS).flatten().nonzero().flatten()
    counts.view(-1)[few] = _few_counts(mean.flatten()[few], torch.special.ndtr(z.flatten()[few]))
    return counts


def _few_counts(mean: Tensor, quantile: Tensor) -> Tensor:
    """Smallest counts whose cumulative probability reaches ``quantile``."""
    chance = torch.exp(-mean)
    below = chance.clone()
    counts = torch.zeros_like(mean)
    for count in range(1, MAX_FEW_COUNTS + 1):
        more = quantile > below
        if not bool(more.any()):
            break
        counts += more
        chance.mul_(mean).div_(count)
        below += chance
    return counts


def _gamma(case: Case) -> Tensor:
    """Gamma variates of mean 1 and standard deviation s, for every sample of the image.

    Marsaglia and Tsang (2000), "A simple method for generating gamma variables": a cubed normal variate, rejected
    in less than one case of twenty. It can be vectorised, unlike torch's own gamma sampler.
    """
    severity = case.severity.clamp(min=FINEST_SPECKLE)
    variates, rejected = _gamma_trial(severity, case.image.shape, case)
    left = rejected.flatten().nonzero().flatten()
    flat = variates.view(-1)
    while left.numel():
        again, rejected = _gamma_trial(severity.flatten()[left // case.image[0].numel()], left.shape, case)
        flat[left] = again
        left = left[rejected]
    return variates.sub_(1.0).mul_(case.severity / severity).add_(1.0)


def _gamma_trial(severity: Tensor, shape: torch.Size, case: Case) -> tuple[Tensor, Tensor]:
    """Variates of mean 1 and standard deviation ``severity``, and which of them must be drawn again."""
    d = severity.pow(-2) - 1.0 / 3.0
    z = case.normal(*shape)
    v = (z * (9.0 * d).rsqrt()).add_(1.0).pow_(3)
    # z^2 / 2 + d (1 - v + log v); in place, because memory bandwidth limits the speed.
    threshold = v.clamp(min=1e-30).log_().sub_(v).add_(1.0).mul_(d).add_(z.square_(), alpha=0.5)
    rejected = (case.uniform(*shape).log_() >= threshold).logical_or_(v <= 0)
    return v.mul_(1.0 - severity.square() / 3.0), rejected


GAUSSIAN_NOISE = Degradation(
    "gaussian_noise", "denoise", "independent normal noise", "standard deviation 0.1 s", gaussian_noise
)
UNIFORM_NOISE = Degradation(
    "uniform_noise", "denoise", "independent uniform noise", "standard deviation 0.1 s", uniform_noise
)
POISSON_NOISE = Degradation(
    "poisson_noise", "denoise", "photon noise", "standard deviation 0.1 s sqrt(u) where the image is u", poisson_noise
)
SPECKLE = Degradation(
    "speckle", "denoise", "multiplicative noise of coherent light", "gamma of mean 1 and 1 / s^2 looks", speckle
)
IMPULSE_NOISE = Degradation(
    "impulse_noise", "denoise", "salt and pepper", "0.1 s of the samples, half of them full, half dark", impulse_noise
)
