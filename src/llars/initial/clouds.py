"""The initial estimate under clouds: shadows are brightened, thin clouds removed, ground under thick clouds filled in.

A pixel is observed as ``I = J (1 - k S) t + A (1 - t)``: ground J in a shadow S, with k the share of direct sunlight,
behind a cloud of transmission t and brightness A (the model of ``llars.degrade.clouds``). Opacity and shadow are
estimated for each pixel, A and the variability of the ground once for the scene. Solving for J gives the ground, with
an error that grows as less of it shines through. So it is blended with the pixel's surroundings, each weighted by its
expected error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from llars.bands import Band, Modality
from llars.degrade.atmosphere import REFERENCE_NM
from llars.degrade.clouds import THERMAL_NM
from llars.initial.filling import LEVELS, quartets
from llars.model.opacity import CELL, Cover

__all__ = [
    "HIDDEN_OPACITY",
    "NEAR",
    "TOUCHED",
    "CloudEffect",
    "SceneRadiometry",
    "block_sums",
    "direct_light",
    "hidden_bands",
    "near_clouds",
    "recovered_ground",
]

HIDDEN_OPACITY = 0.7
"""Opacity above which a pixel counts as hidden: on uniform ground, its surroundings tell more than what shines
through."""

TOUCHED, CERTAIN, NEAR = 0.15, 0.6, 16
"""A pixel is judged clear, and left unchanged, if its probability of being changed by a cloud or shadow is at most
``TOUCHED``, or if no cell within ``NEAR`` cells has a probability above ``CERTAIN``."""

MIN_CONFIDENCE = 1e-6
"""Lower bound of the trust of pixels that are not hidden, so that something is known where nothing is clear."""

BRIGHTNESS_ERROR, OPACITY_ERROR = 0.03, 0.06
"""Expected errors of a cloud's brightness, relative to it, and of opacity, relative to its square root."""

ESTIMATE_ERROR = 0.6
"""Expected error of the network's opacity where it is certain of a cloud or shadow, before the values are used."""

SHADOW_ERROR = 0.7
"""Expected error of the light that a full shadow removes, relative to the ground."""

DIFFERENCE_WEIGHT = 0.05
"""Weight, in the expected squared error, of the squared difference between ground and surroundings under a cloud."""

MIN_TRANSMISSION, MIN_LIGHT, MIN_BRIGHTNESS = 0.05, 0.2, 0.1
"""Lower bounds of the transmission, of the light in a shadow, and of the brightness of clouds."""

MIN_DEVIATION = 1e-3
"""Lower bound of the standard deviation of the ground, in unit values."""

MIN_ROOTED = 1e-8
"""Lower bound of a share whose square root is taken: training follows its slope."""

SKYLIGHT = 0.22
"""Share of skylight at the reference wavelength."""


@dataclass(frozen=True)
class CloudEffect:
    """The effect of clouds on each pixel, ``(batch, 1, y, x)`` each; zero where a pixel is judged clear."""

    opacity: Float[Tensor, "batch 1 y x"]
    touched: Float[Tensor, "batch 1 y x"]
    shadow: Float[Tensor, "batch 1 y x"]

    @staticmethod
    def of(cover: Cover, near: Bool[Tensor, "batch 1 y x"] | None = None) -> CloudEffect:
        """From the network's estimate and the pixels that have clouds ``near``; None: found here, for a whole image."""
        if near is None:
            near = near_clouds(functional.avg_pool2d(cover.touched, CELL))
        changed = near & (cover.touched > TOUCHED)
        return CloudEffect(*(one.where(changed, 0.0) for one in (cover.opacity, cover.touched, cover.shadow)))

    @property
    def changed(self) -> Bool[Tensor, "batch 1 y x"]:
        """The pixels that are not judged clear."""
        return self.touched > 0.0

    @property
    def hidden(self) -> Bool[Tensor, "batch 1 y x"]:
        """The pixels where too little of the ground is seen."""
        return self.opacity > HIDDEN_OPACITY

    @property
    def confidence(self) -> Float[Tensor, "batch 1 y x"]:
        """The 48th power of the probability that a pixel is free of clouds and shadows; above 0 where it is not hidden.

        The power is so steep that the clearest pixels around decide: pixels that are probably cloudy are too bright to
        count even half.
        """
        free = (1.0 - self.touched) * (1.0 - self.touched)
        free = free * free * free
        free = free * free
        free = free * free
        return (free * free).clamp(min=MIN_CONFIDENCE).where(~self.hidden, 0.0)

    def part(self, rows: slice, columns: slice) -> CloudEffect:
        """The effect on some of the pixels."""
        return CloudEffect(*(one[..., rows, columns] for one in (self.opacity, self.touched, self.shadow)))


def near_clouds(touched: Float[Tensor, "batch 1 y x"]) -> Bool[Tensor, "batch 1 y2 x2"]:
    """Pixels within ``NEAR`` cells of one that is surely touched, from cells.

    Of a window, the pixels that close to a side inside the scene may be missed.
    """
    sure = (touched > CERTAIN).float()
    sure = functional.max_pool2d(sure, (2 * NEAR + 1, 1), stride=1, padding=(NEAR, 0))
    sure = functional.max_pool2d(sure, (1, 2 * NEAR + 1), stride=1, padding=(0, NEAR))
    return sure.repeat_interleave(CELL, -1).repeat_interleave(CELL, -2) > 0.0


def hidden_bands(bands: Sequence[Band]) -> list[int]:
    """Indices of the bands in which clouds hide the ground: all but radar."""
    return [index for index, band in enumerate(bands) if band.modality is not Modality.SAR]


def direct_light(bands: Sequence[Sequence[Band]]) -> Float[Tensor, "batch band 1 1"]:
    """The share of direct sunlight in the illumination of every band of each image."""
    nm = torch.tensor([[band.wavelength_nm or REFERENCE_NM for band in one] for one in bands])
    direct = 1.0 - SKYLIGHT * (REFERENCE_NM / nm).square().clamp(max=2.0)
    return direct.where(nm < THERMAL_NM, 0.0)[..., None, None]


@dataclass(frozen=True)
class SceneRadiometry:
    """Properties of the clouds and the ground of a whole scene, ``(batch, band, 1, 1)`` each."""

    brightness: Float[Tensor, "batch band 1 1"]
    """Brightness of clouds before ``_shading``, unit values."""

    deviation: Float[Tensor, "batch band 1 1"]
    """Standard deviation of the clear ground, unit values."""

    @staticmethod
    def of(
        measured: Float[Tensor, "batch measure y x"],
        ground: Float[Tensor, "batch band y x"],
        direct: Float[Tensor, "batch band 1 1"],
    ) -> SceneRadiometry:
        """From sums over blocks; the brightness by least squares over all cloudy pixels, opaque ones weighing most.

        Args:
            measured: the result of ``block_sums`` for every block.
            ground: the ground of each block, filled in from its clear surroundings where clouds hide it.
            direct: see ``direct_light``.
        """
        count = ground.shape[1]
        ends = (count, 2 * count, 3 * count, 3 * count + 1, 3 * count + 2, 3 * count + 3)
        bright, values, squares, transmission, shaded, power, confidence = measured.double().tensor_split(ends, 1)
        cloud_light = (bright - ground * (transmission - direct * shaded)).sum((-2, -1), keepdim=True)
        brightness = cloud_light / power.sum((-2, -1), keepdim=True).clamp(min=1e-12)
        mean, mean_square = (
            one.sum((-2, -1), keepdim=True) / confidence.sum((-2, -1), keepdim=True).clamp(min=1e-12)
            for one in (values, squares)
        )
        deviation = (mean_square - mean.square()).clamp(min=MIN_DEVIATION**2).sqrt()
        return SceneRadiometry(brightness.clamp(MIN_BRIGHTNESS, 2.0).float(), deviation.float())


def block_sums(
    image: Float[Tensor, "batch band y x"], valid: Bool[Tensor, "batch 1 y x"], clouds: CloudEffect
) -> Float[Tensor, "batch measure y_ x_"]:
    """Sums over blocks of ``BLOCK`` pixels for the estimate of ``SceneRadiometry``; windows begin and end at blocks."""
    opacity, transmission = clouds.opacity, 1.0 - clouds.opacity
    shade = opacity * _shading(transmission)
    weight = torch.where(valid, opacity * opacity * opacity * shade, 0.0)
    confidence = clouds.confidence.where(valid, 0.0)
    ground_weight = weight * transmission
    values = confidence * image
    parts = (
        weight * image,
        values,
        values * image,
        ground_weight,
        ground_weight * clouds.shadow,
        weight * shade,
        confidence,
    )
    total = torch.cat(parts, 1)
    for _ in range(LEVELS):
        total = quartets(total)
    return total


def recovered_ground(
    image: Float[Tensor, "batch band y x"],
    surroundings: Float[Tensor, "batch band y x"],
    clouds: CloudEffect,
    radiometry: SceneRadiometry,
    direct: Float[Tensor, "batch band 1 1"],
) -> Float[Tensor, "batch band y x"]:
    """The recovered ground, blended with ``surroundings`` by expected error; pixels judged clear are bit-identical."""
    light = (1.0 - direct * clouds.shadow).clamp(min=MIN_LIGHT)
    clouds = _refined_opacity(image, surroundings * light, clouds, radiometry)
    # Band by band to keep memory low.
    whole = (image, surroundings, light, radiometry.brightness, radiometry.deviation)
    parts = (one.chunk(image.shape[1], 1) for one in whole)
    bands = zip(*parts, strict=True)
    return torch.cat([_ground(band, near, lit, bright, spread, clouds) for band, near, lit, bright, spread in bands], 1)


def _refined_opacity(image: Tensor, shaded: Tensor, clouds: CloudEffect, radiometry: SceneRadiometry) -> CloudEffect:
    """``clouds`` with the mean of the network's opacity and that of the bands, weighted by their expected errors.

    The bands' opacity is a least-squares fit of a mixture of ``shaded`` ground and cloud. Ground differs from its
    surroundings in all bands alike, so more bands do not make the fit more certain.
    """
    shade = _shading(1.0 - clouds.opacity)
    projection, power = (torch.zeros_like(clouds.opacity) for _ in range(2))
    parts = (one.chunk(image.shape[1], 1) for one in (image, shaded, radiometry.brightness, radiometry.deviation))
    for band, ground, brightness, deviation in zip(*parts, strict=True):
        contrast = (brightness * shade - ground) / deviation
        projection = projection + contrast * ((band - ground) / deviation)
        power = power + contrast * contrast
    error = ESTIMATE_ERROR * clouds.touched
    precision = 1.0 / (error * error + MIN_DEVIATION**2)
    count = float(image.shape[1])
    opacity = (clouds.opacity * precision + projection / count) / (precision + power / count)
    return replace(clouds, opacity=opacity.clamp(0.0, 1.0).where(clouds.changed, 0.0))


def _ground(
    image: Tensor, surroundings: Tensor, light: Tensor, brightness: Tensor, deviation: Tensor, clouds: CloudEffect
) -> Tensor:
    """``recovered_ground`` for one band."""
    opacity, transmission = clouds.opacity, 1.0 - clouds.opacity
    cloud = brightness * _shading(transmission)
    ground = (image - cloud * opacity) / transmission.clamp(min=MIN_TRANSMISSION) / light
    cloud_error = (
        cloud * (BRIGHTNESS_ERROR * opacity + OPACITY_ERROR * _root(opacity)) / transmission.clamp(min=MIN_DEVIATION)
    )
    shadow_error = SHADOW_ERROR * surroundings * clouds.shadow
    difference = clouds.touched * (ground - surroundings)
    variance = deviation * deviation
    share = variance / (
        variance
        + cloud_error * cloud_error
        + shadow_error * shadow_error
        + DIFFERENCE_WEIGHT * (difference * difference)
    )
    return torch.where(clouds.changed, share * ground + (1.0 - share) * surroundings, image)


def _shading(transmission: Tensor) -> Tensor:
    """Brightness of a cloud relative to a very thick one: the thicker it is, the more light it returns.

    About 0.85 + 0.15 b / (1 + b) with b = 0.075 tau, as simulated. Square roots are rounded the same wherever a pixel
    lies in an array; logarithms are not.
    """
    return 0.85 + 0.054 * (1.0 - _root(_root(transmission)))


def _root(values: Tensor) -> Tensor:
    """The square root, with a finite slope at 0."""
    return values.clamp(min=MIN_ROOTED).sqrt()
