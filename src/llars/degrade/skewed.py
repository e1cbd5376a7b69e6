"""Noise with a skewed distribution, and samples replaced by random values."""

from __future__ import annotations

import math

from torch import Tensor

from llars.degrade.base import Case, Degradation
from llars.degrade.noise import FULL_SIGMA, IMPULSE_SHARE

__all__ = ["GAMMA_NOISE", "RANDOM_IMPULSE_NOISE", "RAYLEIGH_NOISE"]

GAMMA_SHAPE = 2
"""Shape of the gamma distribution: skewness sqrt(2), between the Rayleigh's 0.63 and the exponential's 2."""


def rayleigh_noise(case: Case) -> Tensor:
    """Independent Rayleigh noise minus its mean, as in magnitudes of a complex signal."""
    drawn = (-2.0 * _log_uniform(case)).sqrt_().sub_(math.sqrt(math.pi / 2.0)).div_(math.sqrt(2.0 - math.pi / 2.0))
    return case.recorded(case.image + FULL_SIGMA * case.severity * drawn)


def gamma_noise(case: Case) -> Tensor:
    """Independent gamma noise of shape 2 minus its mean."""
    drawn = -sum((_log_uniform(case) for _ in range(GAMMA_SHAPE - 1)), start=_log_uniform(case))
    drawn = drawn.sub_(GAMMA_SHAPE).div_(math.sqrt(GAMMA_SHAPE))
    return case.recorded(case.image + FULL_SIGMA * case.severity * drawn)


def random_impulse_noise(case: Case) -> Tensor:
    """Samples replaced by uniform random values between dark and saturation."""
    low, high = case.extremes()
    spoiled = case.uniform(*case.image.shape) < IMPULSE_SHARE * case.severity
    return (low + (high - low) * case.uniform(*case.image.shape)).where(spoiled, case.image)


def _log_uniform(case: Case) -> Tensor:
    """Logarithms of uniform numbers in (0, 1]."""
    return (1.0 - case.uniform(*case.image.shape)).log_()


RAYLEIGH_NOISE = Degradation(
    "rayleigh_noise", "denoise", "independent noise of Rayleigh's law", "standard deviation 0.1 s", rayleigh_noise
)
GAMMA_NOISE = Degradation(
    "gamma_noise", "denoise", "independent noise of a gamma law of shape 2", "standard deviation 0.1 s", gamma_noise
)
RANDOM_IMPULSE_NOISE = Degradation(
    "random_impulse_noise", "denoise", "samples of random value", "0.1 s of the samples", random_impulse_noise
)
