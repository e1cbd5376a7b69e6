"""How near images are to the truth, for the trainings of small networks whose results are judged by PSNR."""

from __future__ import annotations

from typing import TypeAlias

from jaxtyping import Float
from torch import Tensor

__all__ = ["log_error", "mean_gain", "mean_squares"]

Images: TypeAlias = Float[Tensor, "batch band y x"]

EDGE = 4
"""Pixels along the edges where errors are not counted."""

FLOOR = 1e-3
"""Error in unit values below which less is no gain: that of 10-bit numbers."""


def mean_squares(image: Images, truth: Images) -> Tensor:
    """Mean square error of each image, not counting its edges."""
    inner = (..., slice(EDGE, -EDGE), slice(EDGE, -EDGE))
    return (image - truth)[inner].square().mean((1, 2, 3))


def log_error(image: Images, truth: Images) -> Tensor:
    """Logarithm of the mean square error of each image, which PSNR measures; mean over images: a loss."""
    return (mean_squares(image, truth) + FLOOR**2).log().mean()


def mean_gain(
    before: Float[Tensor, "batch band y x"],
    after: Float[Tensor, "batch band y x"],
    truth: Float[Tensor, "batch band y x"],
) -> float:
    """By how much the PSNR of ``after`` is higher, in dB; mean over images."""
    errors = [(mean_squares(image, truth) + FLOOR**2).log10().mean() for image in (before, after)]
    return 10.0 * float(errors[0] - errors[1])
