"""Where clouds hide the ground: a small convolutional network over images of any bands in any order.

Its inputs do not depend on the order of bands: minimum, maximum, mean and spread of a pixel's values over all bands,
mean and spread over visible and over short-wave infrared bands, in unit values and relative to the whole scene. The
pixel size is an input too: something white is a cloud if seen from space, and may be a roof if seen from a drone. A
trunk works on means over 4 x 4 pixels and sees surroundings of up to 250 pixels. A fine branch on means over 2 x 2
pixels, which also receives the trunk's findings and each pixel's brightness, refines them to single pixels.
"""

from __future__ import annotations

import itertools
import math
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
"""Side in pixels of the cells that the trunk works on."""

FINE = 2
"""Side in pixels of the cells of the fine branch."""

REFLECTED = frozenset({Modality.OPTICAL, Modality.UNKNOWN})

VISIBLE_NM = (400.0, 750.0)
SWIR_NM = (1450.0, 2500.0)
"""Two atmospheric windows in which clouds are darker than in the visible, and snow darker still."""

SMOOTHEST = 1e-3
"""Floor of the standard deviation within a cell, in unit values: about the rounding error of 8-bit images.

Detail is a feature because a cell without any is hidden by a cloud, while a bright roof shows some.
"""

DETAIL = 10.0
"""Factor on the difference of a pixel from its cell's mean, which is of the order of hundredths."""

FEATURES = 16
"""Number of input features of each cell, for the trunk and for the fine branch."""

WIDTHS = (24, 32, 40, 48, 48)
"""Channels at 4, 8, 16, 32 and 64 pixels."""

FINE_WIDTH = 16
"""Channels of the fine branch."""


@dataclass(frozen=True)
class Cover:
    """The effect of clouds on each pixel."""

    opacity: Float[Tensor, "batch 1 y x"]
    """Share of the ground's light at 550 nm that the cloud blocks, in [0, 1]."""

    touched: Float[Tensor, "batch 1 y x"]
    """Probability that a cloud or its shadow changed the pixel visibly, in [0, 1]."""

    shadow: Float[Tensor, "batch 1 y x"]
    """Share of the direct sunlight that clouds keep from the ground, in [0, 1]."""


def seen_bands(bands: Sequence[Band]) -> list[int]:
    """Indices of the bands that show sunlight, and so clouds."""
    return [index for index, band in enumerate(bands) if band.modality in REFLECTED]


class OpacityNetwork(nn.Module):
    """A U-shaped network of plain convolutions, the trunk, and a fine branch whose logits are added to the trunk's."""

    multiple = CELL * 2 ** (len(WIDTHS) - 1)
    """Height and width must be a multiple of this many pixels."""

    halo = 256
    """Pixels beyond which nothing can influence a block of ``multiple`` pixels; itself a multiple of it.

    Convolutions on the way up reach less than one cell of 64 pixels, the one at the bottom reaches one more cell of 64,
    and those on the way down reach 2 cells of 4, 8, 16 and 32 pixels each.
    """

    def __init__(self) -> None:
        super().__init__()
        first = (FEATURES, *WIDTHS[:-1])
        self.down = nn.ModuleList(
            # One convolution at the coarsest level: it reaches furthest anyway.
            _single(a, b) if last else nn.Sequential(_single(a, b), _single(b, b))
            for a, b, last in zip(first, WIDTHS, (False,) * (len(WIDTHS) - 1) + (True,), strict=True)
        )
        self.up = nn.ModuleList(_single(b + a, a) for a, b in itertools.pairwise(WIDTHS))
        self.head = nn.Conv2d(WIDTHS[0], 3, 1)
        self.told = nn.Conv2d(WIDTHS[0], FINE_WIDTH, 1)
        self.seen = _single(FEATURES, FINE_WIDTH)
        self.both = _single(2 * FINE_WIDTH, FINE_WIDTH)
        self.fine_head = nn.Conv2d(FINE_WIDTH, 3 * FINE**2, 1)

    def forward(
        self, cells: Float[Tensor, "batch feature y x"], fine: Float[Tensor, "batch feature y2 x2"]
    ) -> Float[Tensor, "batch 3 y4 x4"]:
        """Logits of opacity, touched and shadow of every pixel, from the inputs that ``features`` returns."""
        levels = []
        for index, block in enumerate(self.down):
            cells = block(cells if index == 0 else functional.max_pool2d(cells, 2))
            levels.append(cells)
        for index in reversed(range(len(self.up))):
            cells = self.up[index](torch.cat((_twice(cells), levels[index]), 1))
        coarse_features = _twice(functional.relu(self.told(cells)))
        details = self.fine_head(self.both(torch.cat((coarse_features, self.seen(fine)), 1)))
        logits: Tensor = self.head(cells)
        for _ in range(2):
            logits = functional.interpolate(logits, scale_factor=2.0, mode="bilinear")
        return logits + functional.pixel_shuffle(details, FINE)

    def cover(
        self,
        image: Float[Tensor, "batch band y x"],
        bands: Sequence[Sequence[Band]],
        statistics: Statistics,
    ) -> Cover:
        """The effect of clouds on an image.

        Args:
            image: unit values without NaN, of the bands in ``seen_bands``; sides are multiples of ``multiple``.
            bands: those of each image.
            statistics: of these bands over the whole scene, in unit values.
        """
        return Cover(*self(*self.features(image, bands, statistics)).sigmoid().split(1, 1))

    def features(
        self,
        image: Float[Tensor, "batch band y x"],
        bands: Sequence[Sequence[Band]],
        statistics: Statistics,
    ) -> tuple[Float[Tensor, "batch feature y x"], Float[Tensor, "batch feature y2 x2"]]:
        """Input features of trunk and fine branch for every cell, about -1 to 1; arguments as for ``cover``."""
        visible, swir = (_members(bands, *limits).to(image.device) for limits in (VISIBLE_NM, SWIR_NM))
        grey = image.mean(1, keepdim=True)
        cells, unit = _band_inputs(image, grey, statistics, CELL)
        for members in (visible, swir):
            present = members.any(1)[:, None, None, None].to(unit)
            mean, spread = _over(unit, members)
            cells += [mean, spread, present.expand_as(mean)]
        fine, unit = _band_inputs(image, grey, statistics, FINE)
        details = functional.pixel_unshuffle(grey, FINE) - functional.avg_pool2d(grey, FINE)
        fine += [*_over(unit, visible), (DETAIL * details).clamp(-2.0, 2.0)]
        metres = _distances(bands).to(unit)[..., None, None]
        cells, fine = ([*inputs, metres.expand(-1, -1, *inputs[0].shape[-2:])] for inputs in (cells, fine))
        return torch.cat(cells, 1), torch.cat(fine, 1)


def _band_inputs(image: Tensor, grey: Tensor, statistics: Statistics, side: int) -> tuple[list[Tensor], Tensor]:
    """Eight features of cells, and the cells' means in every band."""
    means = functional.avg_pool2d(image, side)
    mean_square = functional.avg_pool2d(grey.square(), side)
    rough = (mean_square - functional.avg_pool2d(grey, side).square()).clamp(min=0.0).sqrt()
    unit = means.clamp(-0.25, 2.0)
    relative = statistics.apply(means).clamp(-3.0, 6.0) / 3.0
    return [*_summary(unit), *_summary(relative)[:3], torch.log10(rough + SMOOTHEST) + 2.0], unit


def _twice(cells: Tensor) -> Tensor:
    """Every cell repeated 2 x 2 times."""
    return cells.repeat_interleave(2, -1).repeat_interleave(2, -2)


def _summary(values: Tensor) -> list[Tensor]:
    """Mean, minimum, maximum and standard deviation over bands, ``(batch, 1, y, x)`` each."""
    mean = values.mean(1, keepdim=True)
    spread = (values - mean).square().mean(1, keepdim=True).sqrt()
    return [mean, values.amin(1, keepdim=True), values.amax(1, keepdim=True), spread]


def _over(values: Tensor, members: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation over the ``members`` among each image's bands; zeros where it has none."""
    weight = members[..., None, None].to(values)
    count = weight.sum(1, keepdim=True).clamp(min=1.0)
    mean = (weight * values).sum(1, keepdim=True) / count
    spread = (weight * (values - mean).square()).sum(1, keepdim=True).div(count).sqrt()
    return mean, spread


def _members(bands: Sequence[Sequence[Band]], low: float, high: float) -> Tensor:
    """``(batch, band)`` boolean: the centre wavelength lies between ``low`` and ``high`` nm."""
    return torch.tensor([[low <= (band.wavelength_nm or 0.0) <= high for band in one] for one in bands])


def _distances(bands: Sequence[Sequence[Band]]) -> Tensor:
    """``(batch, 2)``: half the decimal logarithm of the finest GSD in metres, and whether it is known."""
    finest = [min((band.gsd_m for band in one if band.gsd_m), default=None) for one in bands]
    return torch.tensor([(0.0, 0.0) if gsd is None else (0.5 * math.log10(gsd), 1.0) for gsd in finest])


def _single(channels: int, width: int) -> nn.Sequential:
    layer = nn.Conv2d(channels, width, 3, padding=1)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return nn.Sequential(layer, nn.ReLU(inplace=True))
