"""Blur: the kind and the width that the spectrum of windows from all over the scene shows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from llars.infer.starts.estimators import optics
from llars.starts.deconvolution import Kernel, Optics, kernels

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


__all__ = ["Blur", "find_blur", "spread_of"]

FULL_PX = {"gaussian": 2.0, "defocus": 4.0, "motion": 16.0}
"""Sizes in pixels that severity 1 stands for in training."""


@dataclass(frozen=True)
class Blur:
    """The point spread function of a blur."""

    spread_px: float
    """Root mean square distance from its centre along an axis: the measure that all kinds share."""

    kind: str
    """``none``, ``gaussian``, ``defocus`` or ``motion``: the likeliest."""

    size_px: float
    """Standard deviation, radius of the disc, or length of the path."""

    direction: float
    """Direction of a motion, in degrees from the x axis towards y, in [0, 180)."""

    sure: float
    """Probability of the kind, in [0, 1]."""


def find_blur(windows: NDArray[np.float32]) -> Blur:
    """The blur that windows ``(window, band, 64, 64)`` of unit values show."""
    seen = Optics.seen(torch.from_numpy(windows), optics())
    if seen.motion is not None:
        path = Kernel("motion", seen.motion.length_px, seen.motion.direction)
        return Blur(spread_of(path), path.kind, path.size_px, math.degrees(path.direction), 1.0)
    return _told(seen.probability[0])


def spread_of(kernel: Kernel) -> float:
    """Root mean square distance from the centre along an axis, mean over directions, in pixels."""
    if kernel.kind == "motion":
        return kernel.size_px / math.sqrt(24.0)
    return kernel.size_px / 2.0 if kernel.kind == "defocus" else kernel.size_px


def _told(probability: torch.Tensor) -> Blur:
    every = kernels()
    spreads = torch.tensor([spread_of(kernel) for kernel in every])
    spread = float((probability * spreads.square()).sum().sqrt())
    shares = {kind: torch.tensor([kernel.kind == kind for kernel in every]) for kind in ("none", *FULL_PX)}
    kind = max(shares, key=lambda one: float(probability[shares[one]].sum()))
    within = torch.where(shares[kind], probability, 0.0)
    sure = float(within.sum())
    size = float((within * torch.tensor([kernel.size_px for kernel in every])).sum()) / sure
    direction = math.degrees(every[int(within.argmax())].direction)
    return Blur(spread, kind, size, direction, sure)
