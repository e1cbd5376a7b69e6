"""The power spectrum of an image, in rings of equal radial frequency."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

__all__ = ["FIRST_RING", "power", "rings"]

FIRST_RING = 4
"""Cycles per window below which the spectrum is that of single shapes on the ground and of the taper."""


@functools.cache
def rings(side: int) -> tuple[Tensor, Tensor]:
    """The ring of each frequency that is used, counted from 0, and ``(y, x)`` booleans, which frequencies are used."""
    y, x = torch.meshgrid(torch.fft.fftfreq(side, 1 / side), torch.fft.rfftfreq(side, 1 / side), indexing="ij")
    ring = torch.hypot(y, x).round().long()
    used = (ring >= FIRST_RING) & (ring <= side // 2)
    return ring[used] - FIRST_RING, used


def power(windows: Tensor, taper: Tensor) -> Tensor:
    """``(band, frequency)``: power spectra, averaged over ``(window, band, side, side)``, of bands with any contrast.

    ``taper`` is the taper that windows are multiplied by along each axis, ``(side,)``.
    """
    centred = (windows - windows.mean((-2, -1), keepdim=True)) * taper[:, None] * taper
    spectra = torch.fft.rfft2(centred).abs().square().mean(0)[:, rings(windows.shape[-1])[1]]
    with_contrast: Tensor = spectra[spectra.amin(1) > 0]
    return with_contrast
