"""Width of an isotropic blur, from how the power spectrum falls from ring to ring.

The ground's power falls with some exponent of the frequency, a sensor multiplies it by a narrow Gaussian, and noise
adds a floor; none of the three is known. A blur bends the curve further, and how far gives its width: by Whittle's
likelihood, with the unknowns chosen to fit best.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from llars.initial.spectra import FIRST_RING, power, rings

__all__ = ["Curves", "width_likelihood"]

EXPONENTS = torch.arange(1.0, 5.01, 0.5, dtype=torch.float64)
"""Candidate exponents of the frequency with which the power of the ground falls."""

SENSORS_PX = torch.tensor([0.0, 0.3, 0.45, 0.6], dtype=torch.float64)
"""Candidate standard deviations of the blur of the sensor and of product generation."""

NOISES = 10.0 ** torch.arange(-16.0, 1.0, dtype=torch.float64)
"""Candidate ratios of the power of the noise to that of the ground in the first ring."""

NEIGHBOURS = torch.tensor([0.15, 0.7, 0.15], dtype=torch.float64)
"""Shares of a ring's power that leak, by the taper, into the ring before, itself and the ring after."""


@dataclass(frozen=True)
class Curves:
    """Expected power in each ring for every combination of unknowns, up to the strength of the ground."""

    inverse: Tensor
    """``(kernel, case, ring)``: reciprocal of the power."""

    logarithm: Tensor
    """``(kernel, case)``: sum of the power's logarithm over frequencies."""

    @classmethod
    def of(cls, squares: Tensor) -> Curves:
        """The curves of kernels with squared transfer functions ``(kernel, side, side // 2 + 1)``."""
        side = squares.shape[-2]
        ring, used = rings(side)
        count = ring.bincount().double()
        frequency = torch.arange(FIRST_RING, FIRST_RING + len(count), dtype=torch.float64) / side
        padded = functional.pad(_ring_means(squares[:, used].double(), side)[:, None], (1, 1), mode="replicate")
        blurred = functional.conv1d(padded, NEIGHBOURS[None, None])
        sensor = torch.exp(-4.0 * (math.pi * SENSORS_PX[:, None] * frequency).square())
        ground = (frequency / frequency[0]) ** -EXPONENTS[:, None]
        noise_free = (blurred * sensor)[:, :, None] * ground
        observed = (noise_free[:, :, :, None] + NOISES[:, None]).flatten(1, 3)
        return cls(1.0 / observed, observed.log() @ count)


def width_likelihood(windows: Tensor, curves: Curves) -> Tensor:
    """``(kernel,)`` float32 log-likelihoods, mean over bands, up to a constant, for ``(window, band, side, side)``."""
    side = windows.shape[-1]
    count = rings(side)[0].bincount().double()
    bands = _ring_means(power(windows.double(), _taper(side)), side)
    likelihood = torch.zeros(len(curves.inverse), dtype=torch.float64)
    for band in bands:
        strength = curves.inverse @ (count * band / band[0]) / count.sum()
        likelihood += (-count.sum() * strength.log() - curves.logarithm).amax(1)
    return (likelihood / max(len(bands), 1)).float()


@functools.cache
def _taper(side: int) -> Tensor:
    """Four-term Blackman-Harris taper: each side lobe has less than 1e-9 of the peak's power."""
    turn = 2.0 * math.pi * torch.arange(side, dtype=torch.float64) / (side - 1)
    return 0.35875 - 0.48829 * turn.cos() + 0.14128 * (2 * turn).cos() - 0.01168 * (3 * turn).cos()


def _ring_means(spectra: Tensor, side: int) -> Tensor:
    ring = rings(side)[0]
    sums = torch.zeros(len(spectra), int(ring.max()) + 1, dtype=spectra.dtype)
    return sums.index_add_(1, ring, spectra) / ring.bincount()
