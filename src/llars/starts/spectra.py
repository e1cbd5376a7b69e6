"""The power of an image's spectrum, in rings of like frequency."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

__all__ = ["FIRST_RING", "power", "rings"]

FIRST_RING = 4
"""Cycles in a window below which the spectrum is that of single shapes on the ground, and of the window."""


@functools.cache
def rings(side: int) -> tuple[Tensor, Tensor]:
    """The ring of each frequency that is looked at, from 0 on, and ``(y, x)`` booleans, which those are."""
    y, x = torch.meshgrid(torch.fft.fftfreq(side, 1 / side), torch.fft.rfftfreq(side, 1 / side), indexing="ij")
    ring = torch.hypot(y, x).round().long()
    looked_at = (ring >= FIRST_RING) & (ring <= side // 2)
    return ring[looked_at] - FIRST_RING, looked_at


def power(windows: Tensor, fade: Tensor) -> Tensor:
    """``(band, frequency)``: mean over ``(window, band, side, side)``, of the bands that have any contrast.

    ``fade`` is what windows are multiplied by along each axis, ``(side,)``.
    """
    centred = (windows - windows.mean((-2, -1), keepdim=True)) * fade[:, None] * fade
    found = torch.fft.rfft2(centred).abs().square().mean(0)[:, rings(windows.shape[-1])[1]]
    contrast: Tensor = found[found.amin(1) > 0]
    return contrast
