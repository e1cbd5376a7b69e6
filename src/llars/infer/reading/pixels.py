"""Pixel operations before and after the network: filling gaps, enlarging coarse grids, preserving radiometry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch

from llars.degrade.resolution import enlarge, enlarge_exactly

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from llars.initial.pansharpening import Transfer

    Limits = Sequence[tuple[float, float]]
    """Least and greatest value of each band."""

__all__ = ["BLOCK", "block_means", "enforce_radiometry", "enlarge_scene", "fill_gaps", "keep_within", "repeat"]

Scalar = TypeVar("Scalar", bound=np.generic)

LEVELS = 4
BLOCK = 2**LEVELS
"""Side in pixels of the aligned blocks whose means stand for the surroundings of a gap."""


def fill_gaps(
    values: NDArray[np.float32],
    valid: NDArray[np.bool_],
    blocks: NDArray[np.float32] | None = None,
    levels: int = LEVELS,
) -> None:
    """Fill the invalid pixels of one band ``(y, x)`` in place, from the valid ones around them.

    Push-pull (Gortler et al., The Lumigraph, 1996): every gap gets the mean of the smallest aligned block around it
    that holds valid pixels. Takes linear time, and ignores the values under the gaps. A band without any valid pixel
    becomes zeros.

    Args:
        values: a whole band, or, with ``blocks``, a part of one that begins at a multiple of ``BLOCK`` and ends at
            one or where the band ends.
        valid: where ``values`` hold data.
        blocks: gap-filled means of the part's blocks of ``2 ** levels`` pixels, taken from the whole band, so that a
            part of it is filled like the whole.
        levels: how often the resolution is halved to arrive at ``blocks``.
    """
    if valid.all():
        return
    values[~valid] = 0.0
    if blocks is None and not valid.any():
        return
    coarse, coarse_valid = _halved(values, valid)
    if blocks is not None and levels == 1:
        coarse = blocks
    else:
        fill_gaps(coarse, coarse_valid, blocks, levels - 1)
    values[~valid] = repeat(coarse, 2)[: values.shape[0], : values.shape[1]][~valid]


def block_means(values: NDArray[np.float32], valid: NDArray[np.bool_]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Means of a band's blocks of ``BLOCK`` pixels as ``fill_gaps`` takes them, and which blocks hold valid pixels."""
    if not valid.all():
        values = np.where(valid, values, np.float32(0.0))
    for _ in range(LEVELS):
        values, valid = _halved(values, valid)
    return values, valid


def _halved(values: NDArray[np.float32], valid: NDArray[np.bool_]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Means over 2 x 2 pixels of a band that is 0 in its gaps, and a mask of the means that hold valid pixels."""
    total = _sums(values)
    if valid.all() and not any(side % 2 for side in valid.shape):
        total *= 0.25
        return total, np.ones(total.shape, dtype=bool)
    weight = _sums(valid.astype(np.float32))
    total /= np.maximum(weight, 1.0)
    return total, weight > 0


def _sums(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sums over 2 x 2 pixels. Adding slices is five times as fast as summing over axes of length two."""
    rows, columns = values.shape
    if rows % 2 or columns % 2:
        values = np.pad(values, ((0, rows % 2), (0, columns % 2)))
    lines = values[::2] + values[1::2]
    return np.asarray(lines[:, ::2] + lines[:, 1::2])


def repeat(image: NDArray[Scalar], factor: int) -> NDArray[Scalar]:
    """Repeat every pixel of ``(..., y, x)`` as a block of ``factor`` x ``factor``."""
    return image if factor == 1 else image.repeat(factor, axis=-2).repeat(factor, axis=-1)


def enlarge_scene(
    values: NDArray[np.float32], valid: NDArray[np.bool_], factor: int, exact: bool = True
) -> NDArray[np.float32]:
    """A gap-filled scene ``(band, y, x)``, enlarged bicubically; with ``exact``, its area means are preserved.

    Band by band to keep memory low.
    """
    bands, rows, columns = values.shape
    fine = np.empty((bands, rows * factor, columns * factor), dtype=np.float32)
    for band in range(bands):
        coarse = _tensor(values[band])
        finer = enlarge_exactly(coarse, factor, _tensor(valid[band])) if exact else enlarge(coarse, factor)
        fine[band] = finer[0].numpy()
    return fine


def enforce_radiometry(
    fine: NDArray[np.float32],
    coarse: NDArray[np.float32],
    valid: NDArray[np.bool_],
    transfer: Transfer,
    limits: Limits | None = None,
) -> None:
    """Correct ``fine`` in place so that, seen through ``transfer``, it equals ``coarse`` wherever that is valid.

    ``coarse`` and ``valid`` are ``(band, y, x)``. Area means are met to float32 rounding, within the ``limits`` of each
    band; means through a blur are met approximately, and without the limits.
    """
    for band in range(len(fine)):  # one by one to keep memory low
        parts = (_tensor(image[band])[None] for image in (fine, coarse, valid))
        fine[band] = transfer.enforce(*parts)[0, 0].numpy()
    if limits is not None and transfer.nyquist is None:
        keep_within(fine, transfer.factor, limits)


def keep_within(fine: NDArray[np.float32], factor: int, limits: Limits) -> None:
    """Clip ``fine`` (band, y, x) in place to the ``limits`` of each band, preserving the means of its blocks.

    What is clipped from one pixel of a block of ``factor`` x ``factor`` is spread evenly over the others: this gives
    the nearest block within the limits that has the same mean. A mean beyond the limits becomes the limit.
    """
    for band, (low, high) in zip(fine, limits, strict=True):
        rows, columns = (side // factor for side in band.shape)
        blocks = band.reshape(rows, factor, columns, factor).swapaxes(1, 2)
        cells = ((blocks < low) | (blocks > high)).any((2, 3))
        if cells.any():
            blocks[cells] = _within(blocks[cells].reshape(-1, factor**2), low, high).reshape(-1, factor, factor)
            band[...] = blocks.swapaxes(1, 2).reshape(band.shape)


def _within(pixels: NDArray[np.float32], low: float, high: float) -> NDArray[np.float64]:
    """``keep_within`` for blocks that are given as rows ``(block, pixel)``."""
    values = pixels.astype(np.float64)
    means = values.mean(1, keepdims=True).clip(low, high)
    values = values.clip(low, high)
    for _ in range(values.shape[1]):  # each round brings at least one pixel to its limit, or is the last
        excess = means - values.mean(1, keepdims=True)
        free = np.where(excess > 0, values < high, values > low)
        share = excess * values.shape[1] / np.maximum(free.sum(1, keepdims=True), 1)
        values = np.where(free, values + share, values).clip(low, high)
    return values


def _tensor(band: NDArray[Any]) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(band))[None]
