"""An image of a later date from a coarse one of that date and a pair of both sensors from before."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from llars.bands import Band, Modality
from llars.model.means import local_mean

__all__ = ["MOST_AROUND", "level", "predicted", "slope", "surroundings"]

TRUST = 0.65
"""Share of the change that the coarse sensor saw which is believed: of the rest of it, as much is its own error (view
angle, atmosphere) as is true, on the Landsat and MODIS dates that training sees."""

WIDTHS = (1, 3, 5, 7, 9, 13, 17, 21, 25, 33, 41)
"""Of coarse pixels, in fine ones, that are told apart."""

WIDER = 1.5
"""Over so many widths of a coarse pixel change is averaged: single ones are off by their registration."""

MOST_AROUND = round((WIDER * WIDTHS[-1] - 1) / 2)
"""Largest of ``surroundings``."""

STEEPEST = 2.0
"""Largest ratio of the sensors' gains."""


def slope(fine: Tensor, coarse: Tensor) -> Tensor:
    """How much the fine sensor's band rises when the coarse one's rises by one, ``(batch, band, 1, 1)``, 0 to 2.

    Args:
        fine: ``(batch, band, y, x)`` of one date.
        coarse: the same bands of the coarse sensor on the same grid and date.
    """
    apart = [image - image.mean((2, 3), keepdim=True) for image in (fine, coarse)]
    rise = (apart[0] * apart[1]).mean((2, 3), keepdim=True)
    return (rise / apart[1].square().mean((2, 3), keepdim=True).clamp_min(1e-10)).clamp(0.0, STEEPEST)


def level(change: Tensor, bands: Sequence[Sequence[Band]]) -> Tensor:
    """The part of a change that is believed in full, ``(batch, band, 1, 1)``: its mean in thermal bands, 0 in others.

    Weather warms and cools a whole scene. The mean of a reflectance moves with the angle of view as well, by as much.

    Args:
        change: ``(batch, band, y, x)`` of the coarse sensor from the earlier date to the later one.
        bands: those of each image, the same number.
    """
    thermal = [[band.modality is Modality.THERMAL for band in own[: change.shape[1]]] for own in bands]
    return change.mean((2, 3), keepdim=True) * change.new_tensor(thermal)[..., None, None]


def surroundings(fine: Tensor, coarse: Tensor) -> int:
    """Pixels around each over which change is averaged.

    Coarse pixels are as wide as the means of the fine image that are most like the coarse one, whatever grid that is
    delivered on.

    Args:
        fine: ``(window, band, y, x)`` of one scene and date.
        coarse: the same bands of the coarse sensor on the same grid and date.
    """
    width = max(WIDTHS, key=lambda width: _likeness(local_mean(fine, width // 2), coarse))
    return round((WIDER * width - 1) / 2)


def _likeness(image: Tensor, other: Tensor) -> float:
    """Correlation over all windows, mean over bands."""
    apart = [each - each.mean((2, 3), keepdim=True) for each in (image, other)]
    product, *powers = (part.mean((0, 2, 3)) for part in (apart[0] * apart[1], apart[0].square(), apart[1].square()))
    return float((product / (powers[0] * powers[1]).clamp_min(1e-20).sqrt()).mean())


def predicted(
    coarse_now: Tensor, fine_before: Tensor, coarse_before: Tensor, gain: Tensor, shift: Tensor, around: int
) -> Tensor:
    """The earlier fine image and part of what changed since, in the fine sensor's units; all ``(batch, band, y, x)``.

    Args:
        coarse_now: of the later date, on the fine grid.
        fine_before: of the earlier date.
        coarse_before: likewise.
        gain: ``slope`` of the earlier date, ``(batch, band, 1, 1)``.
        shift: ``level`` of the change, ``(batch, band, 1, 1)``.
        around: ``surroundings`` of the earlier date; so many pixels at sides inside the scene are not right.
    """
    return fine_before + shift + TRUST * gain * local_mean(coarse_now - coarse_before - shift, around)
