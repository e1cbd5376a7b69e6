"""Resampling by the usual kernels: onto a coarser grid and back onto the original one."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from llars.degrade.base import Case, Degradation
from llars.degrade.resolution import FULL_FACTOR, cubic
from llars.degrade.separable import apply_separably

__all__ = ["BICUBIC_RESAMPLING", "BILINEAR_RESAMPLING", "LANCZOS_RESAMPLING", "NEAREST_RESAMPLING"]

LOBES = 3
"""Lobes of the Lanczos kernel on either side."""

Kernel = Callable[[Tensor], Tensor]
"""Weight at a distance in pixels."""


def nearest(distance: Tensor) -> Tensor:
    """The nearest sample; of two at equal distance, the one before."""
    beyond = distance + 0.5 + 1e-9  # rounding must not reject both of two samples at half a pixel
    return ((beyond >= 0.0) & (beyond < 1.0)).to(distance)


def bilinear(distance: Tensor) -> Tensor:
    """Linear between two samples."""
    return (1.0 - distance.abs()).clamp(min=0.0)


def lanczos(distance: Tensor) -> Tensor:
    """A sinc windowed by the main lobe of a wider sinc (Duchon 1979)."""
    return torch.where(distance.abs() < LOBES, torch.sinc(distance) * torch.sinc(distance / LOBES), 0.0)


def resample(case: Case, kernel: Kernel, support: int, widened: bool = True) -> Tensor:
    """Onto a grid with pixels 1 + 3 s times as wide, and back, by the same kernel.

    Args:
        case: the image.
        kernel: weights, before they are normalised to sum to 1.
        support: distance at which the kernel ends, in pixels.
        widened: when downsampling, widen the kernel to the coarse pixels, which avoids aliasing.
    """
    factor = 1.0 + (FULL_FACTOR - 1.0) * case.severity.view(-1, 1, 1).double()

    def weights(outputs: Tensor, inputs: Tensor, length: int) -> Tensor:
        # A whole number of coarse pixels within the same bounds; positions need more digits than float32 has.
        cells = (length / factor).round().clamp(min=1.0)
        width = length / cells
        place = (outputs.double() + 0.5)[:, None] / width - 0.5
        cell = place[:, :1].floor() - support + torch.arange(_cells(place, support), device=outputs.device)
        up = _normalised(kernel(place - cell) * ((cell >= 0) & (cell < cells)))
        centre = ((cell + 0.5) * width - 0.5).mT
        stretch = width if widened else torch.ones_like(width)
        down = _normalised(kernel((inputs.double() - centre) / stretch))
        return (up @ down).to(case.image)

    reach = math.ceil(2.0 * (support + 1) * float(factor.max())) + 1
    return apply_separably(case.image, weights, reach)


def _cells(place: Tensor, support: int) -> int:
    return int((place[:, -1].floor() - place[:, 0].floor()).max()) + 2 * support + 2


def _normalised(weights: Tensor) -> Tensor:
    """Rows scaled to sum to 1; a row outside the image is all zeros and stays so."""
    total = weights.sum(dim=2, keepdim=True)
    return weights / total.where(total.abs() > 1e-9, 1.0)


def _operator(name: str, kernel: Kernel, support: int, widened: bool = True) -> Degradation:
    operate = partial(resample, kernel=kernel, support=support, widened=widened)
    return Degradation(
        f"{name}_resampling", "sr", f"{name} onto coarser pixels and back", "pixels 1 + 3 s times as wide", operate
    )


NEAREST_RESAMPLING = _operator("nearest", nearest, 1, widened=False)
BILINEAR_RESAMPLING = _operator("bilinear", bilinear, 1)
BICUBIC_RESAMPLING = _operator("bicubic", cubic, 2)
LANCZOS_RESAMPLING = _operator("lanczos", lanczos, LOBES)
