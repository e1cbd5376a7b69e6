"""Noise that neighbouring pixels share, because the image was resampled after it was recorded."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from llars.degrade.base import Case, Degradation
from llars.degrade.noise import FULL_SIGMA

__all__ = ["RESAMPLED_NOISE"]

MAX_ENLARGEMENT = 2.0
"""Ratio of the pixels of the recorded image to those of the resampled one, at most; at least 1."""

SMALLEST = 1e-6
"""Lower bound of a standard deviation that is divided by."""


def resampled_noise(case: Case) -> Tensor:
    """Normal noise, interpolated bilinearly from a grid of its own for each image: shifted, and up to twice as coarse.

    The grid may be coarser down than across, as with pixels that are not square on the ground.
    """
    batch, _, height, width = case.image.shape
    ratio = 1.0 / case.uniform(batch, 2, low=1.0, high=MAX_ENLARGEMENT)
    room, size = 1.0 - ratio, case.image.new_tensor((width, height))
    # The coarse grid lies anywhere within the image; where it has its size, it is shifted by up to half a pixel.
    shift = case.uniform(batch, 2, low=-1.0) * torch.maximum(room, 1.0 / size)
    placement = torch.cat((torch.diag_embed(ratio), shift[..., None]), 2)
    grid = functional.affine_grid(placement, list(case.image.shape), align_corners=False)
    noise = case.normal(*case.image.shape)
    noise = functional.grid_sample(noise, grid, padding_mode="reflection", align_corners=False)
    deviation = noise.std((1, 2, 3), correction=0, keepdim=True).clamp(min=SMALLEST)
    return case.recorded(case.image + FULL_SIGMA * case.severity * noise / deviation)


RESAMPLED_NOISE = Degradation(
    "resampled_noise",
    "denoise",
    "normal noise of an image that was resampled later",
    "standard deviation 0.1 s",
    resampled_noise,
)
