"""The radiometric projection of ``sr`` inside training, so that the loss sees the same output as a user."""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor

from llars.degrade.resolution import project, reduce

__all__ = ["hold_means"]


def hold_means(
    restored: Float[Tensor, "batch band y x"],
    coarse: Float[Tensor, "batch band y x"],
    factor: Int[Tensor, "batch"],
) -> Float[Tensor, "batch band y x"]:
    """``restored``, with the area means of ``coarse`` over ``factor`` by ``factor`` pixels where factor is above 1.

    Where the factor does not divide the patch, the remainder at the right and lower edges stays as it is.
    """
    for value in sorted(set(factor.tolist())):
        if value == 1:
            continue
        chosen = factor == value
        height, width = (side // value * value for side in restored.shape[-2:])
        inner = (chosen, slice(None), slice(height), slice(width))
        projected = restored.clone()
        projected[inner] = project(restored[inner], reduce(coarse[inner], value), value)
        restored = projected
    return restored
