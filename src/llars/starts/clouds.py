"""The start image under clouds: shadows are brightened, thin clouds removed, and ground under thick clouds filled in.

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
from llars.model.normalise import Statistics
from llars.model.opacity import CELL, Cover, OpacityNetwork
from llars.starts.filling import LEVELS, pull, push, quartets

__all__ = [
    "HIDES",
    "NEAR",
    "TOUCHED",
    "Sky",
    "Veil",
    "clear",
    "direct_light",
    "hidden_bands",
    "measures",
    "nearby",
    "unveiled",
]

HIDES = 0.6
"""Opacity above which a pixel counts as hidden: on uniform ground, its surroundings tell more than what shines
through."""

TOUCHED, SURE, NEAR = 0.15, 0.6, 16
"""A pixel is judged clear, and left unchanged, if its probability of being changed by a cloud or shadow is at most
``TOUCHED``, or if no cell within ``NEAR`` cells has a probability above ``SURE``."""

LEAST_TRUST = 1e-6
"""Lower bound of the trust of pixels that are not hidden, so that something is known where nothing is clear."""

UNSURE_WHITE, UNSURE_OPACITY = 0.03, 0.15
"""Expected errors of a cloud's brightness, relative to it, and of opacity, relative to its square root."""

UNSURE_ESTIMATE = 0.6
"""Expected error of the network's opacity where it is certain of a cloud or shadow, before the values are used."""

UNSURE_SHADE = 0.7
"""Expected error of the light that a full shadow removes, relative to the ground."""

UNLIKE = 0.05
"""Weight, in the expected squared error, of the squared difference between ground and surroundings under a cloud."""

LEAST_THROUGH, LEAST_LIGHT, LEAST_WHITE = 0.05, 0.2, 0.1
"""Lower bounds of the transmission, of the light in a shadow, and of the brightness of clouds."""

LEAST_SPREAD = 1e-3
"""Lower bound of the standard deviation of the ground, in unit values."""

SKYLIGHT, REFERENCE_NM, THERMAL_NM = 0.22, 550.0, 3500.0
"""Share of skylight at the reference wavelength in nm, and the wavelength from which on no sunlight is seen."""


@dataclass(frozen=True)
class Veil:
    """The effect of clouds on each pixel, ``(batch, 1, y, x)`` each; zero where a pixel is judged clear."""

    opacity: Float[Tensor, "batch 1 y x"]
    touched: Float[Tensor, "batch 1 y x"]
    shadow: Float[Tensor, "batch 1 y x"]

    @staticmethod
    def of(cover: Cover, near: Bool[Tensor, "batch 1 y x"] | None = None) -> Veil:
        """From the network's estimate and the pixels that have clouds ``near``; None: found here, for a whole image."""
        if near is None:
            near = nearby(functional.avg_pool2d(cover.touched, CELL))
        changed = near & (cover.touched > TOUCHED)
        return Veil(*(one.where(changed, 0.0) for one in (cover.opacity, cover.touched, cover.shadow)))

    @property
    def changed(self) -> Bool[Tensor, "batch 1 y x"]:
        """The pixels that are not judged clear."""
        return self.touched > 0.0

    @property
    def hidden(self) -> Bool[Tensor, "batch 1 y x"]:
        """The pixels where too little of the ground is seen."""
        return self.opacity > HIDES

    @property
    def trust(self) -> Float[Tensor, "batch 1 y x"]:
        """The 24th power of the probability that a pixel is free of clouds and shadows; above 0 where it is not hidden.

        The power is so steep that the clearest pixels around decide: pixels that are probably cloudy are too bright to
        count even half.
        """
        free = (1.0 - self.touched) * (1.0 - self.touched)
        free = free * free * free
        free = free * free
        return (free * free).clamp(min=LEAST_TRUST).where(~self.hidden, 0.0)

    def part(self, rows: slice, columns: slice) -> Veil:
        """The veil over some of the pixels."""
        return Veil(*(one[..., rows, columns] for one in (self.opacity, self.touched, self.shadow)))


def nearby(touched: Float[Tensor, "batch 1 y x"]) -> Bool[Tensor, "batch 1 y2 x2"]:
    """Pixels within ``NEAR`` cells of one that is surely touched, from cells.

    Of a window, the pixels that close to a side inside the scene may be missed.
    """
    sure = (touched > SURE).float()
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
class Sky:
    """Properties of the clouds and the ground of a whole scene, ``(batch, band, 1, 1)`` each."""

    white: Float[Tensor, "batch band 1 1"]
    """Brightness of clouds before ``_shading``, unit values."""

    spread: Float[Tensor, "batch band 1 1"]
    """Standard deviation of the clear ground, unit values."""

    @staticmethod
    def of(
        measured: Float[Tensor, "batch measure y x"],
        ground: Float[Tensor, "batch band y x"],
        direct: Float[Tensor, "batch band 1 1"],
    ) -> Sky:
        """From sums over blocks; the brightness by least squares over all cloudy pixels, opaque ones weighing most.

        Args:
            measured: the result of ``measures`` for every block.
            ground: the ground of each block, filled in from its clear surroundings where clouds hide it.
            direct: see ``direct_light``.
        """
        count = ground.shape[1]
        ends = (count, 2 * count, 3 * count, 3 * count + 1, 3 * count + 2, 3 * count + 3)
        bright, values, squares, through, shaded, power, trust = measured.double().tensor_split(ends, 1)
        clouds = (bright - ground * (through - direct * shaded)).sum((-2, -1), keepdim=True)
        white = clouds / power.sum((-2, -1), keepdim=True).clamp(min=1e-12)
        mean, mean_square = (
            one.sum((-2, -1), keepdim=True) / trust.sum((-2, -1), keepdim=True).clamp(min=1e-12)
            for one in (values, squares)
        )
        spread = (mean_square - mean.square()).clamp(min=LEAST_SPREAD**2).sqrt()
        return Sky(white.clamp(LEAST_WHITE, 2.0).float(), spread.float())


def measures(
    image: Float[Tensor, "batch band y x"], valid: Bool[Tensor, "batch 1 y x"], above: Veil
) -> Float[Tensor, "batch measure y_ x_"]:
    """Sums over blocks of ``BLOCK`` pixels from which ``Sky`` is estimated; windows begin and end at blocks."""
    opacity, through = above.opacity, 1.0 - above.opacity
    shade = opacity * _shading(through)
    weight = torch.where(valid, opacity * opacity * opacity * shade, 0.0)
    trust = above.trust.where(valid, 0.0)
    seen = weight * through
    values = trust * image
    parts = (weight * image, values, values * image, seen, seen * above.shadow, weight * shade, trust)
    total = torch.cat(parts, 1)
    for _ in range(LEVELS):
        total = quartets(total)
    return total


def unveiled(
    image: Float[Tensor, "batch band y x"],
    around: Float[Tensor, "batch band y x"],
    above: Veil,
    sky: Sky,
    direct: Float[Tensor, "batch band 1 1"],
) -> Float[Tensor, "batch band y x"]:
    """The recovered ground, blended with ``around`` by expected error; pixels judged clear are bit-identical."""
    light = (1.0 - direct * above.shadow).clamp(min=LEAST_LIGHT)
    above = _weighed(image, around * light, above, sky)
    # Band by band to keep memory low.
    parts = (one.chunk(image.shape[1], 1) for one in (image, around, light, sky.white, sky.spread))
    bands = zip(*parts, strict=True)
    return torch.cat([_seen(band, near, lit, white, spread, above) for band, near, lit, white, spread in bands], 1)


def _weighed(image: Tensor, shaded: Tensor, above: Veil, sky: Sky) -> Veil:
    """``above`` with the mean of the network's opacity and that of the bands, weighted by their expected errors.

    The bands' opacity is a least-squares fit of a mixture of ``shaded`` ground and cloud. Ground differs from its
    surroundings in all bands alike, so more bands do not make the fit more certain.
    """
    shade = _shading(1.0 - above.opacity)
    along, power = (torch.zeros_like(above.opacity) for _ in range(2))
    parts = (one.chunk(image.shape[1], 1) for one in (image, shaded, sky.white, sky.spread))
    for band, ground, white, spread in zip(*parts, strict=True):
        contrast = (white * shade - ground) / spread
        along = along + contrast * ((band - ground) / spread)
        power = power + contrast * contrast
    doubt = UNSURE_ESTIMATE * above.touched
    certain = 1.0 / (doubt * doubt + LEAST_SPREAD**2)
    count = float(image.shape[1])
    opacity = (above.opacity * certain + along / count) / (certain + power / count)
    return replace(above, opacity=opacity.clamp(0.0, 1.0).where(above.changed, 0.0))


def _seen(image: Tensor, around: Tensor, light: Tensor, white: Tensor, spread: Tensor, above: Veil) -> Tensor:
    """``unveiled`` for one band."""
    opacity, through = above.opacity, 1.0 - above.opacity
    cloud = white * _shading(through)
    seen = (image - cloud * opacity) / through.clamp(min=LEAST_THROUGH) / light
    veiled = cloud * (UNSURE_WHITE * opacity + UNSURE_OPACITY * opacity.sqrt()) / through.clamp(min=LEAST_SPREAD)
    shaded = UNSURE_SHADE * around * above.shadow
    unlike = above.touched * (seen - around)
    certain = spread * spread
    share = certain / (certain + veiled * veiled + shaded * shaded + UNLIKE * (unlike * unlike))
    return torch.where(above.changed, share * seen + (1.0 - share) * around, image)


def _shading(through: Tensor) -> Tensor:
    """Brightness of a cloud relative to a very thick one: the thicker it is, the more light it returns.

    About 0.85 + 0.15 b / (1 + b) with b = 0.075 tau, as simulated. Square roots are rounded the same wherever a pixel
    lies in an array; logarithms are not.
    """
    return 0.85 + 0.054 * (1.0 - through.sqrt().sqrt())


def clear(
    network: OpacityNetwork,
    image: Float[Tensor, "batch band y x"],
    bands: Sequence[Sequence[Band]],
    statistics: Statistics,
) -> tuple[Float[Tensor, "batch band y x"], Bool[Tensor, "batch 1 y x"]]:
    """The start images of a batch, and a mask of the pixels that are filled in rather than seen.

    Args:
        network: the estimator of clouds.
        image: unit values without NaN, of ``hidden_bands``; sides are multiples of ``network.multiple``.
        bands: those of each image.
        statistics: of these bands over the whole scene, in unit values.
    """
    with torch.no_grad():
        above = Veil.of(network.cover(image, bands, statistics))
        trust = above.trust
        known = trust.amax((-2, -1), keepdim=True) > 0
        if not bool((above.changed & known).any()):
            return image, torch.zeros_like(above.hidden)
        direct, everywhere = direct_light(bands).to(image), torch.ones_like(above.hidden)
        means, weight = image, trust
        for _ in range(LEVELS):
            means, weight = push(means, weight)
        sky = Sky.of(measures(image, everywhere, above), pull(means, weight), direct)
        start = unveiled(image, pull(image, trust), above, sky, direct)
        return torch.where(known, start, image), above.hidden & known
