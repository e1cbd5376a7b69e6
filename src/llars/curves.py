"""Tone curves: quantiles of bands and piecewise-linear maps through them, for the exact operations and the model."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

__all__ = ["LEVELS", "apply_curve", "ascending", "quantiles"]

LEVELS: tuple[float, ...] = tuple(sorted({*(step / 64 for step in range(65)), 0.02, 0.98}))
"""Quantile levels of a curve's knots: 64 equal steps, and the ends of the usual linear stretch."""


def ascending(values: Tensor) -> Tensor:
    """``values`` in rising order along the last axis, NaN last; no gradients."""
    values = values.detach()
    if values.device.type == "cpu" and values.dtype in (torch.float32, torch.float64):
        # NumPy sorts with vector instructions, 30 times as fast.
        return torch.from_numpy(np.sort(values.numpy(), axis=-1))
    return values.sort(dim=-1).values


def quantiles(image: Tensor, levels: Tensor | tuple[float, ...] = LEVELS) -> Tensor:
    """Quantiles of every band over its valid pixels, linear between order statistics.

    Args:
        image: ``(batch, band, y, x)``; NaN is no data.
        levels: ``(k,)`` in [0, 1].

    Returns:
        ``(batch, band, k)``; NaN for a band without any valid pixel.
    """
    ordered = ascending(image.flatten(2))
    last = (~ordered.isnan()).sum(dim=2, keepdim=True) - 1
    # Ranks among millions of pixels need more digits than float32 has.
    place = torch.as_tensor(levels, dtype=torch.float64, device=image.device) * last.clamp(min=0)
    below = place.long()
    above = torch.minimum(below + 1, last.clamp(min=0))
    share = (place - below).to(ordered)
    return torch.lerp(ordered.gather(2, below), ordered.gather(2, above), share)


def apply_curve(image: Tensor, knots: Tensor, values: Tensor) -> Tensor:
    """Apply a separate curve to every band: linear between knots, constant beyond the first and the last.

    Where knots coincide (flat histograms, images with few grey levels), the curve jumps, and at the jump it has the
    mean of both sides: the mid-rank, if values are ranks. A rising curve keeps the order of pixels. Differentiable in
    all three arguments.

    Args:
        image: ``(batch, band, y, x)``; NaN stays NaN.
        knots: ``(batch, band, k)``, in ascending order.
        values: ``(batch, band, k)``, or a shape that expands to it.

    Returns:
        Same shape as ``image``.
    """
    knots = knots.contiguous()
    values = values.expand_as(knots)
    fixed, end = knots.detach(), knots.shape[2] - 1
    flat = image.flatten(2).contiguous()
    first = torch.searchsorted(fixed, fixed).clamp(max=end)
    last = (torch.searchsorted(fixed, fixed, right=True) - 1).clamp(min=0)
    middle = 0.5 * (values.gather(2, first) + values.gather(2, last))
    upper = torch.searchsorted(fixed, flat.detach())
    right, left = upper.clamp(max=end), (upper - 1).clamp(min=0)
    low, high = knots.gather(2, left), knots.gather(2, right)
    share = ((flat - low) / (high - low).where(high > low, 1.0)).clamp(0.0, 1.0)
    between = torch.lerp(values.gather(2, left), values.gather(2, right), share)
    return torch.where(flat == high, middle.gather(2, right), between).view_as(image)
