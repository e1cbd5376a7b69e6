"""Filters over square windows: the blur of a moving average, and that of a median filter."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from llars.degrade.base import Case, Degradation
from llars.degrade.blur import convolve, mirrored

__all__ = ["BOX_BLUR", "MEDIAN_BLUR"]

FULL_SIDE_PX = 9.0
"""Side of the averaged square at severity 1."""

PASSES = 3
"""Passes of the median at severity 1."""


def box_blur(case: Case) -> Tensor:
    """Mean over a square of 1 + 8 s pixels, whose rim covers pixels partially."""
    side = 1.0 + (FULL_SIDE_PX - 1.0) * case.severity.view(-1, 1)
    radius = math.ceil(0.5 * (float(side.max()) - 1.0))
    pixel = torch.arange(-radius, radius + 1, device=side.device, dtype=side.dtype)
    covered = (0.5 * (side + 1.0) - pixel.abs()).clamp(0.0, 1.0)
    return convolve(case.image, covered[:, :, None] * covered[:, None, :])


def median_blur(case: Case) -> Tensor:
    """3 s passes of the median of 3 by 3 pixels; the last one may be fractional: it is blended in by its share."""
    image = case.image
    for done in range(math.ceil(PASSES * float(case.severity.max()))):
        share = (PASSES * case.severity - done).clamp(0.0, 1.0)
        image = torch.lerp(image, _median_of_nine(image), share)
    return image


def _median_of_nine(image: Tensor) -> Tensor:
    """Median over 3 by 3 pixels; edges are mirrored.

    With three sorted columns, it is the median of the largest minimum, the median of the medians, and the smallest
    maximum.
    """
    height, width = image.shape[-2:]
    padded = mirrored(mirrored(image, 3, 1), 2, 1)
    top, centre, bottom = (padded[:, :, row : row + height] for row in range(3))
    low, high = torch.minimum(top, centre), torch.maximum(top, centre)
    middle = torch.maximum(low, torch.minimum(high, bottom))
    low, high = torch.minimum(low, bottom), torch.maximum(high, bottom)
    lows, middles, highs = ([one[..., column : column + width] for column in range(3)] for one in (low, middle, high))
    greatest_low = torch.maximum(torch.maximum(lows[0], lows[1]), lows[2])
    least_high = torch.minimum(torch.minimum(highs[0], highs[1]), highs[2])
    return _median_of_three(greatest_low, _median_of_three(*middles), least_high)


def _median_of_three(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    return torch.maximum(torch.minimum(a, b), torch.minimum(torch.maximum(a, b), c))


BOX_BLUR = Degradation("box_blur", "deblur", "mean over squares", "squares of 1 + 8 s pixels", box_blur)
MEDIAN_BLUR = Degradation(
    "median_blur", "deblur", "smoothed by a median filter", "3 s passes over 3 by 3 pixels", median_blur
)
