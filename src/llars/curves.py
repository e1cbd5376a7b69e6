"""Tone curves: a band's quantiles, and piecewise-linear maps through them. Used by the exact operations and the model."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

__all__ = ["LEVELS", "apply_curve", "quantiles"]

LEVELS = tuple(sorted({*(step / 64 for step in range(65)), 0.02, 0.98}))
"""Shares of the pixels at which a curve has its knots: 64 even steps, and the ends of the usual linear stretch."""


def quantiles(
    image: Float[Tensor, "*batch y x"], valid: Bool[Tensor, "*batch y x"] | None = None
) -> Float[Tensor, "*batch level"]:
    """The values of each band below which ``LEVELS`` of its valid pixels lie, linear between neighbours; float32.

    A band without any valid pixel is given zeros.
    """
    levels = torch.tensor(LEVELS, dtype=torch.float64, device=image.device)
    flat = image.float().flatten(-2)
    if valid is None:
        ordered, count = flat.sort(-1).values, torch.full(flat.shape[:-1], flat.shape[-1], device=flat.device)
    else:
        kept = valid.flatten(-2)
        # What is missing is sorted to the end, behind the last place that is asked for.
        ordered = flat.masked_fill(~kept, torch.inf).sort(-1).values
        count = kept.sum(-1)
    place = levels * (count[..., None] - 1).clamp_min(0)
    below = place.floor().long()
    above = torch.minimum(below + 1, (count[..., None] - 1).clamp_min(0))
    found = torch.lerp(ordered.gather(-1, below), ordered.gather(-1, above), (place - below).float())
    return torch.where((count > 0)[..., None], found, 0.0)


def apply_curve(
    image: Float[Tensor, "*batch y x"], knots: Float[Tensor, "*batch level"], values: Float[Tensor, "*batch level"]
) -> Float[Tensor, "*batch y x"]:
    """Each band through its own curve, linear between ``knots`` (ascending) and level beyond the first and the last.

    Where several knots share one place, as where many pixels share one value, the middle of their values holds.
    """
    flat = image.flatten(-2).contiguous()
    first = torch.searchsorted(knots.contiguous(), flat, right=False)
    after = torch.searchsorted(knots.contiguous(), flat, right=True)
    last = knots.shape[-1] - 1
    low, high = (after - 1).clamp(0, last), after.clamp(0, last)
    start, end = knots.gather(-1, low), knots.gather(-1, high)
    share = ((flat - start) / (end - start).clamp_min(1e-12)).clamp(0.0, 1.0)
    between = torch.lerp(values.gather(-1, low), values.gather(-1, high), share)
    tied = 0.5 * (values.gather(-1, first.clamp(0, last)) + values.gather(-1, low))
    return torch.where(after - first > 1, tied, between).view(image.shape)
