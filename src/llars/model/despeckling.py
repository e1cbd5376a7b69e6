"""A small U-shaped network that corrects the classical estimate of a radar image without speckle.

It takes the image in decibels, both passes of the classical estimate, their means over all bands, and the deviation and
correlation of the speckle. Bands are corrected one by one with the same weights, so that they may be of any number and
order. The correction is a multiple of the speckle's deviation: where there is no speckle, nothing is changed.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from llars.model.means import local_mean
from llars.model.residual import ResidualBlock

__all__ = ["DespecklingNetwork"]

WIDTHS = (32, 40, 48)
"""Channels at 2, 4 and 8 pixels."""

CELL = 2
"""Side in pixels of the cells of the finest level: the pixels of a cell are channels."""

IMAGES = 5
"""Input images of a band: observed, first pass, second pass, and the observed and second one averaged over bands."""

LEVEL_RADIUS = 12
"""Half width in pixels of the surroundings relative to whose mean images are given: brightness does not matter."""

MAX_PIXELS = 2**18
"""Pixels, counted over bands, that are corrected in one go: memory stays low."""

UNIT = 0.1
"""Inputs are divided by this, in unit values (4 dB)."""


class DespecklingNetwork(nn.Module):
    """The correction of a despeckled image; a new one corrects nothing."""

    multiple = CELL * 2 ** (len(WIDTHS) - 1)
    """Windows of a scene must start at a multiple of this many pixels."""

    halo = 88
    """Pixels beyond which nothing influences a pixel; a multiple of ``multiple``.

    There are 8 convolutions in a row that reach 2 pixels, 4 that reach 4, and 4 that reach 8, which is 64 pixels. The
    level reaches 12 pixels, and cells of 8 pixels are counted in full.
    """

    def __init__(self) -> None:
        super().__init__()
        fine, middle, coarse = WIDTHS
        self.first = nn.Conv2d(IMAGES * CELL**2 + 2, fine, 3, padding=1)
        self.fine_down = ResidualBlock(fine)
        self.to_middle = nn.Conv2d(fine, middle, 2, stride=2)
        self.middle_down = ResidualBlock(middle)
        self.to_coarse = nn.Conv2d(middle, coarse, 2, stride=2)
        self.bottom = nn.Sequential(ResidualBlock(coarse), ResidualBlock(coarse))
        self.from_coarse = nn.ConvTranspose2d(coarse, middle, 2, stride=2)
        self.middle_up = ResidualBlock(middle)
        self.from_middle = nn.ConvTranspose2d(middle, fine, 2, stride=2)
        self.fine_up = nn.Sequential(ResidualBlock(fine), ResidualBlock(fine))
        self.last = nn.Conv2d(fine, CELL**2, 3, padding=1)
        for parameter in self.last.parameters():
            nn.init.zeros_(parameter)

    def forward(self, inputs: Float[Tensor, "batch channel y x"]) -> Float[Tensor, "batch 1 y2 x2"]:
        """The correction of single bands in multiples of the speckle's deviation, from what ``features`` returns."""
        fine = self.fine_down(self.first(inputs))
        middle = self.middle_down(self.to_middle(fine))
        bottom = self.bottom(self.to_coarse(middle))
        middle = self.middle_up(middle + self.from_coarse(bottom))
        fine = self.fine_up(fine + self.from_middle(middle))
        return functional.pixel_shuffle(self.last(fine), CELL)

    def correction(
        self,
        image: Float[Tensor, "batch band y x"],
        first: Float[Tensor, "batch band y x"],
        second: Float[Tensor, "batch band y x"],
        deviation: Float[Tensor, "batch band"],
        correlation: Float[Tensor, " batch"],
    ) -> Float[Tensor, "batch band y x"]:
        """What to add to ``second``, in unit values.

        Args:
            image: decibels as unit values, of any size, without gaps.
            first: the estimate of the first pass.
            second: that of the second pass.
            deviation: standard deviation of the speckle in unit values.
            correlation: share of the speckle's power that is missing at high frequencies, 0 for white speckle.
        """
        height, width = image.shape[-2:]
        inputs = self.features(image, first, second, deviation, correlation)
        bands = inputs.flatten(0, 1)
        step = len(bands) if torch.compiler.is_compiling() else max(1, MAX_PIXELS // (height * width))
        found = torch.cat([self(part) for part in torch.split(bands, step)])
        found = found.view(*image.shape[:2], *found.shape[-2:])[..., :height, :width]
        return deviation[..., None, None] * found

    @staticmethod
    def features(
        image: Float[Tensor, "batch band y x"],
        first: Float[Tensor, "batch band y x"],
        second: Float[Tensor, "batch band y x"],
        deviation: Float[Tensor, "batch band"],
        correlation: Float[Tensor, " batch"],
    ) -> Float[Tensor, "batch band channel y2 x2"]:
        """Inputs of the network for every band, about -1 to 1; arguments as for ``correction``."""
        height, width = image.shape[-2:]
        multiple = DespecklingNetwork.multiple
        beyond = (0, -width % multiple, 0, -height % multiple)
        level = local_mean(second, LEVEL_RADIUS)
        images = [functional.pad((one - level) / UNIT, beyond, mode="replicate") for one in (image, first, second)]
        means = [one.mean(1, keepdim=True).expand_as(one) for one in (images[0], images[2])]
        cells = functional.pixel_unshuffle(torch.stack([*images, *means], 2), CELL)
        speckle = torch.stack(((deviation / UNIT), correlation[:, None].expand_as(deviation)), 2)[..., None, None]
        return torch.cat((cells, speckle.expand(*speckle.shape[:3], *cells.shape[-2:])), 2)
