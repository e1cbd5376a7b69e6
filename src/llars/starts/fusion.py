"""An image of a later date from a coarse one of that date and a pair of both sensors from before."""

from __future__ import annotations

from torch import Tensor

__all__ = ["predicted", "slope"]

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


def predicted(coarse_now: Tensor, fine_before: Tensor, coarse_before: Tensor, gain: Tensor) -> Tensor:
    """The earlier fine image and part of what changed since, in the fine sensor's units; all ``(batch, band, y, x)``.

    ``gain`` is the ``slope`` of the earlier date, ``(batch, band, 1, 1)``.
    """
    return fine_before + TRUST * gain * (coarse_now - coarse_before)
