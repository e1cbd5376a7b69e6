"""Separable linear operators, with separate weights for every image of a batch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["Weights", "apply_separably"]

Weights = Callable[[Tensor, Tensor, int], Tensor]
"""``weights(outputs, inputs, length)``: weight of each input pixel in each output pixel along an axis of that length,
``(batch, output, input)``, from the indices of the pixels, ``(output,)`` and ``(input,)``."""

BLOCK = 64
"""Output pixels computed at once: enough for fast matrix products, few compared with the width of a scene."""


def apply_separably(image: Tensor, weights: Weights, reach: int) -> Tensor:
    """Apply one operator along y, then along x; ``(batch, band, y, x)`` to the same shape.

    Banded matrices are applied block by block, so that time and memory are proportional to the image's area.

    Args:
        image: ``(batch, band, y, x)``.
        weights: the operator's weights.
        reach: distance in pixels beyond which all weights are 0.
    """
    return _along_x(_along_x(image.mT, weights, reach).mT, weights, reach)


def _along_x(image: Tensor, weights: Weights, reach: int) -> Tensor:
    batch, bands, height, width = image.shape
    index = torch.arange(width, device=image.device)
    rows = image.reshape(batch, bands * height, width)
    blocks = []
    for start in range(0, width, BLOCK):
        near = slice(max(0, start - reach), start + BLOCK + reach)
        matrix = weights(index[start : start + BLOCK], index[near], width)
        blocks.append(rows[:, :, near] @ matrix.mT)
    result = blocks[0] if len(blocks) == 1 else torch.cat(blocks, dim=2)
    return result.view(batch, bands, height, width)
