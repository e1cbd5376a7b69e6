"""A small U-shaped network that corrects the classical estimate of an optical image with a fault, such as noise.

Bands are corrected one by one with the same weights, so that they may be of any number and order. All inputs are in
multiples of a scale, such as the standard deviation of the noise, and so is the correction: strong and weak faults look
alike, and where there is none, nothing is changed.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from llars.model.means import local_mean
from llars.model.precision import autocast
from llars.model.residual import ResidualBlock

__all__ = ["CorrectionNetwork"]

WIDTHS = (32, 48)
"""Channels at 2 and 4 pixels."""

CELL = 2
"""Side in pixels of the cells of the finest level: the pixels of a cell are channels."""

IMAGES = 4
"""Input images of a band: detail of the estimate, what the estimate took from the image, and their means over bands."""

LEVEL_RADIUS = 8
"""Half width in pixels of the surroundings relative to whose mean the estimate is given: brightness does not matter."""

SMALLEST = 1e-3
"""Smallest scale, in unit values, by which inputs are divided."""

MAX_PIXELS = 2**18
"""Pixels, counted over bands, that are corrected in one go: memory stays low."""


class CorrectionNetwork(nn.Module):
    """The correction of an estimate; a new one corrects nothing."""

    multiple = 2 * CELL
    """Windows of a scene must start at a multiple of this many pixels."""

    halo = 32
    """Pixels beyond which nothing influences a pixel; a multiple of ``multiple``.

    There are 6 convolutions in a row that reach 2 pixels and 2 that reach 4, the level reaches 8, and cells of 4 pixels
    are counted in full.
    """

    def __init__(self) -> None:
        super().__init__()
        fine, coarse = WIDTHS
        self.first = nn.Conv2d(IMAGES * CELL**2 + 1, fine, 3, padding=1)
        self.down = ResidualBlock(fine)
        self.to_coarse = nn.Conv2d(fine, coarse, 2, stride=2)
        self.bottom = ResidualBlock(coarse)
        self.from_coarse = nn.ConvTranspose2d(coarse, fine, 2, stride=2)
        self.up = ResidualBlock(fine)
        self.last = nn.Conv2d(fine, CELL**2, 3, padding=1)
        for parameter in self.last.parameters():
            nn.init.zeros_(parameter)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, inputs: Float[Tensor, "batch channel y x"]) -> Float[Tensor, "batch 1 y2 x2"]:
        """The correction of single bands in multiples of the scale, from what ``features`` returns."""
        fine = self.down(self.first(inputs))
        bottom = self.bottom(self.to_coarse(fine))
        fine = self.up(fine + self.from_coarse(bottom))
        return functional.pixel_shuffle(self.last(fine), CELL)

    def correction(
        self,
        image: Float[Tensor, "batch band y x"],
        estimate: Float[Tensor, "batch band y x"],
        scale: Float[Tensor, "batch band y x"],
    ) -> Float[Tensor, "batch band y x"]:
        """What to add to ``estimate``, in unit values.

        Args:
            image: unit values, of any size, without gaps.
            estimate: the image without its fault, as far as a classical method removes it.
            scale: size of the fault at each pixel; 0 where there is none.
        """
        height, width = image.shape[-2:]
        bands = self.features(image, estimate, scale).flatten(0, 1)
        step = len(bands) if torch.compiler.is_compiling() else max(1, MAX_PIXELS // (height * width))
        with autocast(image.device):
            found = torch.cat([self(part) for part in torch.split(bands, step)]).float()
        return scale * found.view(*image.shape[:2], *found.shape[-2:])[..., :height, :width]

    @staticmethod
    def features(
        image: Float[Tensor, "batch band y x"],
        estimate: Float[Tensor, "batch band y x"],
        scale: Float[Tensor, "batch band y x"],
    ) -> Float[Tensor, "batch band channel y2 x2"]:
        """Inputs of the network for every band; arguments as for ``correction``."""
        height, width = image.shape[-2:]
        beyond = (0, -width % CorrectionNetwork.multiple, 0, -height % CorrectionNetwork.multiple)
        divisor = scale.clamp(min=SMALLEST)
        # Edges may be a hundred times as high as the noise; the logarithm keeps what lies on them comparable.
        detail = torch.asinh((estimate - local_mean(estimate, LEVEL_RADIUS)) / divisor)
        images = [functional.pad(one, beyond, mode="replicate") for one in (detail, (image - estimate) / divisor)]
        means = [one.mean(1, keepdim=True).expand_as(one) for one in images]
        cells = functional.pixel_unshuffle(torch.stack([*images, *means], 2), CELL)
        share = cells.new_full((*cells.shape[:2], 1, *cells.shape[-2:]), image.shape[1] ** -0.5)
        return torch.cat((cells, share), 2)
