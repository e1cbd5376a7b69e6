"""Hidden pixels filled in smoothly from their surroundings, the same for training batches and windows of scenes.

Push-pull (Gortler et al., The Lumigraph, SIGGRAPH 1996) with bilinear pulling. Pushing halves the image until it is one
pixel; every coarse pixel is the mean of the finer ones, weighted by trust. Pulling, on the way back, fills untrusted
pixels from the next coarser level. A hole of any size is filled smoothly, at a cost linear in the number of pixels.

All arithmetic is per pixel and in a fixed order. So a window is filled bit for bit like the whole image, given the
whole image's filled pixels at one coarse level.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

__all__ = ["BLOCK", "LEVELS", "MARGIN", "finer", "pull", "push", "quartets"]

LEVELS = 4
"""Halvings between the pixels and the coarse level that is held for a whole scene."""

BLOCK = 2**LEVELS
"""Side in pixels of that level's blocks, which are aligned with the scene's first pixel."""

MARGIN = 2 * BLOCK
"""Halo around a window in pixels, beyond which only that coarse level has influence.

Each bilinear step reaches one pixel of the coarser level: 2 + 4 + 8 + 16 pixels, rounded up to blocks.
"""


def pull(
    values: Float[Tensor, "batch band y x"],
    weight: Float[Tensor, "batch #band y x"],
    coarse: Float[Tensor, "batch band y_ x_"] | None = None,
    levels: int | None = None,
) -> Float[Tensor, "batch band y x"]:
    """``values`` where they are trusted, filled in from their surroundings where not.

    Args:
        values: a whole image, or with ``coarse`` a part of one that begins at a multiple of ``2 ** levels`` pixels, and
            ends at one or where the image ends. Exact but for ``2 ** (levels + 1)`` pixels at sides inside the image.
        weight: in [0, 1], the trust in each pixel.
        coarse: the filled pixels of the level that is ``levels`` halvings coarser, for the same part.
        levels: None goes up to a single pixel.
    """
    height, width = values.shape[-2:]
    if levels == 0 and coarse is not None:
        return coarse
    if height == width == 1:
        return torch.where(weight > 0, values, torch.zeros_like(values))
    above = pull(*push(values, weight), coarse, None if levels is None else levels - 1)
    around = finer(above)[..., :height, :width]
    return weight * values + (1.0 - weight) * around


def push(
    values: Float[Tensor, "batch band y x"], weight: Float[Tensor, "batch #band y x"]
) -> tuple[Float[Tensor, "batch band y_ x_"], Float[Tensor, "batch #band y_ x_"]]:
    """One halving: means of 2 x 2 pixels by their weights, and the weights of the means.

    Two trusted pixels of the four are enough for full trust: pixels at the rim of a gap tell more about it than those
    further away, but a single pixel may be an outlier.
    """
    total = quartets(weight)
    mean = quartets(weight * values) / total.clamp(min=1e-12)
    return mean, (0.5 * total).clamp(max=1.0)


def finer(coarse: Float[Tensor, "*batch y x"]) -> Float[Tensor, "*batch y2 x2"]:
    """Twice as many pixels each way, bilinear; edge pixels are repeated.

    In plain sums: the rounding of interpolation kernels may depend on the position in the array.
    """
    for axis in (-2, -1):
        size = coarse.shape[axis]
        near = 0.75 * coarse
        far = 0.25 * coarse
        before = torch.cat((far.narrow(axis, 0, 1), far.narrow(axis, 0, size - 1)), axis)
        after = torch.cat((far.narrow(axis, 1, size - 1), far.narrow(axis, size - 1, 1)), axis)
        coarse = torch.stack((near + before, near + after), axis if axis == -1 else -2)
        coarse = coarse.flatten(-2) if axis == -1 else coarse.flatten(-3, -2)
    return coarse


def quartets(values: Tensor) -> Tensor:
    """Sums over 2 x 2 pixels; values beyond the last row and column count as 0."""
    height, width = values.shape[-2:]
    if height % 2 or width % 2:
        values = functional.pad(values, (0, width % 2, 0, height % 2))
    rows = values[..., ::2, :] + values[..., 1::2, :]
    return rows[..., ::2] + rows[..., 1::2]
