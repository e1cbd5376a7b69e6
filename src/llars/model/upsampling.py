"""Filters that add detail to an enlarged image: one for each kind of edge, learned by least squares.

Rapid and accurate image super-resolution (RAISR; Romano, Isidoro & Milanfar 2017, IEEE TCI 3(1)): the neighbourhood of
a pixel is classified by the direction of its edge, its coherence, and the edge's strength relative to the roughness
around it; the filter of that kind predicts the finer pixels. Bands are processed one by one, in any units: the kind of
an edge does not depend on its brightness or contrast.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from llars.model.means import local_mean

__all__ = ["FACTORS", "KINDS", "REACH", "SIDE", "UpsamplingFilters", "kinds_of"]

FACTORS = (2, 3)
"""Factors of a finer grid for which there are filters."""

REACH = 3
"""Half width in pixels of a filter and of the neighbourhood that decides its kind."""

SIDE = 2 * REACH + 1
"""Side of a filter, in pixels."""

DIRECTIONS = 16
"""Classes of the direction of an edge, over half a turn."""

COHERENT = (0.25, 0.5)
"""Class bounds of the coherence: the difference of the two principal gradients over their sum."""

STANDING_OUT = (0.25, 0.4, 0.6)
"""Class bounds of the strength: the main gradient over four times the roughness."""

KINDS = DIRECTIONS * (len(COHERENT) + 1) * (len(STANDING_OUT) + 1)

TINY = 1e-10
"""Mean square, in unit values, added where there may be no detail at all to divide by."""


class UpsamplingFilters(nn.Module):
    """The filters of all kinds, by factor. They start at zero, which adds nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.filters = nn.ParameterDict(
            {str(factor): nn.Parameter(torch.zeros(KINDS, SIDE**2, factor**2)) for factor in FACTORS}
        )

    @torch.no_grad()
    def forward(self, coarse: Float[Tensor, "batch 1 y x"], factor: int) -> Float[Tensor, "batch 1 y_ x_"]:
        """The detail to add to the enlargement that keeps area means; the detail's own area means are 0.

        Args:
            coarse: one band of images, in unit values without gaps.
            factor: one of ``FACTORS``.
        """
        batch, _, height, width = coarse.shape
        filters = _centred(self.filters[str(factor)]).mT.contiguous()
        kind = kinds_of(coarse).flatten()
        order = kind.argsort()
        wide = functional.pad(coarse, [REACH] * 4, mode="replicate")
        # Flat index of the first pixel of each neighbourhood, and the offsets of all its pixels from there.
        begin = torch.arange(wide.numel(), device=coarse.device).view(wide.shape)
        begin = begin[..., :height, :width].flatten()[order]
        apart = torch.arange(SIDE, device=coarse.device)
        apart = (apart[:, None] * wide.shape[-1] + apart).view(-1, 1)
        pixels, found = wide.flatten(), coarse.new_empty(factor**2, len(order))
        start = 0
        for one, count in enumerate(torch.bincount(kind, minlength=KINDS).tolist()):
            part = slice(start, start + count)
            found[:, part] = filters[one] @ pixels[apart + begin[part]]
            start += count
        detail = torch.empty_like(found)
        detail[:, order] = found
        return functional.pixel_shuffle(detail.view(factor**2, batch, height, width).transpose(0, 1), factor)


def _centred(filters: Float[Tensor, "kind place finer"]) -> Float[Tensor, "kind place finer"]:
    """Filters that ignore the mean around a pixel, and do not change the mean over its finer pixels."""
    filters = filters - filters.mean(1, keepdim=True)
    return filters - filters.mean(2, keepdim=True)


def kinds_of(image: Float[Tensor, "batch 1 y x"]) -> Int[Tensor, "batch y x"]:
    """The kind of edge at each pixel, from 0 to below ``KINDS``."""
    wide = functional.pad(image, [1] * 4, mode="replicate")
    across = 0.5 * (wide[..., 1:-1, 2:] - wide[..., 1:-1, :-2])
    down = 0.5 * (wide[..., 2:, 1:-1] - wide[..., :-2, 1:-1])
    # The structure tensor: its principal axes point across and along the edge.
    xx, xy, yy = (local_mean(local_mean(part, 1), 1) for part in (across**2, across * down, down**2))
    spread = ((xx - yy).square() + 4 * xy.square()).sqrt()
    most, least = (((xx + yy + side) / 2).clamp(min=0.0).sqrt() for side in (spread, -spread))
    direction = ((torch.atan2(2 * xy, xx - yy) / (2 * math.pi) + 0.5) * DIRECTIONS).long().clamp(0, DIRECTIONS - 1)
    coherence = (most - least) / (most + least + math.sqrt(TINY))
    roughness = local_mean((image - local_mean(image, 1)).square(), 2)
    standing = most / (4 * (roughness + TINY).sqrt())
    kind = direction
    for value, bounds in ((coherence, COHERENT), (standing, STANDING_OUT)):
        kind = kind * (len(bounds) + 1) + torch.bucketize(value, torch.tensor(bounds, device=value.device))
    return kind[:, 0]
