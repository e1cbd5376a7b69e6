"""An image of a later date from a coarse one of that date and a pair of both sensors from before."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from llars.bands import Band, Modality

__all__ = ["level", "predicted", "slope"]

TRUST = 0.5
"""Share of the change that the coarse sensor saw which is believed: about as much of it is its own error (view angle,
registration, atmosphere) as is true, on the Landsat and MODIS dates that training sees."""

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


def predicted(coarse_now: Tensor, fine_before: Tensor, coarse_before: Tensor, gain: Tensor, shift: Tensor) -> Tensor:
    """The earlier fine image and part of what changed since, in the fine sensor's units; all ``(batch, band, y, x)``.

    ``gain`` is the ``slope`` of the earlier date, ``shift`` the ``level`` of the change: both ``(batch, band, 1, 1)``.
    """
    return fine_before + shift + TRUST * gain * (coarse_now - coarse_before - shift)
