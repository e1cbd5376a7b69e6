"""Resolution: reduction to coarser pixels and enlargement to finer ones."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from llars.degrade.base import Case, Degradation
from llars.degrade.separable import apply_separably
from llars.errors import DataError

__all__ = ["SR", "cubic", "enlarge", "enlarge_exactly", "project", "reduce"]

FULL_FACTOR = 4.0
"""How many times coarser the pixels are at severity 1."""

SMOOTH_STEPS = 3
"""Smooth corrections before the exact one: the remainder is then too small to show as blocks."""

PROJECTION_REACH = 2 * (SMOOTH_STEPS + 1)
"""Halo in coarse pixels of ``project`` and ``enlarge_exactly``: two for each cubic kernel."""

CUBIC = -0.5
"""Slope of the cubic kernel at 1: with this value, interpolation is exact for parabolas (Keys 1981)."""


def reduce(image: Tensor, factor: int) -> Tensor:
    """Area mean over blocks of ``factor`` by ``factor`` pixels.

    Args:
        image: ``(band, y, x)`` or ``(batch, band, y, x)``; y and x must be multiples of ``factor``.
        factor: a whole number, 1 or more.

    Raises:
        DataError: the blocks do not fill the image.
    """
    height, width = image.shape[-2:]
    if factor < 1 or height % factor or width % factor:
        raise DataError(
            f"an image of {height} x {width} pixels in blocks of {factor}; expected sides that are multiples of a "
            "factor of at least 1: crop or pad the image"
        )
    return functional.avg_pool2d(image, factor)


def enlarge(image: Tensor, factor: int) -> Tensor:
    """Bicubic interpolation onto a grid ``factor`` times as fine with the same bounds (Keys 1981, a = -0.5).

    Pixels are areas: their centres lie half a pixel inside the bounds, so the image does not shift. At the edges the
    kernel's weights are normalised to sum to 1, so nothing from outside bleeds in.

    Args:
        image: ``(band, y, x)`` or ``(batch, band, y, x)``.
        factor: a whole number, 1 or more.

    Raises:
        DataError: ``factor`` is less than 1.
    """
    if factor < 1:
        raise DataError(f"enlarging {factor} times; expected a factor of at least 1")
    batch = image if image.ndim == 4 else image[None]
    size = (image.shape[-2] * factor, image.shape[-1] * factor)
    # With antialias=True torch has a = -0.5 and normalises weights at the edges; without, a = -0.75 and repeated edges.
    fine = functional.interpolate(batch, size=size, mode="bicubic", align_corners=False, antialias=True)
    return fine.reshape(*image.shape[:-2], *size)


def project(fine: Tensor, coarse: Tensor, factor: int, valid: Tensor | None = None) -> Tensor:
    """``fine``, corrected so that its mean over every pixel of ``coarse`` equals that pixel's value.

    Iterated back-projection (Irani & Peleg 1991) with smooth steps, and one exact step that spreads the remainder
    evenly over each pixel.

    Args:
        fine: ``(band, y, x)`` or ``(batch, band, y, x)``; y and x must be multiples of ``factor``.
        coarse: the same, ``factor`` times smaller.
        factor: a whole number, 1 or more.
        valid: boolean, the shape of ``coarse``: pixels whose means are enforced; None means all.

    Raises:
        DataError: the sides of ``fine`` are not multiples of ``factor``.
    """

    def residual() -> Tensor:
        left = coarse - reduce(fine, factor)
        return left if valid is None else left.where(valid, 0.0)

    for _ in range(SMOOTH_STEPS):
        fine = fine + enlarge(residual(), factor)
    return fine + residual().repeat_interleave(factor, -1).repeat_interleave(factor, -2)


def enlarge_exactly(coarse: Tensor, factor: int, valid: Tensor | None = None) -> Tensor:
    """Bicubic enlargement, corrected so that its area means are ``coarse``: the basis of super-resolution.

    Sharper than the enlargement alone: the attenuation by area means and kernel is compensated at frequencies that the
    coarse grid can hold. See ``project``.
    """
    return project(enlarge(coarse, factor), coarse, factor, valid)


def sr(case: Case) -> Tensor:
    """Area means over pixels 1 + 3 s times as wide, interpolated back onto the same grid by the bicubic kernel."""
    factor = 1.0 + (FULL_FACTOR - 1.0) * case.severity.view(-1, 1, 1)

    def weights(outputs: Tensor, inputs: Tensor, length: int) -> Tensor:
        # A whole number of cells fills the axis, so that none is cut at the edge.
        cells = (length / factor).round().clamp(min=1.0).long()
        width = length / cells
        # Integer arithmetic: float32 has too few digits for a wide scene and fractions of a pixel at once.
        place = (2 * outputs + 1)[:, None] * cells - length
        centre, beyond = place // (2 * length), place % (2 * length) / (2 * length)
        first = centre[:, :1] - 1
        cell = first + torch.arange(int((centre[:, -1:] - first).max()) + 3, device=outputs.device)
        up = torch.where((cell >= 0) & (cell < cells), cubic(centre - cell + beyond), 0.0)
        up = up / up.sum(dim=2, keepdim=True)
        edge = (cell * length).mT
        start = edge // cells - inputs + edge % cells / cells
        covered = (start + width).clamp(max=1.0) - start.clamp(min=0.0)
        return (up @ (covered.clamp(min=0.0) / width)).to(case.image)

    # Two and a half cells on either side, which may be wider than the factor because their number is rounded.
    reach = math.ceil(4.0 * float(factor.max()))
    return apply_separably(case.image, weights, reach)


def cubic(distance: Tensor) -> Tensor:
    """Keys' cubic convolution kernel: weights at distances in pixels."""
    x = distance.abs()
    near = ((CUBIC + 2.0) * x - (CUBIC + 3.0)) * x * x + 1.0
    far = CUBIC * (((x - 5.0) * x + 8.0) * x - 4.0)
    return torch.where(x < 1.0, near, torch.where(x < 2.0, far, 0.0))


SR = Degradation("sr", "sr", "coarser pixels on the same grid", "pixels 1 + 3 s times as wide", sr)
