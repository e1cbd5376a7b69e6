"""Filters that give detail to an enlarged image: one for each kind of edge, learned by least squares.

Rapid and accurate image super-resolution (RAISR; Romano, Isidoro & Milanfar 2017, IEEE TCI 3(1)): what surrounds a
pixel is sorted by the direction of its edge, how much one direction prevails, and how far the edge stands out from
what is rough; the filter of that kind tells the finer pixels. Bands are taken one by one, in any units: brighter or
of more contrast, an edge is of the same kind.
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
"""How many times finer there are filters for."""

REACH = 3
"""Pixels around one that its kind and its filter depend on."""

SIDE = 2 * REACH + 1
"""Of a filter, in pixels."""

DIRECTIONS = 16
"""Of an edge, over half a turn."""

COHERENT = (0.25, 0.5)
"""Bounds of how much one direction prevails: of the difference of the two main gradients over their sum."""

STANDING_OUT = (0.25, 0.4, 0.6)
"""Bounds of the main gradient over four times what neighbours differ by."""

KINDS = DIRECTIONS * (len(COHERENT) + 1) * (len(STANDING_OUT) + 1)

TINY = 1e-10
"""Mean square, in unit values, below which nothing is told apart."""


class UpsamplingFilters(nn.Module):
    """The filters of all kinds, by factor. Zero at first: then nothing is added."""

    def __init__(self) -> None:
        super().__init__()
        self.filters = nn.ParameterDict(
            {str(factor): nn.Parameter(torch.zeros(KINDS, SIDE**2, factor**2)) for factor in FACTORS}
        )

    @torch.no_grad()
    def forward(self, coarse: Float[Tensor, "batch 1 y x"], factor: int) -> Float[Tensor, "batch 1 y_ x_"]:
        """What finer pixels have beside the enlargement that keeps area means; its own area means are 0.

        Args:
            coarse: one band of images, in unit values without gaps.
            factor: one of ``FACTORS``.
        """
        batch, _, height, width = coarse.shape
        filters = _centred(self.filters[str(factor)]).mT.contiguous()
        kind = kinds_of(coarse).flatten()
        order = kind.argsort()
        wide = functional.pad(coarse, [REACH] * 4, mode="replicate")
        # Where in memory the pixels around each begin, and where those of a filter lie from there.
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
    """Filters that see nothing of the mean around a pixel, and change nothing of the mean over its finer ones."""
    filters = filters - filters.mean(1, keepdim=True)
    return filters - filters.mean(2, keepdim=True)


def kinds_of(image: Float[Tensor, "batch 1 y x"]) -> Int[Tensor, "batch y x"]:
    """The kind of edge at each pixel, from 0 to below ``KINDS``."""
    wide = functional.pad(image, [1] * 4, mode="replicate")
    across = 0.5 * (wide[..., 1:-1, 2:] - wide[..., 1:-1, :-2])
    down = 0.5 * (wide[..., 2:, 1:-1] - wide[..., :-2, 1:-1])
    # The structure tensor: its axes are the direction of the edge and that along it.
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
