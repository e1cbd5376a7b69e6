"""Where clouds hide the ground: a small convolutional network over images of any bands in any order.

It sees no bands but what is the same in whatever order they come: least, greatest, mean and spread of a pixel's values
over all bands, mean and spread over those of the visible and of the short-wave infrared, in unit values and relative to
the whole scene. It works on means over 4 x 4 pixels.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from llars.bands import Band, Modality
from llars.model.normalise import Statistics

__all__ = ["CELL", "Cover", "OpacityNetwork", "seen_bands"]

CELL = 4
"""Side in pixels of the cells that the network works on."""

REFLECTED = frozenset({Modality.OPTICAL, Modality.UNKNOWN})

VISIBLE_NM = (400.0, 750.0)
SWIR_NM = (1450.0, 2500.0)
"""Two windows in which clouds are darker than in the visible, and snow darker still."""

SMOOTHEST = 1e-3
"""Deviation within a cell below which nothing is told apart, in unit values: numbers of 8 bits are rounded by as much.

What shows no detail at all is hidden, and a bright roof is not.
"""

FEATURES = 14
"""Numbers that the network is shown of each cell."""

WIDTHS = (16, 24, 32, 40)
"""Channels at 4, 8, 16 and 32 pixels."""


@dataclass(frozen=True)
class Cover:
    """What clouds do to each cell of ``CELL`` x ``CELL`` pixels."""

    opacity: Float[Tensor, "batch 1 y x"]
    """Share of the ground's light at 550 nm that does not come through, in [0, 1]."""

    touched: Float[Tensor, "batch 1 y x"]
    """Probability that a cloud or its shadow changed the cell visibly, in [0, 1]."""


def seen_bands(bands: Sequence[Band]) -> list[int]:
    """Indices of the bands that show sunlight, and so clouds."""
    return [index for index, band in enumerate(bands) if band.modality in REFLECTED]


class OpacityNetwork(nn.Module):
    """A U-shaped network of plain convolutions."""

    multiple = CELL * 2 ** (len(WIDTHS) - 1)
    """Height and width must be a multiple of this many pixels."""

    halo = 256
    """Pixels beyond which nothing can influence an output, a multiple of ``multiple``.

    Convolutions reach 3 cells of 4, 8 and 16 pixels each and 2 of 32; a step down may shift by one cell of 32.
    """

    def __init__(self) -> None:
        super().__init__()
        first = (FEATURES, *WIDTHS[:-1])
        self.down = nn.ModuleList(_pair(a, b) for a, b in zip(first, WIDTHS, strict=True))
        self.up = nn.ModuleList(_single(b + a, a) for a, b in itertools.pairwise(WIDTHS))
        self.head = nn.Conv2d(WIDTHS[0], 2, 1)

    def forward(self, features: Float[Tensor, "batch feature y x"]) -> Float[Tensor, "batch 2 y x"]:
        """Logits of opacity and of being touched, of what ``features`` gives."""
        levels = []
        for index, block in enumerate(self.down):
            features = block(features if index == 0 else functional.max_pool2d(features, 2))
            levels.append(features)
        for index in reversed(range(len(self.up))):
            wider = features.repeat_interleave(2, -1).repeat_interleave(2, -2)
            features = self.up[index](torch.cat((wider, levels[index]), 1))
        logits: Tensor = self.head(features)
        return logits

    def cover(
        self,
        image: Float[Tensor, "batch band y x"],
        bands: Sequence[Sequence[Band]],
        statistics: Statistics,
    ) -> Cover:
        """What clouds do to an image.

        Args:
            image: unit values without NaN of the bands that ``seen_bands`` names; sides are multiples of ``multiple``.
            bands: those of each image.
            statistics: of these bands over the whole scene, in unit values.
        """
        both = self(self.features(image, bands, statistics)).sigmoid()
        return Cover(both[:, :1], both[:, 1:])

    def features(
        self,
        image: Float[Tensor, "batch band y x"],
        bands: Sequence[Sequence[Band]],
        statistics: Statistics,
    ) -> Float[Tensor, "batch feature y x"]:
        """What the network is shown of every cell, about -1 to 1; see ``cover``."""
        grey = image.mean(1, keepdim=True)
        cells = functional.avg_pool2d(image, CELL)
        mean_square = functional.avg_pool2d(grey.square(), CELL)
        rough = (mean_square - functional.avg_pool2d(grey, CELL).square()).clamp(min=0.0).sqrt()
        unit = cells.clamp(-0.25, 2.0)
        relative = statistics.apply(cells).clamp(-3.0, 6.0) / 3.0
        groups = [_members(bands, *limits).to(image.device) for limits in (VISIBLE_NM, SWIR_NM)]
        shown = [*_summary(unit), *_summary(relative)[:3], torch.log10(rough + SMOOTHEST) + 2.0]
        for members in groups:
            there = members.any(1)[:, None, None, None].to(unit)
            mean, spread = _over(unit, members)
            shown += [mean, spread, there.expand_as(mean)]
        return torch.cat(shown, 1)


def _summary(values: Tensor) -> list[Tensor]:
    """Mean, least, greatest and spread over bands, ``(batch, 1, y, x)`` each."""
    mean = values.mean(1, keepdim=True)
    spread = (values - mean).square().mean(1, keepdim=True).sqrt()
    return [mean, values.amin(1, keepdim=True), values.amax(1, keepdim=True), spread]


def _over(values: Tensor, members: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and spread over some bands of each image; zeros where it has none of them."""
    weight = members[..., None, None].to(values)
    count = weight.sum(1, keepdim=True).clamp(min=1.0)
    mean = (weight * values).sum(1, keepdim=True) / count
    spread = (weight * (values - mean).square()).sum(1, keepdim=True).div(count).sqrt()
    return mean, spread


def _members(bands: Sequence[Sequence[Band]], low: float, high: float) -> Tensor:
    """``(batch, band)`` boolean: the centre wavelength lies between ``low`` and ``high`` nm."""
    return torch.tensor([[low <= (band.wavelength_nm or 0.0) <= high for band in one] for one in bands])


def _single(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True))


def _pair(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(_single(channels, width), _single(width, width))
