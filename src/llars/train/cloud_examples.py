"""Training data of the cloud estimator: patches of clean scenes under simulated clouds, and some without clouds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from llars.bands import Band, plain_bands
from llars.data.patches import PatchSource
from llars.degrade.atmosphere import HAZE, REFERENCE_NM
from llars.degrade.clouds import shaded
from llars.model.normalise import Statistics

__all__ = ["CLEAN", "DIRECT", "UNKNOWN_BANDS", "Examples", "draw", "jittered_statistics", "random_gain"]

BAND_ODDS = {1: 0.1, 2: 0.05, 3: 0.4, 4: 0.2, 6: 0.15, 10: 0.06, 12: 0.04}
CLEAN = 0.4
"""Share of patches without a cloud."""

UNKNOWN_BANDS = 0.15
"""Share of patches whose bands are unknown to the estimator except for their number."""

NOISY = 0.3
"""Share of patches with noise: clouds in real images are not always free of detail."""

GAIN_RANGE = (0.5, 1.1)
"""Range of the gain applied to an image, as from a low sun or other processing."""

CLOUD_GAIN_RANGE = (0.35, 1.0)
"""Range of the brightness of clouds relative to the simulated one: real clouds are often darker."""

UNCHANGED = 0.5
"""Share of patches whose clouds are not greyed; also, drawn independently, that not tinted, and that not dimmed."""

ALBEDO = 0.85
"""Of clouds that are not greyed. What a cloud does not reflect it passes on, diffusely, and once more on the way back:
clouds have the colour of the ground, blurred, which makes real ones a third brighter in the infrared."""

BLUR_PX = 16
"""Width of that blur, in pixels."""

RELIEF_DEVIATION = 0.45
"""Largest relative standard deviation of the brightness within a cloud. Simulated clouds are smooth; in real ones it is
0.02 to 0.04 within 2 to 4 pixels of 10 m and 0.1 to 0.25 within 32 (cloudy dates of the training split)."""

MAX_RELIEF_EXPONENT = 0.8
"""Largest exponent with which the relief of a cloud grows with its scale; the smallest is 0."""

TINT_RANGE = (-0.3, 0.6)
"""Range of the exponent of the wavelength with which clouds are tinted up to 1000 nm: of thick clouds of the training
split, red over blue is 0.90 to 0.93, and near infrared over blue 0.93 to 1.40."""

BAND_DEVIATION = 0.05
"""Standard deviation of the logarithm of a cloud's brightness from band to band, beside the tint."""

VAPOUR_NM, VAPOUR_GAIN = (925.0, 965.0), (0.4, 2.2)
"""Water vapour darkens clouds in this band, and its correction overdoes it: range of the gain on them."""

BRIGHTEST, SATURATED = 1.0, 0.3
"""Unit value at which images are cut off, and the share of patches that are: clouds saturate in pictures of 8 bits."""

BRIGHTENED_SHARE = 0.2
"""Share of patches that are brightened before clouds are added: sand, roofs and snow must not be taken for clouds."""

FLATTENED_SHARE = 0.05
"""Share of patches that lose their texture: calm water and fields without relief must not be taken for clouds."""

HAZY_SHARE = 0.15
"""Share of patches that are hazy before clouds are added: haze, which all of the ground shows through, is no cloud."""

MIN_RELIEF = 0.3
"""Lower bound of the relief's factor on the brightness of a cloud."""

TINTED_NM = 1000.0
"""Wavelength from which on the tint stays the same; it is 1 at the reference wavelength."""

DIRECT = 0.78
"""Share of the visible light that comes straight from the sun, which a full shadow takes away."""

VISIBLE_CHANGE = 0.02
"""A pixel counts as touched where clouds or shadow changed any band by more than this, in unit values."""


@dataclass(frozen=True)
class Examples:
    """Patches under clouds, with the targets of the estimator."""

    image: Tensor
    """``(batch, band, y, x)`` unit values."""

    bands: list[tuple[Band, ...]]
    statistics: Statistics

    target: Tensor
    """``(batch, 3, y, x)``: opacity, touched (0 or 1) and shadow of each pixel."""

    weight: Tensor | None = None
    """``(batch, 1, y, x)`` weight of each pixel in the loss; None: all alike."""

    ground: Tensor | None = None
    """``(batch, band, y, x)`` unit values without clouds and shadows, but with the noise; None: unknown."""

    def turned(self) -> Examples:
        """With x and y swapped."""
        weight, ground = (None if one is None else one.mT for one in (self.weight, self.ground))
        return replace(self, image=self.image.mT, target=self.target.mT, weight=weight, ground=ground)


def draw(source: PatchSource, size: int, side: int, rng: np.random.Generator) -> Examples:
    """``size`` patches with the same number of bands, some clean, some under thin or thick clouds of any severity."""
    counts = [count for count in BAND_ODDS if source.serves(count, side, optical=True)]
    odds = np.array([BAND_ODDS[count] for count in counts])
    count = int(rng.choice(counts, p=odds / odds.sum()))
    patches = source.draw(count, side, size, rng, averaged=0.25, optical=True)
    known_bands = rng.random(size) >= UNKNOWN_BANDS
    bands = [one if known else plain_bands(count) for one, known in zip(patches.bands, known_bands, strict=True)]
    bright = 1.0 + (rng.random(size) < BRIGHTENED_SHARE) * rng.exponential(0.7, size)
    clean = patches.clean * torch.from_numpy(bright.astype(np.float32)).view(-1, 1, 1, 1)
    flat = torch.from_numpy(rng.random((size, 1, 1, 1)) < FLATTENED_SHARE)
    clean = torch.where(flat, _blurred(clean), clean)
    severity = (0.03 + 0.97 * rng.random(size) ** 1.5) * (rng.random(size) >= CLEAN)
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    clean = HAZE(clean, rng.random(size) * (rng.random(size) < HAZY_SHARE), generator, patches.bands)
    image, opacity, shadow = torch.empty_like(clean), *(torch.empty_like(clean[:, :1]) for _ in range(2))
    for thin in (False, True):
        rows = slice(int(thin), None, 2)
        image[rows], opacity[rows], shadow[rows] = shaded(
            clean[rows], severity[rows], generator, patches.bands[rows], thin=thin
        )
    grey = np.where(rng.random(size) < UNCHANGED, 1.0, rng.uniform(*CLOUD_GAIN_RANGE, size))
    greyed = torch.from_numpy(grey).float().view(-1, 1, 1, 1)
    relief = greyed * (1.0 + _relief(size, side, rng)).clamp(min=MIN_RELIEF) * _tint(patches.bands, rng)
    ground = torch.minimum(clean * (1.0 - opacity) * (1.0 - DIRECT * shadow), image)
    image = ground + (image - ground) * torch.lerp(torch.ones(()), relief, (opacity > 0).float())
    image = image + opacity * (1.0 - ALBEDO * greyed).square() * _blurred(clean)
    dimmed = random_gain(size, rng)
    image = torch.where(torch.from_numpy(rng.random((size, 1, 1, 1)) < SATURATED), image.clamp(max=BRIGHTEST), image)
    touched = ((image - clean).abs().amax(1, keepdim=True) > VISIBLE_CHANGE).float()
    image = image * dimmed
    sigma = torch.from_numpy((rng.random(size) < NOISY) * rng.uniform(0.0, 0.025, size)).float().view(-1, 1, 1, 1)
    noise = sigma * torch.randn(image.shape, generator=generator)
    image = image + noise
    target = torch.cat((opacity, touched, shadow), 1)
    return Examples(image, bands, jittered_statistics(image, rng), target, ground=clean * dimmed + noise)


def random_gain(size: int, rng: np.random.Generator) -> Tensor:
    """Gain of each image as from a low sun, ``(size, 1, 1, 1)``; half of the time 1."""
    low, high = GAIN_RANGE
    gain = np.where(rng.random(size) < UNCHANGED, 1.0, low * (high / low) ** rng.random(size))
    return torch.from_numpy(gain).float().view(-1, 1, 1, 1)


def jittered_statistics(image: Tensor, rng: np.random.Generator) -> Statistics:
    """Statistics of images as of larger scenes that they are part of."""
    size = len(image)
    shift, factor = rng.normal(0.0, 0.3, (size, 1)), np.exp(rng.normal(0.0, 0.25, (size, 1)))
    return Statistics.of(image).jittered(*(torch.from_numpy(one.astype(np.float32)) for one in (shift, factor)))


def _blurred(image: Tensor) -> Tensor:
    coarse = functional.avg_pool2d(image, BLUR_PX)
    return functional.interpolate(coarse, size=image.shape[-2:], mode="bilinear", align_corners=False)


def _relief(size: int, side: int, rng: np.random.Generator) -> Tensor:
    """Brightness relief of clouds ``(size, 1, side, side)``, at scales from 2 to 64 pixels."""
    relief = torch.zeros(size, 1, side, side)
    redness = torch.from_numpy(rng.uniform(0.0, MAX_RELIEF_EXPONENT, (size, 1, 1, 1))).float()
    for cell in (2, 4, 8, 16, 32, 64):
        noise = torch.from_numpy(rng.normal(size=(size, 1, side // cell + 1, side // cell + 1))).float()
        rough = functional.interpolate(noise, size=(side, side), mode="bicubic", align_corners=True)
        relief += cell**redness * rough
    strength = torch.from_numpy(RELIEF_DEVIATION * rng.random((size, 1, 1, 1)) ** 1.5).float()
    return strength * relief / relief.std((2, 3), keepdim=True)


def _tint(bands: Sequence[Sequence[Band]], rng: np.random.Generator) -> Tensor:
    """Brightness of clouds in each band relative to the simulated one, ``(size, band, 1, 1)``."""
    nm = np.array([[band.wavelength_nm or REFERENCE_NM for band in one] for one in bands])
    exponent = (rng.random((len(nm), 1)) >= UNCHANGED) * rng.uniform(*TINT_RANGE, (len(nm), 1))
    gain = exponent * np.log(np.minimum(nm, TINTED_NM) / REFERENCE_NM) + BAND_DEVIATION * rng.normal(size=nm.shape)
    low, high = VAPOUR_GAIN
    vapour = (VAPOUR_NM[0] < nm) & (nm < VAPOUR_NM[1])
    gain = np.exp(gain) * np.where(vapour, low * (high / low) ** rng.random((len(nm), 1)), 1.0)
    return torch.from_numpy(gain).float()[..., None, None]
