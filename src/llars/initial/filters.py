"""Linear deconvolution filters: their taps from the transfer function of a blur, and their application."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from llars.degrade.blur import mirrored

__all__ = ["deconvolve", "extended", "filtered", "inverse", "squared_differences"]

FFT_MULTIPLE = 64
"""Lengths of Fourier transforms are multiples of this."""


def inverse(mean: Tensor, power: Tensor, roughness: Tensor) -> Tensor:
    """Wiener filters ``(batch, side - 1, side - 1)``, which sum to 1: a constant image is unchanged.

    Args:
        mean: ``(batch, side, side // 2 + 1)`` expected transfer function.
        power: the same shape; expected square of the transfer function.
        roughness: ``(batch,)`` noise-to-ground power ratio at the frequencies where ``squared_differences`` is 1.
    """
    side = mean.shape[-2]
    # The amplitude of the ground falls with about the square of the frequency, that of the noise does not.
    noise = roughness[:, None, None] * squared_differences(side).to(mean.device).square()
    taps = torch.fft.fftshift(torch.fft.irfft2(mean / (power + noise), s=(side, side)), dim=(1, 2))[:, 1:, 1:]
    taper = torch.hann_window(side + 1, periodic=False, device=mean.device)[1:-1].sqrt()
    taps = taps * taper[:, None] * taper
    filters: Tensor = taps / taps.sum(dim=(1, 2), keepdim=True)
    return filters


def squared_differences(side: int) -> Tensor:
    """``(side, side // 2 + 1)``: squared gain of the differences of neighbours, summed over down and across."""
    y, x = torch.fft.fftfreq(side)[:, None], torch.fft.rfftfreq(side)
    squared: Tensor = 4.0 * ((math.pi * y).sin().square() + (math.pi * x).sin().square())
    return squared


def deconvolve(image: Tensor, filters: Tensor) -> Tensor:
    """Every image of ``(batch, band, y, x)`` filtered by its own filter; its edges are mirrored."""
    # Filters keep the mean; leaving it out saves digits where it is large.
    level = image.mean((-2, -1), keepdim=True)
    return filtered(extended(image - level, filters.shape[-1] // 2), filters) + level


def extended(image: Tensor, margin: int) -> Tensor:
    """``(batch, band, y, x)`` with ``margin`` mirrored pixels on all sides."""
    return mirrored(mirrored(image, 3, margin), 2, margin)


def filtered(padded: Tensor, filters: Tensor) -> Tensor:
    """``(batch, band, y, x)`` filtered and cropped by the filters' half width on all sides."""
    margin = filters.shape[-1] // 2
    height, width = padded.shape[-2:]
    # Transforms of lengths with large prime factors take several times as long.
    size = (-(-height // FFT_MULTIPLE) * FFT_MULTIPLE, -(-width // FFT_MULTIPLE) * FFT_MULTIPLE)
    spectrum = torch.fft.rfft2(padded, s=size) * torch.fft.rfft2(filters, s=size)[:, None]
    result: Tensor = torch.fft.irfft2(spectrum, s=size)[..., 2 * margin : height, 2 * margin : width]
    return result
