"""Linear filters that undo a blur: from what it makes of frequencies to the taps, and through them."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from llars.degrade.blur import mirrored

__all__ = ["deconvolve", "extended", "filtered", "inverse", "squared_differences"]

FAST = 64
"""What lengths of Fourier transforms are multiples of."""


def inverse(mean: Tensor, power: Tensor, roughness: Tensor) -> Tensor:
    """Wiener's filters ``(batch, side - 1, side - 1)``, which sum to 1: a constant image stays as it is.

    Args:
        mean: ``(batch, side, side // 2 + 1)`` expected transfer, what frequencies were multiplied by.
        power: the same shape; expected square of the transfer.
        roughness: ``(batch,)`` noise over ground where a difference of neighbours is as large as the values themselves.
    """
    side = mean.shape[-2]
    # Power of the ground falls with about the square of the frequency, noise does not.
    noise = roughness[:, None, None] * squared_differences(side).to(mean.device).square()
    taps = torch.fft.fftshift(torch.fft.irfft2(mean / (power + noise), s=(side, side)), dim=(1, 2))[:, 1:, 1:]
    fade = torch.hann_window(side + 1, periodic=False, device=mean.device)[1:-1].sqrt()
    taps = taps * fade[:, None] * fade
    filters: Tensor = taps / taps.sum(dim=(1, 2), keepdim=True)
    return filters


def squared_differences(side: int) -> Tensor:
    """``(side, side // 2 + 1)``: what taking differences of neighbours, down and across, multiplies power by."""
    y, x = torch.fft.fftfreq(side)[:, None], torch.fft.rfftfreq(side)
    squared: Tensor = 4.0 * ((math.pi * y).sin().square() + (math.pi * x).sin().square())
    return squared


def deconvolve(image: Tensor, filters: Tensor) -> Tensor:
    """Every image of ``(batch, band, y, x)`` through its filter; beyond its edges it goes on as its mirror image."""
    # Filters sum to 1; what is large and constant would cost digits.
    level = image.mean((-2, -1), keepdim=True)
    return filtered(extended(image - level, filters.shape[-1] // 2), filters) + level


def extended(image: Tensor, margin: int) -> Tensor:
    """``(batch, band, y, x)`` with its mirror image on all sides."""
    return mirrored(mirrored(image, 3, margin), 2, margin)


def filtered(padded: Tensor, filters: Tensor) -> Tensor:
    """What filters make of ``(batch, band, y, x)`` that is larger on all sides by what they look at."""
    margin = filters.shape[-1] // 2
    height, width = padded.shape[-2:]
    # Transforms of lengths with large prime factors take several times as long.
    size = (-(-height // FAST) * FAST, -(-width // FAST) * FAST)
    spectrum = torch.fft.rfft2(padded, s=size) * torch.fft.rfft2(filters, s=size)[:, None]
    found: Tensor = torch.fft.irfft2(spectrum, s=size)[..., 2 * margin : height, 2 * margin : width]
    return found
