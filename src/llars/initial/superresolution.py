"""A finer grid in closed form: enlargement that preserves area means, plus detail from learned filters."""

from __future__ import annotations

from jaxtyping import Bool, Float
from torch import Tensor

from llars.degrade.resolution import PROJECTION_REACH, enlarge_exactly
from llars.model.upsampling import UpsamplingFilters

__all__ = ["SUPERRESOLUTION_REACH", "superresolved"]

TWICE = 4
"""The factor that is reached in two steps of 2."""

SUPERRESOLUTION_REACH = PROJECTION_REACH + PROJECTION_REACH // 2
"""Halo in coarse pixels: that of two steps, the second of which reaches half as far."""


def superresolved(
    coarse: Float[Tensor, "batch 1 y_ x_"],
    factor: int,
    filters: UpsamplingFilters,
    valid: Bool[Tensor, "batch 1 y_ x_"] | None = None,
) -> Float[Tensor, "batch 1 y x"]:
    """One band of images on a grid 2, 3 or 4 times finer, whose area means are ``coarse`` where that is ``valid``.

    Args:
        coarse: unit values without gaps.
        factor: how many times finer.
        filters: the filters that give the detail.
        valid: where ``coarse`` was measured; None: everywhere.
    """
    if factor == TWICE:
        half = superresolved(coarse, 2, filters, valid)
        finer = None if valid is None else valid.repeat_interleave(2, -1).repeat_interleave(2, -2)
        return superresolved(half, 2, filters, finer)
    detail: Tensor = filters(coarse, factor)
    return enlarge_exactly(coarse, factor, valid) + detail
