"""Local means."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

__all__ = ["local_mean"]


def local_mean(image: Float[Tensor, "batch band y x"], radius: int) -> Float[Tensor, "batch band y x"]:
    """Mean over the square of ``2 * radius + 1`` pixels around each pixel; edge pixels are repeated."""
    if radius == 0:
        return image
    wide = functional.pad(image, [radius] * 4, mode="replicate")
    rows = functional.avg_pool2d(wide, (2 * radius + 1, 1), 1)
    return functional.avg_pool2d(rows, (1, 2 * radius + 1), 1)
