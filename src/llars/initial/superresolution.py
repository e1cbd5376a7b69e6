"""A finer grid: enlargement that preserves area means, plus detail from a small network."""

from __future__ import annotations

from jaxtyping import Bool, Float
from torch import Tensor

from llars.degrade.resolution import PROJECTION_REACH, enlarge_exactly
from llars.model.upsampling import REACH, UpsamplingNetwork

__all__ = ["SUPERRESOLUTION_REACH", "superresolved"]

SUPERRESOLUTION_REACH = max(PROJECTION_REACH, REACH)
"""Halo in coarse pixels."""


def superresolved(
    coarse: Float[Tensor, "batch 1 y_ x_"],
    factor: int,
    network: UpsamplingNetwork,
    valid: Bool[Tensor, "batch 1 y_ x_"] | None = None,
) -> Float[Tensor, "batch 1 y x"]:
    """One band of images on a grid 2, 3 or 4 times finer, whose area means are ``coarse`` where that is ``valid``.

    Args:
        coarse: unit values without gaps.
        factor: how many times finer.
        network: gives the detail.
        valid: where ``coarse`` was measured; None: everywhere.
    """
    detail: Tensor = network(coarse, factor)
    return enlarge_exactly(coarse, factor, valid) + detail
