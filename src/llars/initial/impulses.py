"""Impulse noise: single samples whose values have nothing to do with the ground, found and replaced.

A sample on the ground resembles at least four of its eight neighbours, on edges and lines of two pixels too, an
impulse does not (rank-ordered absolute differences, Garnett et al., 2005). Single bright roofs and ships do not either,
but they appear in other bands as well.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from llars.initial.shrinkage import TINY

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["MARGIN_PX", "find_impulses", "without_impulses"]

SIMILAR = 4
"""Number of neighbours that a sample of the ground resembles."""

CERTAIN, MIN_SHARE = 12.0, 1.2e-3
"""Multiples of the usual difference above which a sample is certainly an impulse, and the share of such samples from
which a band has impulse noise. Clean scenes have fewer; at a severity of 0.05 of ``impulse_noise``, there are more."""

PROBABLE = 4.0
"""Multiples of the usual difference above which a sample of a band with impulse noise is replaced."""

MIN_CERTAIN = 0.2
"""Share of the probable impulses that must be certain: of the peaks of strong noise over dark ground, clipped at 0, and
of stripes, one in six is at most."""

MIN_DIFFERENCE = 1e-4
"""Usual difference in unit values below which a band is too flat to say what is unusual: a map, or an empty image."""

MAX_OTHERS = 3.0
"""Upper bound of the multiple of the other bands in replacing: they may have impulses at the same pixel."""

PASSES = 2
"""Passes of the search: the second finds impulses that were hidden by others beside them."""

REACH = 2
"""Distance in pixels of the neighbours from which an impulse is replaced."""

MARGIN_PX = PASSES * (REACH + 2)
"""Halo of ``without_impulses`` around a window, in pixels."""


def find_impulses(windows: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Usual difference of a sample from its most similar neighbours, ``(band,)`` unit values; 0 without impulse noise.

    Args:
        windows: ``(window, band, y, x)`` unit values at native resolution, from all over the scene.
        valid: same shape: measured, not filled.
    """
    image, measured = torch.from_numpy(windows), torch.from_numpy(valid)
    usual = torch.zeros(windows.shape[1])
    difference = _difference(image, image)
    for band in range(len(usual)):
        values = difference[:, band][measured[:, band]]
        usual[band] = values.median() if values.numel() else 0.0
    textured, divisor = usual > MIN_DIFFERENCE, usual.clamp(min=MIN_DIFFERENCE)
    # In most scenes, too few samples differ at all, and the excess takes most of the time.
    least = MIN_SHARE * measured.sum((0, 2, 3))
    found = textured & (_count(difference / divisor[:, None, None], CERTAIN, measured) > least)
    if bool(found.any()):
        excess = _excess(difference, divisor[None])
        certain, probable = (_count(excess, limit, measured) for limit in (CERTAIN, PROBABLE))
        found &= (certain > least) & (certain > MIN_CERTAIN * probable)
    return torch.where(found, usual, 0.0).numpy()


def without_impulses(
    image: Float[Tensor, "batch band y x"], usual: Float[Tensor, "batch band"]
) -> Float[Tensor, "batch band y x"]:
    """The image with impulses replaced by means of their neighbours; ``usual`` as from ``find_impulses``."""
    affected, result = (usual > 0)[..., None, None], image
    for _ in range(PASSES):
        excess = _excess(_difference(image, result), usual.clamp(min=MIN_DIFFERENCE), MAX_OTHERS)
        result = _replaced(image, affected & (excess > PROBABLE))
    return result


def _difference(
    image: Float[Tensor, "batch band y x"], around: Float[Tensor, "batch band y x"]
) -> Float[Tensor, "batch band y x"]:
    """Mean absolute difference of each sample from its most similar neighbours, which are those of ``around``.

    Two of them are enough if they lie on either side: such samples form a line.
    """
    apart = (_neighbours(around) - image).abs()
    across_lines = (0.5 * (apart[:4] + apart[4:].flip(0))).amin(0)
    return torch.minimum(apart.topk(SIMILAR, dim=0, largest=False).values.mean(0), across_lines)


def _excess(
    difference: Float[Tensor, "batch band y x"], usual: Float[Tensor, "batch band"], max_others: float = math.inf
) -> Float[Tensor, "batch band y x"]:
    """The difference in multiples of what is usual in the scene, around the pixel, and in the other bands there."""
    multiple = difference / torch.maximum(_median(_neighbours(difference)), usual[..., None, None])
    if multiple.shape[1] == 1:
        return multiple
    bands = multiple.unbind(1)
    others = [_median(torch.stack([*bands[:index], *bands[index + 1 :]])) for index in range(len(bands))]
    return multiple / torch.stack(others, 1).clamp(1.0, max_others)


def _count(
    multiple: Float[Tensor, "window band y x"], limit: float, measured: Bool[Tensor, "window band y x"]
) -> Int[Tensor, " band"]:
    """How many measured samples exceed the limit."""
    return ((multiple > limit) & measured).sum((0, 2, 3))


def _neighbours(image: Float[Tensor, "batch band y x"]) -> Float[Tensor, "8 batch band y x"]:
    height, width = image.shape[-2:]
    padded = functional.pad(image, [1] * 4, mode="replicate")
    shifts = [(down, across) for down in range(3) for across in range(3) if (down, across) != (1, 1)]
    return torch.stack([padded[..., down : down + height, across : across + width] for down, across in shifts])


def _median(values: Float[Tensor, "count *rest"]) -> Float[Tensor, "*rest"]:
    """The lower median over the first axis."""
    return values.topk((len(values) + 1) // 2, dim=0, largest=False).values[-1]


def _replaced(
    image: Float[Tensor, "batch band y x"], impulses: Bool[Tensor, "batch band y x"]
) -> Float[Tensor, "batch band y x"]:
    """Impulses replaced by means of the other samples around them, weighted by the inverse cube of the distance."""
    steps = torch.arange(-REACH, REACH + 1, device=image.device, dtype=image.dtype)
    weights = (steps.square()[:, None] + steps.square()).clamp(min=1.0) ** -1.5
    good = (~impulses).to(image)
    singles = torch.cat((image * good, good)).flatten(0, 1)[:, None]
    sums = functional.conv2d(functional.pad(singles, [REACH] * 4, mode="replicate"), weights[None, None])
    total, weight = sums.view(2, *image.shape)
    return torch.where(impulses & (weight > 0), total / weight.clamp(min=TINY), image)
