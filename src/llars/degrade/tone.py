"""Tone curves: histogram equalisation, global and by tiles, and linear stretch.

Not faults but targets: the operators make the results that the tasks ``equalize`` and ``stretch`` should give.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from llars.curves import LEVELS, apply_curve, quantiles
from llars.degrade.base import Case, Degradation

__all__ = ["CLAHE", "EQUALIZE", "STRETCH"]

STRETCH_LEVELS = (0.02, 0.98)
"""Quantiles that a linear stretch maps to 0 and to 1."""

TILES = 4
"""Tiles along each side of the image."""

BINS = 64
"""Bins of a tile's histogram, between the band's extremes."""

CLIP = 3.0
"""A bin is clipped at this multiple of the mean count, so that noise in uniform areas is not amplified."""


def equalize(case: Case) -> Tensor:
    """Every band's values become their ranks in [0, 1], exact at the quantiles ``LEVELS`` and linear between them."""
    ranks = torch.tensor(LEVELS, dtype=case.image.dtype, device=case.image.device)
    return _blended(case, apply_curve(case.image, quantiles(_measured(case)), ranks))


def stretch(case: Case) -> Tensor:
    """Every band's 2 and 98 % quantiles map to 0 and 1; values beyond are clipped."""
    ends = torch.tensor((0.0, 1.0), dtype=case.image.dtype, device=case.image.device)
    return _blended(case, apply_curve(case.image, quantiles(_measured(case), STRETCH_LEVELS), ends))


def clahe(case: Case) -> Tensor:
    """Histograms of 4 by 4 tiles, clipped, equalised, and blended between the tiles' centres.

    Contrast limited adaptive histogram equalisation: Zuiderveld (1994), Graphics Gems IV; clipped counts are
    distributed evenly over all bins.
    """
    batch, bands, height, width = case.image.shape
    low, high = quantiles(_measured(case), (0.0, 1.0)).nan_to_num(0.0).unsqueeze(3).unbind(2)
    unit = (case.image.flatten(2) - low) / (high - low).where(high > low, 1.0)
    place = (unit.clamp(0.0, 1.0) * BINS).view_as(case.image)
    curves = _tile_curves(case, place.long().clamp(max=BINS - 1))
    # The 16 curves of 65 knots form one volume, (tile row, tile column, grey level), sampled linearly on all axes.
    volume = curves.view(batch * bands, 1, TILES, TILES, BINS + 1)
    y, x = (
        ((torch.arange(side, device=place.device) + 0.5) / side * 2.0 - 1.0).to(place) * TILES / (TILES - 1)
        for side in (height, width)
    )
    grey = place.view(batch * bands, 1, height, width) / BINS * 2.0 - 1.0
    grid = torch.stack([grey, x.expand_as(grey), y[:, None].expand_as(grey)], dim=-1)
    mapped = functional.grid_sample(volume, grid, mode="bilinear", padding_mode="border", align_corners=True)
    return _blended(case, mapped.view_as(case.image))


def _tile_curves(case: Case, bins: Tensor) -> Tensor:
    """Clipped cumulative histograms, ``(batch, band, tile, knot)`` from 0 to 1; linear for a tile without pixels."""
    batch, bands, height, width = bins.shape
    row, column = (torch.arange(side, device=bins.device) * TILES // side for side in (height, width))
    tile = (row[:, None] * TILES + column).expand_as(bins)
    weight = case.image.new_ones(()).expand_as(bins) if case.valid is None else case.valid.to(case.image)
    counts = case.image.new_zeros(batch, bands, TILES**2 * BINS)
    counts.scatter_add_(2, (tile * BINS + bins).flatten(2), weight.flatten(2))
    counts = counts.view(batch, bands, TILES**2, BINS)
    total = counts.sum(dim=3, keepdim=True)
    share = torch.where(total > 0, counts / total.clamp(min=1.0), 1.0 / BINS)
    clipped = share.clamp(max=CLIP / BINS)
    clipped = clipped + (1.0 - clipped.sum(dim=3, keepdim=True)) / BINS
    return functional.pad(clipped.cumsum(dim=3), (1, 0)).clamp(max=1.0)


def _measured(case: Case) -> Tensor:
    """The image with NaN where its values were filled in."""
    return case.image if case.valid is None else case.image.where(case.valid, torch.nan)


def _blended(case: Case, result: Tensor) -> Tensor:
    return torch.lerp(case.image, result.nan_to_num(0.0), case.severity)


EQUALIZE = Degradation(
    "equalize", "equalize", "histogram equalised", "s of the way to ranks among the band's pixels", equalize
)
CLAHE = Degradation("clahe", "equalize", "histogram equalised by tiles, contrast limited", "s of the way there", clahe)
STRETCH = Degradation(
    "stretch", "stretch", "linear stretch from the 2 to the 98 % quantile", "s of the way there", stretch
)
