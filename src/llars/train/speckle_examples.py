"""Training data of the despeckling network: simulated speckle on ground of many kinds, and pairs of radar dates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from llars.bands import Band
from llars.data.corpus import Corpus, Scene
from llars.data.patches import PatchSource, turned
from llars.degrade.noise import speckle_in_decibels
from llars.degrade.radar import correlated_speckle_in_decibels
from llars.initial.denoising import find_noise
from llars.initial.despeckling import two_passes
from llars.initial.shrinkage import Noise
from llars.initial.speckle import DECIBELS
from llars.sensors import get_sensor

__all__ = ["Dates", "Examples", "Grounds", "draw", "draw_pairs", "examples_of", "read_dates"]

Image = NDArray[np.float32]

DECIBEL = 1.0 / (DECIBELS[1] - DECIBELS[0])
"""One decibel in unit values."""

SAME_PASS, DAY = 120, 86400
"""Dates of one orbit are acquired at the same time of day, within this many seconds; seconds of a day."""

BLOCKS = (3, 4)
"""Sides of the blocks of radar pixels whose power is averaged: some thirty to fifty looks remain."""

SPREAD = (0.5, 5.0)
"""Range of the standard deviation of the ground in decibels: 0.8 to 1.9 in means over many dates at 20 m."""

FIELDS_SHARE, FIELDS, FIELDS_SPREAD = 0.25, (2, 40), (0.5, 8.0)
"""Share of batches with even fields among those without real radar, their number, and the range of their deviation."""

CONTRAST = (0.6, 1.6)
"""Range of the factor on the contrast of averaged radar images."""

OWN_GROUND, OWN_CONTRAST = 0.3, (0.4, 1.6)
"""Share of real pairs that keep the ground of their place, and the range of the factor on its contrast."""

LEVEL = (-24.0, -6.0)
"""Range of the mean of the ground in decibels."""

DARKEST = 0.01
"""Added to unit values of optical images before their logarithm is taken."""

TEXTURED, TEXTURE = 0.5, 0.6
"""Share of images whose ground gets texture of one or two pixels, and its largest deviation relative to the spread."""

WITH_POINTS, POINTS = 0.2, 6
"""Share of images with point targets, and the largest number of them."""

POINT_DECIBELS = (8.0, 30.0)
"""Range of the peak of a point target above the mean of the ground."""

POINT_SIGMA_PX = (0.3, 0.9)
"""Range of the width of a point target."""

MOST_LOOKS = 20.0
SINGLE_LOOK = 0.25
"""Share of images with exactly one look; the logarithm of the others' number is uniform, up to ``MOST_LOOKS``."""

RADAR_SHARE = {24: 0.6, 32: 0.5, 48: 0.5, 64: 0.4}
"""Probability by side that the ground of a batch is radar, where there is any of that size; others are optical."""


@dataclass(frozen=True)
class Examples:
    """Speckled images, both passes of their classical estimate, and what they should become."""

    image: Tensor
    """``(batch, band, y, x)`` decibels as unit values, as are the others."""

    first: Tensor
    second: Tensor
    noise: Noise
    truth: Tensor

    def turned(self) -> Examples:
        """With x and y swapped; the noise is taken to be the same."""
        images = (self.image.mT, self.first.mT, self.second.mT)
        return Examples(*images, self.noise, self.truth.mT)


@dataclass(frozen=True)
class Dates:
    """The radar dates of one orbit over one place."""

    images: Image
    """``(date, band, y, x)`` decibels as unit values."""

    def pair(self, date: int) -> tuple[Image, Image]:
        """One date and the mean power of all others, in decibels, with the mean of that date: seasons change it."""
        image = self.images[date]
        others = decibels(power(np.delete(self.images, date, 0)).mean(0))
        return image, others + (level(image) - level(others))


class Grounds:
    """Ground without speckle: averaged radar images of a corpus, and its optical images."""

    def __init__(self, corpus: Corpus) -> None:
        self.optical = PatchSource(corpus)
        self.stretched = [averaged(scene.values.astype(np.float32), 4) for scene in corpus.scenes if _stretched(scene)]
        radar = [scene for scene in corpus.scenes if scene.sensor == "sentinel1-grd-db" and _measured(scene)]
        whole = [scene.crop(range(len(scene.bands)), 0, 0, *scene.shape) for scene in radar]
        self.radar = [decibels(averaged(power(image), side)) for image in whole for side in BLOCKS]

    def draw(self, count: int, side: int, size: int, rng: np.random.Generator) -> Tensor:
        """``(size, count, side, side)`` decibels as unit values."""
        radar = [image for image in self.radar if min(image.shape[1:]) >= side and len(image) >= count]
        if radar and rng.random() < RADAR_SHARE.get(side, 0.0):
            clean = _crops(radar, count, side, size, rng)
            mean = clean.mean((2, 3), keepdims=True)
            contrast = _log_uniform(*CONTRAST, (size, 1, 1, 1), rng)
            shift = DECIBEL * rng.normal(0.0, 3.0, (size, count, 1, 1))
            return torch.from_numpy((mean + contrast * (clean - mean) + shift).astype(np.float32))
        if rng.random() < FIELDS_SHARE:
            return torch.from_numpy(_as_radar(_fields(count, side, size, rng), rng, FIELDS_SPREAD))
        stretched = [image for image in self.stretched if min(image.shape[1:]) >= side]
        if stretched and count == 1 and rng.random() < 0.5:
            structure = _crops(stretched, 1, side, size, rng)
        else:
            optical = self.optical.draw(count, side, size, rng, averaged=0.3, optical=True).clean.numpy()
            structure = np.log(np.maximum(optical, 0.0) + DARKEST)
        return torch.from_numpy(_as_radar(structure, rng))


def draw(grounds: Grounds, count: int, side: int, size: int, rng: np.random.Generator) -> Examples:
    """``size`` images with simulated speckle, white or correlated, some with point targets."""
    clean = grounds.draw(count, side, size, rng)
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    looks = np.where(rng.random(size) < SINGLE_LOOK, 1.0, _log_uniform(1.0, MOST_LOOKS, size, rng))
    severity = torch.from_numpy(looks**-0.5)
    kinds = speckle_in_decibels(DECIBELS), correlated_speckle_in_decibels(DECIBELS)
    chosen = kinds[int(rng.random() < 0.5)]
    image = chosen(clean, severity, generator)
    points = torch.from_numpy(_points(count, side, size, rng))
    image, truth = (_with_points(each, points, clean) for each in (image, clean))
    return examples_of(image, truth)


def draw_pairs(
    grounds: Grounds, dates: Sequence[Dates], count: int, side: int, size: int, rng: np.random.Generator
) -> Examples:
    """``size`` images with real speckle: what a date differs by from the mean of the others of its orbit.

    It lies on the ground of that place with another contrast, or else on other ground: there are few places, which the
    network would know by heart.
    """
    weights = np.array([len(one.images) for one in dates], dtype=float)
    windows = []
    for _ in range(size):
        orbit = dates[int(rng.choice(len(dates), p=weights / weights.sum()))]
        pair = orbit.pair(int(rng.integers(len(orbit.images))))
        windows.append(_crop(np.stack(pair, 1), count, side, rng))
    image, others = np.stack(windows).swapaxes(0, 2).swapaxes(1, 2)
    mean = others.mean((2, 3), keepdims=True)
    own = mean + _log_uniform(*OWN_CONTRAST, (size, 1, 1, 1), rng) * (others - mean)
    ground = np.where(rng.random((size, 1, 1, 1)) < OWN_GROUND, own, grounds.draw(count, side, size, rng).numpy())
    return examples_of(*(torch.from_numpy(one.astype(np.float32)) for one in (image - others + ground, ground)))


def examples_of(image: Tensor, truth: Tensor) -> Examples:
    """The classical estimates of speckled images, with the speckle that is found in each, as in use."""
    radar = get_sensor("sentinel1-grd-db")
    bands: list[Band] = [radar.band(("VV", "VH")[index % 2]) for index in range(image.shape[1])]
    valid = np.ones(image.shape[1:], dtype=bool)[None]
    noise = Noise.stacked([find_noise(part[None].numpy(), valid, bands) for part in image])
    with torch.no_grad():
        first, second = two_passes(image, noise)
    return Examples(image, first, second, noise, truth)


def read_dates(path: Path) -> list[Dates]:
    """The orbits of a series, a ``.npz`` file with ``s1_20m`` (dB / 100) and ``s1_20m_days`` (seconds)."""
    with np.load(path, allow_pickle=False) as series:
        images, seconds = series["s1_20m"].astype(np.float32) / 100.0, series["s1_20m_days"]
    moment = seconds % DAY
    order = np.argsort(moment)
    breaks = np.flatnonzero(np.diff(moment[order]) > SAME_PASS) + 1
    return [Dates((images[np.sort(group)] - DECIBELS[0]) * np.float32(DECIBEL)) for group in np.split(order, breaks)]


def power(image: Image) -> NDArray[np.float64]:
    """Linear power of decibels as unit values."""
    return np.asarray(10.0 ** ((image.astype(np.float64) / DECIBEL + DECIBELS[0]) / 10.0))


def decibels(linear: NDArray[np.floating]) -> Image:
    """Decibels as unit values from linear power."""
    return np.asarray((10.0 * np.log10(np.maximum(linear, 1e-12)) - DECIBELS[0]) * DECIBEL, dtype=np.float32)


def level(image: Image) -> Image:
    """Mean power of every band ``(band, 1, 1)``, in decibels as unit values."""
    return decibels(power(image).mean((-2, -1), keepdims=True))


def averaged(image: NDArray[np.floating], side: int) -> NDArray[np.floating]:
    """Means over blocks of ``side`` pixels: ``(band, y, x)``; incomplete blocks are left out."""
    height, width = (length // side for length in image.shape[1:])
    blocks = image[:, : height * side, : width * side].reshape(len(image), height, side, width, side)
    return np.asarray(blocks.mean(axis=(2, 4)))


def _measured(scene: Scene) -> bool:
    """Whether a radar scene is a single image on its own grid, not one of a series or its mean."""
    return scene.valid is None and not scene.clean and "worldcereal" not in scene.group


def _stretched(scene: Scene) -> bool:
    return scene.sensor == "sentinel1-8bit" and scene.valid is None


def _crops(images: Sequence[NDArray[np.floating]], count: int, side: int, size: int, rng: np.random.Generator) -> Image:
    return np.stack([_crop(images[int(rng.integers(len(images)))], count, side, rng) for _ in range(size)])


def _crop(image: NDArray[np.floating], count: int, side: int, rng: np.random.Generator) -> Image:
    """A random window ``(count, ..., side, side)`` with some of the bands, flipped and transposed at random."""
    channels = rng.permutation(len(image))[:count]
    y, x = (int(rng.integers(length - side + 1)) for length in image.shape[-2:])
    window = image[channels][..., y : y + side, x : x + side].astype(np.float32)
    flat = turned(window.reshape(-1, side, side), int(rng.integers(8)))
    return np.ascontiguousarray(flat).reshape(window.shape)


def _fields(count: int, side: int, size: int, rng: np.random.Generator) -> Image:
    """Even fields of any shape, each nearest to its own centre, ``(size, count, side, side)``."""
    result = np.empty((size, count, side, side), dtype=np.float32)
    for image in result:
        centres = rng.uniform(0, side, (int(rng.integers(*FIELDS)), 2, 1, 1))
        distance = np.abs(np.indices((side, side)) - centres) ** rng.choice((1.0, 2.0))
        levels = rng.normal(size=(count, len(centres))) + rng.normal(size=len(centres))
        image[:] = levels[:, distance.sum(1).argmin(0)]
    return result


def _as_radar(structure: Image, rng: np.random.Generator, spreads: tuple[float, float] = SPREAD) -> Image:
    """Images of any units as ground of a radar: with its spread and level, and with texture of its own."""
    size, count, side = structure.shape[:3]
    structure = structure - structure.mean((2, 3), keepdims=True)
    structure = structure / np.maximum(structure.std((2, 3), keepdims=True), 1e-3)
    structure = structure * np.where(rng.random((size, 1, 1, 1)) < 0.3, -1.0, 1.0)
    rough = rng.normal(size=(size, 1, side, side)) + 0.5 * rng.normal(size=(size, count, side, side))
    texture = torch.from_numpy(rough)
    if rng.random() < 0.5:
        texture = functional.avg_pool2d(functional.pad(texture, [1] * 4, mode="replicate"), 3, 1) * 2.0
    share = TEXTURE * rng.random((size, 1, 1, 1)) * (rng.random((size, 1, 1, 1)) < TEXTURED)
    spread = _log_uniform(*spreads, (size, 1, 1, 1), rng) * _log_uniform(0.8, 1.25, (size, count, 1, 1), rng)
    level = rng.uniform(*LEVEL, (size, count, 1, 1))
    ground = level + spread * (structure + share * texture.numpy()).clip(-4.0, 4.0)
    return np.asarray((ground - DECIBELS[0]) * DECIBEL, dtype=np.float32)


def _points(count: int, side: int, size: int, rng: np.random.Generator) -> Image:
    """Power of point targets relative to the mean of the ground, ``(size, count, side, side)``."""
    points = np.zeros((size, count, side, side), dtype=np.float32)
    axis = np.arange(side)
    for row in np.flatnonzero(rng.random(size) < WITH_POINTS):
        sigma = rng.uniform(*POINT_SIGMA_PX)
        for _ in range(int(rng.integers(1, POINTS + 1))):
            y, x = rng.uniform(0, side, 2)
            shape = np.exp(-0.5 * ((axis - y) / sigma) ** 2)[:, None] * np.exp(-0.5 * ((axis - x) / sigma) ** 2)
            peak = 10.0 ** ((rng.uniform(*POINT_DECIBELS) + rng.normal(0.0, 3.0, (count, 1, 1))) / 10.0)
            points[row] += peak * shape
    return points


def _with_points(image: Tensor, points: Tensor, clean: Tensor) -> Tensor:
    """Decibels as unit values with the power of points added; it is relative to the mean of ``clean``."""
    nepers = torch.tensor(np.log(10.0) / (10.0 * DECIBEL), dtype=image.dtype)
    ground = clean.mean((2, 3), keepdim=True)
    return torch.logaddexp((image - ground) * nepers, points.log()) / nepers + ground


def _log_uniform(low: float, high: float, shape: int | tuple[int, ...], rng: np.random.Generator) -> Any:
    return np.asarray(low * (high / low) ** rng.random(shape))
