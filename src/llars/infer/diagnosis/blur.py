"""Blur: the kind and the width that the spectrum of windows from all over the scene shows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from llars.degrade.blur import FULL_MOTION_PX, FULL_RADIUS_PX, FULL_SIGMA_PX
from llars.infer.initial.estimators import optics
from llars.initial.deconvolution import Kernel, Optics, kernels

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


__all__ = ["Blur", "find_blur", "spread_of"]

FULL_PX = {"gaussian": FULL_SIGMA_PX, "defocus": FULL_RADIUS_PX, "motion": FULL_MOTION_PX}
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

    confidence: float
    """Probability of the kind, in [0, 1]."""


def find_blur(windows: NDArray[np.float32]) -> Blur:
    """The blur that windows ``(window, band, 64, 64)`` of unit values show."""
    optics_estimate = Optics.estimate(torch.from_numpy(windows), optics())
    if optics_estimate.motion is not None:
        path = Kernel("motion", optics_estimate.motion.length_px, optics_estimate.motion.direction)
        return Blur(spread_of(path), path.kind, path.size_px, math.degrees(path.direction), 1.0)
    return _likeliest(optics_estimate.probability[0])


def spread_of(kernel: Kernel) -> float:
    """Root mean square distance from the centre along an axis, mean over directions, in pixels."""
    if kernel.kind == "motion":
        return kernel.size_px / math.sqrt(24.0)
    return kernel.size_px / 2.0 if kernel.kind == "defocus" else kernel.size_px


def _likeliest(probability: torch.Tensor) -> Blur:
    candidates = kernels()
    spreads = torch.tensor([spread_of(kernel) for kernel in candidates])
    spread = float((probability * spreads.square()).sum().sqrt())
    shares = {kind: torch.tensor([kernel.kind == kind for kernel in candidates]) for kind in ("none", *FULL_PX)}
    kind = max(shares, key=lambda one: float(probability[shares[one]].sum()))
    of_kind = torch.where(shares[kind], probability, 0.0)
    confidence = float(of_kind.sum())
    size = float((of_kind * torch.tensor([kernel.size_px for kernel in candidates])).sum()) / confidence
    direction = math.degrees(candidates[int(of_kind.argmax())].direction)
    return Blur(spread, kind, size, direction, confidence)
