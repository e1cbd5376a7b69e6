"""The start image under clouds: what they hide is filled from clear ground; thin clouds and shadows stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from llars.bands import Band, Modality
from llars.model.normalise import Statistics
from llars.model.opacity import Cover, OpacityNetwork
from llars.starts.filling import fill_under, finer

__all__ = ["REACH", "Hidden", "clear", "hidden_bands", "hidden_under"]

OPAQUE = 0.4
"""Half of the light is lost: from here on what surrounds a pixel says more of the ground than what shines through."""

GROWN = 4
"""Pixels by which what is hidden is grown: the network's cells blur the rim of a cloud."""

LEAST_TRUST = 1e-3
"""Of pixels that are touched but not hidden: a little, so that something is known where nothing is clear."""

REACH = 2
"""Cells around a pixel that say whether it is hidden: two steps up, and the growth."""


@dataclass(frozen=True)
class Hidden:
    """What of an image has to be filled, and from what, pixel by pixel."""

    gaps: Bool[Tensor, "batch 1 y x"]
    """Hidden under clouds."""

    trust: Float[Tensor, "batch 1 y x"]
    """How likely a pixel is free of clouds and their shadows, in [0, 1]; above 0 all over."""


def hidden_bands(bands: Sequence[Band]) -> list[int]:
    """Indices of the bands in which clouds hide the ground: all but radar."""
    return [index for index, band in enumerate(bands) if band.modality is not Modality.SAR]


def hidden_under(cover: Cover) -> Hidden:
    """What clouds hide, ``CELL`` times as fine as ``cover``; right but for ``REACH`` cells at sides inside a scene."""
    opacity, touched = (
        functional.max_pool2d(finer(finer(one)), 2 * GROWN + 1, stride=1, padding=GROWN)
        for one in (cover.opacity, cover.touched)
    )
    return Hidden(opacity > OPAQUE, (1.0 - touched).square().clamp(min=LEAST_TRUST))


def clear(
    network: OpacityNetwork,
    image: Float[Tensor, "batch band y x"],
    bands: Sequence[Sequence[Band]],
    statistics: Statistics,
) -> tuple[Float[Tensor, "batch band y x"], Bool[Tensor, "batch 1 y x"]]:
    """The start images of a batch, and where they are filled.

    Args:
        network: the estimator of clouds.
        image: unit values without NaN, of bands that clouds hide; sides are multiples of ``network.multiple``.
        bands: those of each image.
        statistics: of these bands over the whole scene, in unit values.
    """
    with torch.no_grad():
        hidden = hidden_under(network.cover(image, bands, statistics))
        return fill_under(image, hidden.gaps, hidden.trust), hidden.gaps
