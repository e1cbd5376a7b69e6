"""How wide a blur is that is alike in all directions, from how the power of the spectrum falls from ring to ring.

Of the ground it falls with some power of the frequency, a sensor makes it fall as a narrow Gaussian does, noise keeps
it up, and none of the three is known. A blur bends the curve further, and by how much it does tells its width: by
Whittle's likelihood, with what is not known chosen to fit best.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from llars.starts.spectra import FIRST_RING, power, rings

__all__ = ["Curves", "width_likelihood"]

EXPONENTS = torch.arange(1.0, 5.01, 0.5, dtype=torch.float64)
"""Powers of the frequency with which the power of the ground may fall."""

SENSORS_PX = torch.tensor([0.0, 0.3, 0.45, 0.6], dtype=torch.float64)
"""Standard deviations of what a sensor, or the making of the product, may have blurred already."""

NOISES = 10.0 ** torch.arange(-16.0, 1.0, dtype=torch.float64)
"""Power of the noise over that of the ground in the first ring."""

NEIGHBOURS = torch.tensor([0.15, 0.7, 0.15], dtype=torch.float64)
"""Share of a ring's power that the window spreads over it and the rings beside it."""


@dataclass(frozen=True)
class Curves:
    """Power in each ring that could be seen, whatever the ground's strength."""

    inverse: Tensor
    """``(kernel, case, ring)``: one over it."""

    logarithm: Tensor
    """``(kernel, case)``: sum of its logarithm over frequencies."""

    @classmethod
    def of(cls, squares: Tensor) -> Curves:
        """Those that kernels with squared transfers ``(kernel, side, side // 2 + 1)`` leave of any ground."""
        side = squares.shape[-2]
        ring, looked_at = rings(side)
        count = ring.bincount().double()
        frequency = torch.arange(FIRST_RING, FIRST_RING + len(count), dtype=torch.float64) / side
        around = functional.pad(_ring_means(squares[:, looked_at].double(), side)[:, None], (1, 1), mode="replicate")
        blurred = functional.conv1d(around, NEIGHBOURS[None, None])
        sensor = torch.exp(-4.0 * (math.pi * SENSORS_PX[:, None] * frequency).square())
        ground = (frequency / frequency[0]) ** -EXPONENTS[:, None]
        clear = (blurred * sensor)[:, :, None] * ground
        seen = (clear[:, :, :, None] + NOISES[:, None]).flatten(1, 3)
        return cls(1.0 / seen, seen.log() @ count)


def width_likelihood(windows: Tensor, curves: Curves) -> Tensor:
    """``(kernel,)`` float32 logarithms, mean over bands, up to a constant, for ``(window, band, side, side)``."""
    side = windows.shape[-1]
    count = rings(side)[0].bincount().double()
    bands = _ring_means(power(windows.double(), _fade(side)), side)
    found = torch.zeros(len(curves.inverse), dtype=torch.float64)
    for band in bands:
        strength = curves.inverse @ (count * band / band[0]) / count.sum()
        found += (-count.sum() * strength.log() - curves.logarithm).amax(1)
    return (found / max(len(bands), 1)).float()


@functools.cache
def _fade(side: int) -> Tensor:
    """Four terms of Blackman and Harris: beside such a window's peak there is less than 1e-9 of its power."""
    turn = 2.0 * math.pi * torch.arange(side, dtype=torch.float64) / (side - 1)
    return 0.35875 - 0.48829 * turn.cos() + 0.14128 * (2 * turn).cos() - 0.01168 * (3 * turn).cos()


def _ring_means(spectra: Tensor, side: int) -> Tensor:
    ring = rings(side)[0]
    sums = torch.zeros(len(spectra), int(ring.max()) + 1, dtype=spectra.dtype)
    return sums.index_add_(1, ring, spectra) / ring.bincount()
