"""A small network that adds detail to an enlarged image, band by band and in any units.

Convolutions without biases and rectifiers commute with a change of contrast (Mohan et al. 2020, "Robust and
interpretable blind image denoising via bias-free convolutional neural networks"), and the input is the image less its
local mean: so the detail at an edge depends neither on its brightness nor on the units. Finer pixels are channels of
the coarse grid (Shi et al. 2016, "Real-time single image and video super-resolution using an efficient sub-pixel
convolutional neural network").
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from llars.model.means import local_mean
from llars.model.precision import autocast
from llars.model.residual import ResidualBlock

__all__ = ["FACTORS", "REACH", "UpsamplingNetwork"]

WIDTHS = {2: 32, 3: 48, 4: 64}
"""Channels by factor of the finer grid: about the same work for every finer pixel."""

FACTORS = tuple(WIDTHS)

BLOCKS = 3
"""Residual blocks of two convolutions."""

LEVEL_RADIUS = 3
"""Half width in pixels of the surroundings whose mean is subtracted."""

REACH = LEVEL_RADIUS + 2 + 2 * BLOCKS
"""Coarse pixels around a pixel that its detail depends on."""


class UpsamplingNetwork(nn.Module):
    """The detail of a finer grid, with a branch for each factor; a new one adds nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.branches = nn.ModuleDict({str(factor): _branch(factor, width) for factor, width in WIDTHS.items()})
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, coarse: Float[Tensor, "batch 1 y x"], factor: int) -> Float[Tensor, "batch 1 y_ x_"]:
        """The detail to add to the enlargement that keeps area means; the detail's own area means are 0.

        Args:
            coarse: one band of images, in unit values without gaps.
            factor: one of ``FACTORS``.
        """
        with autocast(coarse.device):
            finer = self.branches[str(factor)](coarse - local_mean(coarse, LEVEL_RADIUS)).float()
        return functional.pixel_shuffle(finer - finer.mean(1, keepdim=True), factor)


def _branch(factor: int, width: int) -> nn.Sequential:
    last = _convolution(width, factor**2)
    nn.init.zeros_(last.weight)
    return nn.Sequential(_convolution(1, width), *(ResidualBlock(width, bias=False) for _ in range(BLOCKS)), last)


def _convolution(channels: int, width: int) -> nn.Conv2d:
    return nn.Conv2d(channels, width, 3, padding=1, bias=False)
