"""Blur undone by the linear filter of least mean error, when which of many kernels blurred the image is a guess.

With probabilities ``p`` of kernels of transfer ``H`` and a power ``R`` of the noise relative to that of the ground, the
best linear estimate of the ground is ``sum(p H) / (sum(p H^2) + R)``: Wiener's filter where one kernel is certain, and
the more cautious the less certain (the expectations in Wiener's normal equations are taken over kernels too).
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from llars.degrade.blur import disc_kernels, mirrored, motion_kernels
from llars.model.optics import SIDE, OpticsEstimator

__all__ = ["REACH_PX", "SIDE", "Kernel", "corner_windows", "deconvolve", "kernels", "sharpened", "transfers", "wiener"]

REACH_PX = SIDE // 2 - 1
"""Pixels to each side that a filter looks at."""

SIGMAS_PX = tuple(0.3 + 0.1 * step for step in range(19))
RADII_PX = tuple(0.8 + 0.2 * step for step in range(17))
PATHS_PX = tuple(1.5 + 0.75 * step for step in range(20))
DIRECTIONS = 32
"""Ends of a path of 16 pixels move by 0.8 pixels from one to the next."""


@dataclass(frozen=True)
class Kernel:
    """One way in which a point may be spread."""

    kind: str
    """``none``, ``gaussian``, ``defocus`` or ``motion``."""

    size_px: float = 0.0
    """Standard deviation, radius of the disc, or length of the path, in pixels."""

    direction: float = 0.0
    """Of the motion, radians from the x axis towards y, in [0, pi)."""


@functools.cache
def kernels() -> tuple[Kernel, ...]:
    """The kernels that are told apart."""
    turns = [math.pi * step / DIRECTIONS for step in range(DIRECTIONS)]
    return (
        Kernel("none"),
        *(Kernel("gaussian", sigma) for sigma in SIGMAS_PX),
        *(Kernel("defocus", radius) for radius in RADII_PX),
        *(Kernel("motion", path, turn) for path in PATHS_PX for turn in turns),
    )


@functools.cache
def transfers() -> Tensor:
    """``(kernel, SIDE, SIDE // 2 + 1)``: what each kernel multiplies frequencies by; real, as all are symmetric."""
    # Kept for training too, whoever asks first.
    with torch.inference_mode(False):
        return _transfers()


def _transfers() -> Tensor:
    y, x = torch.fft.fftfreq(SIDE)[:, None], torch.fft.rfftfreq(SIDE)
    found = []
    for kernel in kernels():
        size, direction = torch.tensor([kernel.size_px]), torch.tensor([kernel.direction])
        if kernel.kind == "motion":
            found.append(_transfer(motion_kernels(size, direction)[0]))
        elif kernel.kind == "defocus":
            found.append(_transfer(disc_kernels(size)[0]))
        else:
            found.append(torch.exp(-2.0 * (math.pi * kernel.size_px) ** 2 * (y.square() + x.square())))
    return torch.stack(found)


def _transfer(kernel: Tensor) -> Tensor:
    margin = (SIDE - len(kernel)) // 2
    placed = torch.nn.functional.pad(kernel / kernel.sum(), [margin + 1, margin] * 2)
    transfer: Tensor = torch.fft.rfft2(torch.fft.ifftshift(placed)).real
    return transfer


def wiener(probability: Tensor, roughness: Tensor) -> Tensor:
    """The filter ``(batch, SIDE - 1, SIDE - 1)``, which sums to 1: a constant image stays as it is.

    Args:
        probability: ``(batch, kernel)`` of the ``kernels``.
        roughness: ``(batch,)`` noise over ground where a difference of neighbours is as large as the values themselves.
    """
    transfer = transfers().to(probability.device)
    mean = torch.einsum("bk,kyx->byx", probability, transfer)
    power = torch.einsum("bk,kyx->byx", probability, transfer.square())
    y = torch.fft.fftfreq(SIDE, device=probability.device)[:, None]
    x = torch.fft.rfftfreq(SIDE, device=probability.device)
    # Power of the ground falls with about the square of the frequency, noise does not.
    rough = 16.0 * ((math.pi * y).sin().square() + (math.pi * x).sin().square()).square()
    noise = roughness[:, None, None] * rough
    taps = torch.fft.fftshift(torch.fft.irfft2(mean / (power + noise), s=(SIDE, SIDE)), dim=(1, 2))[:, 1:, 1:]
    fade = torch.hann_window(SIDE + 1, periodic=False, device=probability.device)[1:-1].sqrt()
    taps = taps * fade[:, None] * fade
    filters: Tensor = taps / taps.sum(dim=(1, 2), keepdim=True)
    return filters


def deconvolve(image: Tensor, filters: Tensor) -> Tensor:
    """Every image of ``(batch, band, y, x)`` through its filter; beyond its edges it goes on as its mirror image."""
    margin = filters.shape[-1] // 2
    padded = mirrored(mirrored(image, 3, margin), 2, margin)
    size = padded.shape[-2:]
    spectrum = torch.fft.rfft2(padded) * torch.fft.rfft2(filters, s=size)[:, None]
    filtered: Tensor = torch.fft.irfft2(spectrum, s=size)[..., 2 * margin :, 2 * margin :]
    return filtered


def corner_windows(image: Tensor) -> Tensor:
    """``(batch, 4, band, SIDE, SIDE)`` from the corners of ``(batch, band, y, x)``, which may overlap."""
    down, across = (side - SIDE for side in image.shape[-2:])
    corners = [(0, 0), (down, across), (0, across), (down, 0)]
    return torch.stack([image[..., y : y + SIDE, x : x + SIDE] for y, x in corners], 1)


@torch.no_grad()
def sharpened(image: Tensor, estimator: OpticsEstimator) -> Tensor:
    """``(batch, band, y, x)`` with the blur undone that the estimator sees in each image."""
    logits, roughness = estimator(corner_windows(image))
    return deconvolve(image, wiener(logits.softmax(-1), roughness))
