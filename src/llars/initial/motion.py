"""Straight motion blur: its length and direction, estimated from the zeros that it leaves in the spectrum.

The transfer function of a motion path is zero along lines; the power spectrum of the ground depends far less on
direction. So the ground's power is assumed constant around each ring of frequencies, and eliminated ring by ring. The
profile of Whittle's likelihood that remains is so sharply peaked that the length is found to a tenth of a pixel and
the direction to a degree. Isotropic blurs do not change it; where it hardly rises, there was no motion.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from llars.degrade.blur import convolve, motion_kernels
from llars.initial.filters import extended, filtered, inverse, squared_differences
from llars.initial.spectra import power, rings

__all__ = ["REACH_PX", "ROUNDS", "Motion", "find_motion", "motion_deblurred", "motion_transfers"]

LENGTHS_PX = 2.0 ** torch.arange(1.0, 4.1, 0.25)
DIRECTIONS = 48
DIRECTION_STEP = math.pi / DIRECTIONS
HALVINGS = 5
"""Search passes around the best path so far, each with half the steps in length and direction."""

CANDIDATES = 4
"""Lengths that are refined: paths of half and twice the length share some of the zeros."""

MIN_LENGTH_PX = 1.75
"""Shorter paths leave no zeros in the spectrum."""

MIN_EVIDENCE = 0.3
"""Least log-likelihood ratio of a path to no path, per frequency."""

FLOOR = 1e-3
"""Power added to the squared transfer function: what rounding and the windows' edges leave at its zeros."""

ROUGHNESS = 10.0 ** torch.arange(-5.0, 0.5, 0.5)
"""Candidate noise-to-ground ratios; see ``inverse``."""

ROUGHNESS_FACTOR = 3.0
"""Factor on the roughness that filters are made for: what lies beyond the image's edges is unknown too."""

MIN_ROUGHNESS = 2e-3
"""Lower bound of the roughness for a path of 8 pixels: the longer a path, the denser its zeros, which cause ringing."""

REACH_PX = 63
"""Half width of a filter in pixels."""

ROUNDS = 3
"""Times that the pixels beyond the edges are re-estimated."""


@dataclass(frozen=True)
class Motion:
    """The straight path of a motion blur."""

    length_px: float
    """Distance from its first point to its last."""

    direction: float
    """Radians from the x axis towards y, in [0, pi)."""

    roughness: float
    """Noise-to-ground ratio, see ``inverse``."""

    @functools.cached_property
    def filters(self) -> Tensor:
        """The Wiener filter that undoes the blur away from edges: ``(1, size, size)``."""
        transfer = motion_transfers(torch.tensor([[self.length_px, self.direction]]), 2 * REACH_PX + 2)
        roughness = max(ROUGHNESS_FACTOR * self.roughness, MIN_ROUGHNESS * (self.length_px / 8.0) ** 4)
        return inverse(transfer, transfer.square(), torch.tensor([roughness]))


@dataclass(frozen=True)
class _Spectrum:
    """The power spectrum of windows of equal side, at the frequencies that are used."""

    power: Tensor
    """``(band, frequency)`` of the bands that have any contrast."""

    side: int
    """Of the windows, in pixels."""

    def likelihood(self, transfers: Tensor, roughness: Tensor | float) -> Tensor:
        """``(kernel,)`` log-likelihood ratios to no blur, per frequency, of transfer functions ``(kernel, y, x)``."""
        ring, used = rings(self.side)
        noise = torch.as_tensor(roughness).view(-1, 1, 1) * squared_differences(self.side).square()
        expected = (_leaked(transfers.square()) + FLOOR + noise)[:, used]
        count = ring.bincount()
        gain = torch.zeros(len(expected), dtype=expected.dtype)
        for band in self.power:
            ground = torch.zeros(len(expected), len(count)).index_add_(1, ring, band / expected) / count
            before = torch.zeros(len(count)).index_add_(0, ring, band) / count
            gain -= (count * (ground / before).log()).sum(1)
        return (gain / len(self.power) - expected.log().sum(1)) / len(ring)


def find_motion(windows: Tensor, roughness: float) -> Motion | None:
    """The motion path that blurred ``(window, band, side, side)`` values of any scale; None if none is found.

    ``roughness`` is a guess at the noise-to-ground ratio, see ``inverse``.
    """
    side = windows.shape[-1]
    spectrum = _Spectrum(power(windows, torch.hann_window(side, periodic=False)), side)
    if not len(spectrum.power):
        return None
    likelihoods = spectrum.likelihood(_coarse(side), roughness).view(len(LENGTHS_PX), DIRECTIONS).max(1)
    if float(likelihoods.values.max()) < MIN_EVIDENCE:
        return None
    chosen = likelihoods.values.topk(CANDIDATES).indices
    paths = torch.stack([LENGTHS_PX[chosen], likelihoods.indices[chosen] * DIRECTION_STEP], 1)
    path = _refined_path(spectrum, paths, roughness)
    noises = spectrum.likelihood(motion_transfers(path.expand(len(ROUGHNESS), 2), side), ROUGHNESS)
    roughness = float(ROUGHNESS[int(noises.argmax())])
    length, direction = _refined_path(spectrum, path[None], roughness).tolist()
    return Motion(length, direction % math.pi, roughness) if length >= MIN_LENGTH_PX else None


def _refined_path(spectrum: _Spectrum, paths: Tensor, roughness: float) -> Tensor:
    """The most likely path ``(2,)`` near ``(path, 2)``."""
    steps = torch.cartesian_prod(*[torch.tensor([-1.0, -0.5, 0.0, 0.5, 1.0])] * 2) * torch.tensor([1.0, DIRECTION_STEP])
    for halving in range(HALVINGS):
        candidates = paths[:, None] + steps * 0.5**halving
        likelihoods = spectrum.likelihood(motion_transfers(candidates.view(-1, 2), spectrum.side), roughness).view(
            len(paths), -1
        )
        paths = candidates[torch.arange(len(paths)), likelihoods.argmax(1)]
    return paths[int(likelihoods.amax(1).argmax())]


def motion_deblurred(image: Tensor, motion: Motion, rounds: int = ROUNDS) -> Tensor:
    """``(1, band, y, x)`` with the motion blur undone.

    The sharp ground is assumed to be mirrored at the edges. Blurred obliquely, it is not the mirror image of the
    blurred image. So in each of the ``rounds``, the pixels beyond the edges are made anew by mirroring and blurring the
    result so far.
    """
    kernel = motion_kernels(torch.tensor([motion.length_px]), torch.tensor([motion.direction]))
    level = image.mean((-2, -1), keepdim=True)
    inside = (..., slice(REACH_PX, -REACH_PX), slice(REACH_PX, -REACH_PX))
    padded = extended(image - level, REACH_PX)
    for _ in range(rounds):
        padded = convolve(extended(filtered(padded, motion.filters), REACH_PX), kernel)
        padded[inside] = image - level
    return filtered(padded, motion.filters) + level


def motion_transfers(paths: Tensor, side: int) -> Tensor:
    """``(path, side, side // 2 + 1)``: transfer functions of ``(path, 2)`` lengths and directions."""
    kernels = motion_kernels(paths[:, 0].clamp_min(0.5), paths[:, 1])
    size = kernels.shape[-1]
    placed = functional.pad(kernels / kernels.sum((1, 2), keepdim=True), [0, side - size] * 2)
    transfers: Tensor = torch.fft.rfft2(placed.roll((-(size // 2), -(size // 2)), (1, 2))).real
    return transfers


@functools.cache
def _coarse(side: int) -> Tensor:
    """Transfer functions of every length in every direction."""
    return motion_transfers(torch.cartesian_prod(LENGTHS_PX, torch.arange(DIRECTIONS) * DIRECTION_STEP), side)


def _leaked(squares: Tensor) -> Tensor:
    """Squared transfer functions with the leakage of a tapered window: smoothed over neighbouring frequencies."""
    # Only half the spectrum is kept; beyond both its ends lies the same spectrum turned by 180 degrees.
    turned = squares[..., [1, -2]].flip(1).roll(1, 1)
    mirrored = torch.cat([turned[..., :1], squares, turned[..., 1:]], -1)
    padded = torch.cat([mirrored[:, -1:], mirrored, mirrored[:, :1]], 1)
    weights = torch.tensor([1.0, 4.0, 1.0]) / 6
    leaked: Tensor = functional.conv2d(padded[:, None], (weights[:, None] * weights)[None, None])[:, 0]
    return leaked
