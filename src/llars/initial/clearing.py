"""Clouds removed from a batch of whole images, as in training; ``llars.infer.initial.clouds`` does it by windows."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from llars.bands import Band
from llars.initial.clouds import CloudEffect, SceneRadiometry, block_sums, direct_light, recovered_ground
from llars.initial.filling import LEVELS, pull, push
from llars.initial.radar_guidance import Moments, detailed, features
from llars.model.normalise import Statistics
from llars.model.opacity import Cover, OpacityNetwork

__all__ = ["clear", "ground_under"]


def clear(
    network: OpacityNetwork,
    image: Float[Tensor, "batch band y x"],
    bands: Sequence[Sequence[Band]],
    statistics: Statistics,
    radar: Float[Tensor, "batch band2 y x"] | None = None,
) -> tuple[Float[Tensor, "batch band y x"], Bool[Tensor, "batch 1 y x"]]:
    """The initial estimates of a batch, and a mask of the pixels that are filled in rather than seen.

    Args:
        network: the estimator of clouds.
        image: unit values without NaN, of ``hidden_bands``; sides are multiples of ``network.multiple``.
        bands: those of each image.
        statistics: of these bands over the whole scene, in unit values.
        radar: images of the same place, in decibels as unit values, whose detail helps to fill in.
    """
    with torch.no_grad():
        cover = network.cover(image, bands, statistics)
        ground, clouds, known = ground_under(cover, image, bands, radar)
        if not bool((clouds.changed & known).any()):
            return image, torch.zeros_like(clouds.hidden)
        return torch.where(known, ground, image), clouds.hidden & known


def ground_under(
    cover: Cover,
    image: Float[Tensor, "batch band y x"],
    bands: Sequence[Sequence[Band]],
    radar: Float[Tensor, "batch band2 y x"] | None = None,
) -> tuple[Float[Tensor, "batch band y x"], CloudEffect, Bool[Tensor, "batch 1 1 1"]]:
    """The recovered ground, the clouds over it, and which images have clear ground to fill in from.

    Differentiable with respect to the cover; arguments as for ``clear``.
    """
    clouds = CloudEffect.of(cover)
    confidence = clouds.confidence
    direct, everywhere = direct_light(bands).to(image), torch.ones_like(clouds.hidden)
    means, weight = image, confidence
    for _ in range(LEVELS):
        means, weight = push(means, weight)
    radiometry = SceneRadiometry.of(block_sums(image, everywhere, clouds), pull(means, weight), direct)
    surroundings = pull(image, confidence)
    if radar is not None:
        found = features(radar, Statistics.of(radar))
        slopes = Moments.of(image, found, confidence).slopes()
        surroundings = detailed(surroundings, found - pull(found, confidence), slopes, radiometry.deviation)
    ground = recovered_ground(image, surroundings, clouds, radiometry, direct)
    return ground, clouds, confidence.amax((-2, -1), keepdim=True) > 0
