"""Blur by optics, motion and defocus.

The image is mirrored at its edges (edge pixels appear twice), so a constant stays constant.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from llars.degrade.base import Case, Degradation
from llars.degrade.separable import apply_separably

__all__ = [
    "DEFOCUS_BLUR",
    "GAUSSIAN_BLUR",
    "MOTION_BLUR",
    "convolve",
    "disc_kernels",
    "mirrored",
    "motion_kernels",
    "smooth",
]

FULL_SIGMA_PX = 2.0
"""Standard deviation of the Gaussian at severity 1."""

FULL_MOTION_PX = 16.0
"""Path of the motion at severity 1."""

FULL_RADIUS_PX = 4.0
"""Radius of the circle of confusion at severity 1."""


def gaussian_blur(case: Case) -> Tensor:
    """Convolve with a Gaussian; keeps the mean exactly, edges included."""
    return smooth(case.image, (FULL_SIGMA_PX * case.severity).flatten())


def smooth(image: Tensor, sigma: Tensor) -> Tensor:
    """Convolve ``(batch, band, y, x)`` images with Gaussians of ``(batch,)`` standard deviations, in pixels."""
    sigma = sigma.clamp(min=1e-3)
    reach = math.ceil(4.0 * float(sigma.max()))
    distance = torch.arange(reach + 2, device=sigma.device, dtype=sigma.dtype)
    profile = torch.exp(-0.5 * (distance / sigma[:, None]).square())
    profile[:, -1] = 0.0  # used for every distance beyond the reach
    profile = profile / (2.0 * profile.sum(dim=1, keepdim=True) - profile[:, :1])

    def weights(outputs: Tensor, inputs: Tensor, length: int) -> Tensor:
        # Mirroring at both edges makes the axis periodic, with twice its length.
        turns = range(-1 - reach // length, 2 + reach // length)
        images = [place + 2 * length * turn for turn in turns for place in (inputs, -1 - inputs)]
        away = (outputs[None, :, None] - torch.stack(images)[:, None, :]).abs().clamp(max=reach + 1)
        near = away.amin(dim=(1, 2)) <= reach
        return profile[:, away[near]].sum(dim=1)

    return apply_separably(image, weights, reach)


def motion_blur(case: Case) -> Tensor:
    """Mean along a straight path of 1 + 16 s pixels, in a random direction for every image."""
    angle = case.uniform(len(case.image), high=math.pi)
    return convolve(case.image, motion_kernels(FULL_MOTION_PX * case.severity.flatten(), angle))


def motion_kernels(path: Tensor, angle: Tensor) -> Tensor:
    """``(batch, k, k)`` kernels, not normalised, of paths of ``(batch,)`` pixels from the first point to the last.

    ``angle`` is ``(batch,)`` radians from the x axis towards y.
    """
    half, angle = 0.5 * path.view(-1, 1, 1), angle.view(-1, 1, 1)
    radius = math.ceil(float(half.max()))
    # Samples of the path at most half a pixel apart, each distributed over the four pixels around it.
    samples = 2 * math.ceil(2 * float(half.max())) + 1
    places = half * torch.linspace(-1.0, 1.0, samples, device=half.device, dtype=half.dtype).view(1, -1, 1)
    pixel = torch.arange(-radius, radius + 1, device=half.device, dtype=half.dtype)
    share_y = (1.0 - (pixel - places * angle.sin()).abs()).clamp(min=0.0)
    share_x = (1.0 - (pixel - places * angle.cos()).abs()).clamp(min=0.0)
    return share_y.mT @ share_x


def defocus_blur(case: Case) -> Tensor:
    """Mean over a disc, whose rim covers pixels partially."""
    return convolve(case.image, disc_kernels(FULL_RADIUS_PX * case.severity.flatten()))


def disc_kernels(radius: Tensor) -> Tensor:
    """``(batch, k, k)`` discs of ``(batch,)`` radii in pixels, not normalised."""
    size = radius.view(-1, 1, 1)
    reach = math.ceil(float(size.max()) + 0.5)
    pixel = torch.arange(-reach, reach + 1, device=size.device, dtype=size.dtype)
    return (size + 0.5 - torch.hypot(pixel[:, None], pixel)).clamp(0.0, 1.0)


def convolve(image: Tensor, kernels: Tensor) -> Tensor:
    """Convolve each image with its own symmetric kernel, ``(batch, k, k)``, normalised to sum to 1."""
    radius = kernels.shape[-1] // 2
    taps = (kernels / kernels.sum(dim=(1, 2), keepdim=True))[:, None]
    # Images become channels of one grouped convolution; with another memory layout it takes three times as long.
    padded = mirrored(mirrored(image.transpose(0, 1).contiguous(), 3, radius), 2, radius)
    return functional.conv2d(padded, taps, groups=len(image)).transpose(0, 1)


def mirrored(image: Tensor, axis: int, margin: int) -> Tensor:
    """Pad an axis with its mirror image at both ends; edge pixels appear twice."""
    while margin > 0:
        length = image.shape[axis]
        step = min(margin, length)
        before, after = image.narrow(axis, 0, step).flip(axis), image.narrow(axis, length - step, step).flip(axis)
        image = torch.cat([before, image, after], dim=axis)
        margin -= step
    return image


GAUSSIAN_BLUR = Degradation(
    "gaussian_blur", "deblur", "blur of the optics", "standard deviation 2 s pixels", gaussian_blur
)
MOTION_BLUR = Degradation(
    "motion_blur", "deblur", "motion in a random direction", "path of 1 + 16 s pixels", motion_blur
)
DEFOCUS_BLUR = Degradation("defocus_blur", "deblur", "out of focus", "disc of radius 4 s pixels", defocus_blur)
