"""Stripes that are periodic, uneven or slanted, and gaps of a broken scan line corrector."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from llars.degrade.base import Case, Degradation
from llars.degrade.fractal import Fractal
from llars.degrade.stripes import FULL_OFFSET, ROWS_SHARE

__all__ = ["ROTATED_STRIPES", "SLC_OFF", "UNEVEN_STRIPES", "UNIFORM_STRIPES"]

PERIODS = (2.0, 24.0)
"""Range of the distance between uniform stripes, in lines."""

SWELL_PX = (16.0, 64.0)
"""Range of the node spacing of the random field that scales uneven stripes along their lines."""

GAP_SHARE = 0.22
"""Share of the image without data at severity 1: that of a Landsat 7 scene after May 2003 (USGS)."""

GAP_PERIOD_PX = (12.0, 33.0)
"""Range of the distance from gap to gap; for Landsat 7 it is 33 lines at 30 m."""

GAP_SLOPE = (0.1, 0.2)
"""Range of the slope of the gaps: the image is north up, the orbit is inclined."""


def uniform_stripes(case: Case) -> Tensor:
    """Lines at equal distances with the same offset: one detector of several is off."""
    batch, bands, height, width = case.image.shape
    period = case.uniform(batch, 1, 1, low=PERIODS[0], high=PERIODS[1]).floor()
    first = case.uniform(batch, bands, 1).mul(period).floor()
    line = torch.arange(max(height, width), device=case.image.device)
    struck = ((line - first) % period == 0).to(case.image)
    # Over all lines, the standard deviation equals that of the other kinds of stripes.
    share = 1.0 / period
    sign = torch.where(case.uniform(batch, bands, 1) < 0.5, -1.0, 1.0)
    profile = sign * struck / (share * (1.0 - share)).sqrt()
    return case.recorded(case.image + FULL_OFFSET * case.severity * _laid(case, profile))


def uneven_stripes(case: Case) -> Tensor:
    """An offset for every line whose amplitude varies along it."""
    batch, bands, height, width = case.image.shape
    lines = case.normal(batch, bands, max(height, width))
    spacing = case.uniform(batch, low=SWELL_PX[0], high=SWELL_PX[1])
    swell = Fractal.draw(case, spacing, torch.full_like(spacing, 0.5)).view(height, width)
    swell = swell / swell.square().mean(dim=(2, 3), keepdim=True).clamp(min=1e-6).sqrt()
    return case.recorded(case.image + FULL_OFFSET * case.severity * _laid(case, lines) * swell)


def rotated_stripes(case: Case) -> Tensor:
    """An offset for every line of a sensor whose track runs at an angle to the map grid."""
    batch, bands, height, width = case.image.shape
    angle = case.uniform(batch, 1, 1, high=math.pi)
    y, x = (torch.arange(side, device=case.image.device).to(case.image) for side in (height, width))
    place = y[:, None] * angle.sin() + x * angle.cos()
    place = place - place.amin(dim=(1, 2), keepdim=True)
    count = math.ceil(math.hypot(height, width)) + 2
    lines = case.normal(batch, bands, count)
    line = place.long()
    between = (place - line)[:, None]
    index = line.flatten(1)[:, None].expand(batch, bands, -1)
    low, high = (lines.gather(2, one).view_as(case.image) for one in (index, index + 1))
    # Plain linear interpolation between two independent lines would halve the variance midway.
    mixed = (low * (1.0 - between) + high * between) / (between.square() + (1.0 - between).square()).sqrt()
    return case.recorded(case.image + FULL_OFFSET * case.severity * mixed)


def slc_off(case: Case) -> Tensor:
    """Slanted gaps, the same in all bands, that read as dark and widen from the middle of the swath to its edges."""
    batch, _, height, width = case.image.shape
    period = case.uniform(batch, 1, 1, 1, low=GAP_PERIOD_PX[0], high=GAP_PERIOD_PX[1])
    slope = case.uniform(batch, 1, 1, 1, low=GAP_SLOPE[0], high=GAP_SLOPE[1])
    phase = case.uniform(batch, 1, 1, 1)
    # The image is a part of the swath: its columns lie somewhere between one edge (-1) and the other (1).
    breadth = case.uniform(batch, 1, 1, 1, low=0.3, high=2.0)
    start = (2.0 - breadth) * case.uniform(batch, 1, 1, 1) - 1.0
    y = torch.arange(height, device=case.image.device).to(case.image)[:, None]
    x = torch.arange(width, device=case.image.device).to(case.image)
    outward = (start + breadth * (x + 0.5) / width).abs()
    turn = ((y + slope * x) / period + phase) % 1.0
    gap = turn < 2.0 * GAP_SHARE * case.severity * outward
    return torch.where(gap, case.extremes()[0], case.image)


def _laid(case: Case, lines: Tensor) -> Tensor:
    """Values of lines, ``(batch, band, line)``, expanded over each image as columns or as rows."""
    height, width = case.image.shape[-2:]
    rows = case.uniform(len(case.image), 1, 1, 1) < ROWS_SHARE
    return torch.where(rows, lines[..., :height, None], lines[..., None, :width])


UNIFORM_STRIPES = Degradation(
    "uniform_stripes",
    "destripe",
    "every n-th line shifted alike",
    "offset of standard deviation 0.1 s",
    uniform_stripes,
)
UNEVEN_STRIPES = Degradation(
    "uneven_stripes",
    "destripe",
    "stripes that swell and fade along the line",
    "offsets of standard deviation 0.1 s",
    uneven_stripes,
)
ROTATED_STRIPES = Degradation(
    "rotated_stripes", "destripe", "slanted stripes", "offsets of standard deviation 0.1 s", rotated_stripes
)
SLC_OFF = Degradation(
    "slc_off",
    "destripe",
    "slanted gaps of a broken scan line corrector",
    "0.22 s of a whole swath",
    slc_off,
)
