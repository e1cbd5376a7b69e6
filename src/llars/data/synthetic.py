"""Pairs of degraded and clean patches, made from clean ones. All images are unit values ``(batch, band, y, x)``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from llars.bands import Band, Modality, Polarisation
from llars.degrade import get, sample_operator
from llars.degrade.registry import in_decibels
from llars.degrade.resolution import enlarge_exactly, reduce
from llars.sample import Batch
from llars.sensors import get_sensor
from llars.tasks import TASK_KEYS, brightness_gain

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

__all__ = [
    "CHAIN",
    "GRID",
    "SAR_RANGE",
    "Pair",
    "backscatter",
    "brighten",
    "cut",
    "damage",
    "faults_of",
    "operate",
    "random_brightness",
    "severities",
    "speckle",
    "untouched",
    "upsample",
]

CHAIN = ("haze", "deblur", "destripe", "denoise")
"""Faults in the order in which atmosphere, optics and detector cause them."""

GRID = 12
"""Smallest side that every super-resolution factor (2, 3, 4) divides."""

SAR_RANGE = get_sensor("sentinel1-grd-db").valid_range
"""Backscatter in dB that stands for unit values 0 and 1."""

STRENGTHS = (-1.0, -0.5, -0.25, 0.25, 0.5, 1.0)
"""Brightness strengths that words can ask for: slightly, plainly, strongly."""

MIN_STRENGTH, MAX_STRENGTH = 0.05, 1.0
"""Range of severities in training: below ``MIN_STRENGTH`` a fault is hidden by the noise of the clean images."""


@dataclass(frozen=True)
class Pair:
    """Degraded and clean patches."""

    degraded: Tensor
    """``(batch, band, y, x)`` unit values."""

    clean: Tensor
    """The truth, same shape."""

    severity: Tensor
    """``(batch,)`` severity of the fault that the words ask to remove."""

    faults: Tensor
    """``(batch, task)`` severity of every fault in ``degraded``."""

    factor: int = 1
    """How many times coarser the original grid of ``degraded`` was; enlarging it has kept the area means."""

    guides: Tensor | None = None
    """``(batch, guide, y, x)`` unit values of the guides; None if the task has none."""

    guide_bands: Sequence[tuple[Band, ...]] = ()
    """Bands of the guides of each image."""

    observed: Tensor | None = None
    """The degraded image, if ``degraded`` is an initial estimate made from it."""

    def batch(self, task: str, bands: Sequence[tuple[Band, ...]], instruction: Tensor) -> Batch:
        """The patches as a batch of ``task``.

        ``bands`` are those of each image, without its guides; ``instruction`` is ``(batch, 384)`` sentence vectors.
        """
        count = len(self.clean)
        guide_bands = self.guide_bands or [()] * count
        return Batch(
            degraded=self.degraded,
            clean=self.clean,
            bands=[(*own, *guides) for own, guides in zip(bands, guide_bands, strict=True)],
            task=torch.full((count,), TASK_KEYS.index(task)),
            severity=self.severity,
            instruction=instruction,
            faults=self.faults,
            factor=torch.full((count,), self.factor),
            guides=self.degraded[:, :0] if self.guides is None else self.guides,
            observed=self.observed,
        )


def damage(
    task: str,
    clean: Tensor,
    bands: Sequence[Sequence[Band]],
    rng: np.random.Generator,
    generator: torch.Generator,
    second: bool = False,
) -> Pair:
    """One fault of ``CHAIN`` at random severities, with one operator for the whole batch.

    With ``second``, a milder fault from earlier in the chain is in image and truth alike, as the words do not ask for
    its removal. It must be an earlier one: removing the first fault (haze) would alter a later one (noise), and there
    would be no single truth.
    """
    count = len(clean)
    severity = severities(rng, count)
    faults = faults_of(task, severity)
    earlier = CHAIN[: CHAIN.index(task)]
    if second and earlier:
        other = earlier[int(rng.integers(len(earlier)))]
        mild = severities(rng, count) * 0.5
        # Operators may return other strides, which the next operator would pass on.
        clean = sample_operator(other, generator)(clean, mild, generator=generator, bands=bands).contiguous()
        faults[:, TASK_KEYS.index(other)] = mild
    degraded = sample_operator(task, generator)(clean, severity, generator=generator, bands=bands)
    return Pair(degraded, clean, severity, faults)


def untouched(clean: Tensor) -> Pair:
    """Patches without a fault, whatever the words say."""
    severity = torch.zeros(len(clean))
    return Pair(clean.clone(), clean, severity, faults_of("denoise", severity))


def operate(task: str, clean: Tensor, generator: torch.Generator) -> Pair:
    """Images and the results of an exact operation (``equalize``, ``stretch``), in full whatever the words say."""
    full = torch.ones(len(clean))
    # No entry among the faults: nothing is wrong with an image whose histogram is uneven.
    return Pair(clean, get(task)(clean, full, generator=generator), full, torch.zeros(len(clean), len(TASK_KEYS)))


def upsample(clean: Tensor, factor: int) -> Pair:
    """Images reduced by ``factor`` (2, 3 or 4) and enlarged again; sides must be multiples of ``GRID``."""
    severity = torch.full((len(clean),), (factor - 1) / 3)
    return Pair(enlarge_exactly(reduce(clean, factor), factor), clean, severity, faults_of("sr", severity), factor)


def brighten(
    clean: Tensor, strength: NDArray[np.float64], darkness: NDArray[np.float64], ranges: Sequence[tuple[float, float]]
) -> Pair:
    """Images darkened by ``darkness`` stops each, and the same brightened by ``strength`` stops (-1 to 1)."""
    degraded = _gained(clean, [brightness_gain(-stops) for stops in darkness.tolist()], ranges)
    target = _gained(degraded, [brightness_gain(stops) for stops in strength.tolist()], ranges)
    # No entry among the faults: a dark image may show something dark.
    return Pair(degraded, target, torch.from_numpy(strength).float(), torch.zeros(len(clean), len(TASK_KEYS)))


def random_brightness(count: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Strengths that words can ask for, and stops by which images are darkened: 70 % of those to be brightened."""
    strength = rng.choice(STRENGTHS, size=count)
    return strength, np.where((strength > 0) & (rng.random(count) < 0.7), strength, 0.0)


def backscatter(clean: Tensor, rng: np.random.Generator) -> tuple[Tensor, list[tuple[Band, ...]]]:
    """Speckle-free radar images simulated from optical bands, in unit values of ``SAR_RANGE``, and their bands.

    The structures are kept; mean and standard deviation become those of land and water in C band (mean -20 to -6 dB,
    standard deviation 2 to 6 dB; cross-polarised some 7 dB lower). About half of the patches are inverted.
    """
    count, channels = clean.shape[:2]
    spread, mean = clean.std(dim=(2, 3), keepdim=True), clean.mean(dim=(2, 3), keepdim=True)
    contrast = ((clean - mean) / spread.clamp_min(1e-4)).clamp(-3.0, 3.0)
    level = rng.uniform(-20.0, -6.0, (count, 1)) - 7.0 * np.arange(channels) + rng.normal(0.0, 1.0, (count, channels))
    width = rng.uniform(2.0, 6.0, (count, 1)) * rng.choice((-1.0, 1.0), (count, 1)) * np.ones((1, channels))
    decibels = torch.from_numpy(level)[:, :, None, None] + torch.from_numpy(width)[:, :, None, None] * contrast
    low, high = SAR_RANGE
    unit = ((decibels.clamp(low, high) - low) / (high - low)).float()
    names = (Polarisation.VV, Polarisation.VH)[:channels]
    bands = tuple(Band(p.value.upper(), gsd_m=10.0, modality=Modality.SAR, polarisation=p) for p in names)
    return unit, [bands] * count


def speckle(clean: Tensor, rng: np.random.Generator, generator: torch.Generator) -> Pair:
    """Multi-look speckle of 1 to 10 looks on unit values of ``SAR_RANGE``, multiplicative in linear power.

    Half of the batches have correlated speckle, as in products sampled more finely than their resolution. Severity is
    the standard deviation in dB on the scale of ``denoise`` (0.1 of the value range at severity 1).
    """
    looks = round(math.exp(rng.uniform(0.0, math.log(10.0))))
    operator = get("correlated_speckle" if rng.random() < 0.5 else "speckle")
    degraded = in_decibels(operator, SAR_RANGE)(clean, looks**-0.5, generator=generator)
    low, high = SAR_RANGE
    decibels = 10.0 / math.log(10.0)
    # Trigamma function: the variance of the logarithm of a gamma variable.
    deviation = decibels * math.sqrt(1 / looks + 1 / (2 * looks**2) + 1 / (6 * looks**3)) / (high - low)
    severity = torch.full((len(clean),), min(1.0, deviation / 0.1))
    return Pair(degraded.clamp(0.0, 1.0), clean, severity, faults_of("denoise", severity))


def cut(pair: Pair, start: int, side: int) -> Pair:
    """The square of ``side`` pixels whose upper left pixel is ``(start, start)``."""
    inner = (..., slice(start, start + side), slice(start, start + side))
    guides, observed = (None if image is None else image[inner] for image in (pair.guides, pair.observed))
    return replace(pair, degraded=pair.degraded[inner], clean=pair.clean[inner], guides=guides, observed=observed)


def _gained(image: Tensor, gains: Sequence[float], value_ranges: Sequence[tuple[float, float]]) -> Tensor:
    """Unit values after the physical values are multiplied by one gain per image."""
    gain = torch.tensor(gains, dtype=image.dtype).view(-1, 1, 1, 1)
    floor = torch.tensor([low / (high - low) for low, high in value_ranges], dtype=image.dtype).view(-1, 1, 1, 1)
    return image * gain + floor * (gain - 1.0)


def faults_of(task: str, severity: Tensor) -> Tensor:
    """``(batch, task)`` severities, zero except for one task."""
    faults = torch.zeros(len(severity), len(TASK_KEYS))
    faults[:, TASK_KEYS.index(task)] = severity
    return faults


def severities(rng: np.random.Generator, count: int) -> Tensor:
    """Severities uniformly distributed between ``MIN_STRENGTH`` and ``MAX_STRENGTH``."""
    return torch.from_numpy(rng.uniform(MIN_STRENGTH, MAX_STRENGTH, count)).float()
