"""Spatiotemporal fusion: a fine image of a later date from a coarse one of that date and an earlier pair of both."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from llars.bands import Band, Modality
from llars.model.means import local_mean

__all__ = ["MAX_RADIUS", "averaging_radius", "mean_change", "predicted", "slope"]

CHANGE_SHARE = 0.65
"""Share of the change seen by the coarse sensor that is applied. On the Landsat and MODIS dates seen in training, the
rest is in equal parts true change and the sensor's own error (view angle, atmosphere)."""

WIDTHS = (1, 3, 5, 7, 9, 13, 17, 21, 25, 33, 41)
"""Candidate widths of coarse pixels, in fine pixels."""

AVERAGED_WIDTHS = 1.5
"""Widths of a coarse pixel over which change is averaged: single coarse pixels are off by their misregistration."""

MAX_RADIUS = round((AVERAGED_WIDTHS * WIDTHS[-1] - 1) / 2)
"""Largest value of ``averaging_radius``."""

MAX_GAIN = 2.0
"""Largest ratio of the sensors' gains."""


def slope(fine: Tensor, coarse: Tensor) -> Tensor:
    """Regression slope of the fine sensor's bands on the coarse sensor's, ``(batch, band, 1, 1)``, 0 to 2.

    Args:
        fine: ``(batch, band, y, x)`` of one date.
        coarse: the same bands of the coarse sensor on the same grid and date.
    """
    centred = [image - image.mean((2, 3), keepdim=True) for image in (fine, coarse)]
    covariance = (centred[0] * centred[1]).mean((2, 3), keepdim=True)
    return (covariance / centred[1].square().mean((2, 3), keepdim=True).clamp_min(1e-10)).clamp(0.0, MAX_GAIN)


def mean_change(change: Tensor, bands: Sequence[Sequence[Band]]) -> Tensor:
    """The part of a change that is applied in full, ``(batch, band, 1, 1)``: its mean in thermal bands, 0 in others.

    Weather warms and cools a whole scene. A mean reflectance changes just as much with the view angle.

    Args:
        change: ``(batch, band, y, x)`` of the coarse sensor from the earlier date to the later one.
        bands: the bands of each image, the same number for all.
    """
    thermal = [[band.modality is Modality.THERMAL for band in own[: change.shape[1]]] for own in bands]
    return change.mean((2, 3), keepdim=True) * change.new_tensor(thermal)[..., None, None]


def averaging_radius(fine: Tensor, coarse: Tensor) -> int:
    """Pixels on each side over which change is averaged.

    The true width of coarse pixels is found by comparison, whatever grid the coarse image is delivered on: it is the
    width of the means of the fine image that correlate best with the coarse one.

    Args:
        fine: ``(window, band, y, x)`` of one scene and date.
        coarse: the same bands of the coarse sensor on the same grid and date.
    """
    width = max(WIDTHS, key=lambda width: _correlation(local_mean(fine, width // 2), coarse))
    return round((AVERAGED_WIDTHS * width - 1) / 2)


def _correlation(image: Tensor, other: Tensor) -> float:
    """Correlation over all windows, averaged over bands."""
    centred = [each - each.mean((2, 3), keepdim=True) for each in (image, other)]
    product, *powers = (
        part.mean((0, 2, 3)) for part in (centred[0] * centred[1], centred[0].square(), centred[1].square())
    )
    return float((product / (powers[0] * powers[1]).clamp_min(1e-20).sqrt()).mean())


def predicted(
    coarse_now: Tensor, fine_before: Tensor, coarse_before: Tensor, gain: Tensor, shift: Tensor, radius: int
) -> Tensor:
    """The earlier fine image plus part of the change since, in the fine sensor's units; all ``(batch, band, y, x)``.

    Args:
        coarse_now: the coarse image of the later date, on the fine grid.
        fine_before: the fine image of the earlier date.
        coarse_before: the coarse image of the earlier date, on the fine grid.
        gain: ``slope`` of the earlier date, ``(batch, band, 1, 1)``.
        shift: ``mean_change`` of the change, ``(batch, band, 1, 1)``.
        radius: ``averaging_radius`` of the earlier date; that many pixels at sides inside the scene are not exact.
    """
    return fine_before + shift + CHANGE_SHARE * gain * local_mean(coarse_now - coarse_before - shift, radius)
