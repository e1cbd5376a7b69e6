"""Examples from which correction networks learn: images with a simulated fault, and their classical estimates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from llars.bands import Band
from llars.data.patches import PatchSource
from llars.degrade import get
from llars.initial.denoising import deviation_of, find_noise
from llars.initial.shrinkage import Noise, shrunk
from llars.initial.stripes import line_estimate

__all__ = ["Examples", "noisy", "striped"]

Name = TypeVar("Name")

COUNTS = {1: 0.25, 3: 0.3, 4: 0.25, 6: 0.1, 10: 0.1}
"""Probability of each number of bands."""

VALUES = 2**17
"""Values per batch: the larger its images, and the more bands they have, the fewer they are."""

SEVERITY = (0.04, 1.2)
"""Range of the severities, whose logarithm is uniform; those above 1 count as 1."""

NOISY_SIDES = {64: 0.25, 96: 0.45, 160: 0.3}
"""Probability of each side of a noisy image in pixels."""

NOISES = {"gaussian_noise": 0.4, "poisson_noise": 0.15, "uniform_noise": 0.1, "resampled_noise": 0.35}
"""Probability of each kind of noise."""

STRIPED_SIDES = {96: 0.4, 160: 0.4, 256: 0.2}
"""Probability of each side of an image with stripes."""

STRIPES = {
    "detector_stripes": 0.6,
    "dead_lines": 0.12,
    "uniform_stripes": 0.12,
    "uneven_stripes": 0.08,
    "rotated_stripes": 0.08,
}
"""Probability of each kind of stripes."""

CLEAN = 0.1
"""Share of images without stripes among those that should have some."""


@dataclass(frozen=True)
class Examples:
    """Images with a fault, ``(batch, band, y, x)`` unit values."""

    image: Tensor
    estimate: Tensor
    """The image without its fault, as far as a classical method removes it."""
    scale: Tensor
    """Size of the fault at each pixel."""
    truth: Tensor
    best: Tensor
    """The best classical estimate, which gains are relative to."""

    def turned(self) -> Examples:
        """With x and y swapped."""
        return Examples(self.image.mT, self.estimate.mT, self.scale.mT, self.truth.mT, self.best.mT)


@torch.no_grad()
def noisy(source: PatchSource, rng: np.random.Generator) -> Examples:
    """A batch of images with simulated noise."""
    truth, image, bands = _degraded(source, NOISY_SIDES, NOISES, rng)
    valid = np.ones(image.shape[1:], dtype=bool)[None]
    noise = Noise.stacked([find_noise(part[None].numpy(), valid, own) for part, own in zip(image, bands, strict=True)])
    estimate = shrunk(image, noise)
    return Examples(image, estimate, deviation_of(noise, estimate), truth, shrunk(image, noise, estimate))


@torch.no_grad()
def striped(source: PatchSource, rng: np.random.Generator) -> Examples:
    """A batch of images with simulated stripes, a few of them without."""
    truth, image, _ = _degraded(source, STRIPED_SIDES, STRIPES, rng, CLEAN)
    found = line_estimate(image)
    return Examples(image, found.estimate, found.scale.expand_as(image), truth, found.estimate)


def _degraded(
    source: PatchSource,
    sides: dict[int, float],
    kinds: dict[str, float],
    rng: np.random.Generator,
    clean: float = 0.0,
) -> tuple[Tensor, Tensor, list[tuple[Band, ...]]]:
    """Optical patches, the same with a fault, and the bands of each."""
    side, count = _drawn(sides, rng), _drawn(COUNTS, rng)
    size = max(1, VALUES // (count * side**2))
    drawn = source.draw(count, side, size, rng, averaged=0.3, optical=True)
    weakest, strongest = SEVERITY
    severity = torch.from_numpy(weakest * (strongest / weakest) ** rng.random(size)).float().clamp(max=1.0)
    severity[torch.from_numpy(rng.random(size) < clean)] = 0.0
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    return drawn.clean, get(_drawn(kinds, rng))(drawn.clean, severity, generator=generator), drawn.bands


def _drawn(odds: dict[Name, float], rng: np.random.Generator) -> Name:
    return [*odds][int(rng.choice(len(odds), p=[*odds.values()]))]
