"""The straight path along which a scene was smeared, told from the zeros that it leaves in the spectrum.

The power of the ground depends on direction far less than that of a path, whose transfer is zero along lines. So it is
taken for the same all around each ring of frequency, and eliminated ring by ring: what is left of Whittle's likelihood
is so sharply peaked that length and direction come out to a tenth of a pixel and a degree. Blurs that are alike in all
directions do not change it; where it hardly rises, there was no path.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from llars.degrade.blur import convolve, motion_kernels
from llars.starts.filters import extended, filtered, inverse, squared_differences
from llars.starts.spectra import power, rings

__all__ = ["REACH_PX", "ROUNDS", "Motion", "find_motion", "motion_transfers", "straightened"]

LENGTHS_PX = 2.0 ** torch.arange(1.0, 4.1, 0.25)
DIRECTIONS = 48
TURN = math.pi / DIRECTIONS
HALVINGS = 5
"""Times that the steps of length and direction are halved, around the best so far."""

STARTS = 4
"""Lengths that are followed up: half a path and twice a path share some of its zeros."""

LEAST_PX = 1.75
"""Shorter paths leave no zeros to tell them by."""

EVIDENCE = 0.3
"""Least logarithm of the likelihood over that of no path, per frequency."""

FLOOR = 1e-3
"""Power beside that of the transfer: what rounding and the windows' edges leave where a path leaves none."""

ROUGHNESS = 10.0 ** torch.arange(-5.0, 0.5, 0.5)
"""Noise over ground that is tried; see ``inverse``."""

CAUTION = 3.0
"""How much more of it a filter is made for: what is beyond the image's edges is not known either."""

DOUBT = 2e-3
"""Least roughness that is allowed for at a path of 8 pixels: the longer a path, the closer its zeros, and they ring."""

REACH_PX = 63
"""Pixels to each side that a filter looks at."""

ROUNDS = 3
"""Times that what lies beyond the edges is found anew."""


@dataclass(frozen=True)
class Motion:
    """A path."""

    length_px: float
    """From its first point to its last."""

    direction: float
    """Radians from the x axis towards y, in [0, pi)."""

    roughness: float
    """Noise over ground, see ``inverse``."""

    @functools.cached_property
    def filters(self) -> Tensor:
        """What undoes it, but for edges: ``(1, size, size)``."""
        transfer = motion_transfers(torch.tensor([[self.length_px, self.direction]]), 2 * REACH_PX + 2)
        roughness = max(CAUTION * self.roughness, DOUBT * (self.length_px / 8.0) ** 4)
        return inverse(transfer, transfer.square(), torch.tensor([roughness]))


@dataclass(frozen=True)
class _Spectrum:
    """The power of windows of one side, at the frequencies that are looked at."""

    power: Tensor
    """``(band, frequency)`` of the bands that have any contrast."""

    side: int
    """Of the windows, in pixels."""

    def likelihood(self, transfers: Tensor, roughness: Tensor | float) -> Tensor:
        """``(kernel,)`` logarithms over that of no blur, per frequency, of transfers ``(kernel, y, x)``."""
        ring, looked_at = rings(self.side)
        noise = torch.as_tensor(roughness).view(-1, 1, 1) * squared_differences(self.side).square()
        left = (_leaked(transfers.square()) + FLOOR + noise)[:, looked_at]
        count = ring.bincount()
        gain = torch.zeros(len(left), dtype=left.dtype)
        for band in self.power:
            ground = torch.zeros(len(left), len(count)).index_add_(1, ring, band / left) / count
            before = torch.zeros(len(count)).index_add_(0, ring, band) / count
            gain -= (count * (ground / before).log()).sum(1)
        return (gain / len(self.power) - left.log().sum(1)) / len(ring)


def find_motion(windows: Tensor, roughness: float) -> Motion | None:
    """The path that smeared ``(window, band, side, side)`` of values of any scale; None where none is seen.

    ``roughness`` is a guess at the noise over the ground, see ``inverse``.
    """
    side = windows.shape[-1]
    spectrum = _Spectrum(power(windows, torch.hann_window(side, periodic=False)), side)
    if not len(spectrum.power):
        return None
    likely = spectrum.likelihood(_coarse(side), roughness).view(len(LENGTHS_PX), DIRECTIONS).max(1)
    if float(likely.values.max()) < EVIDENCE:
        return None
    chosen = likely.values.topk(STARTS).indices
    paths = torch.stack([LENGTHS_PX[chosen], likely.indices[chosen] * TURN], 1)
    path = _climbed(spectrum, paths, roughness)
    noises = spectrum.likelihood(motion_transfers(path.expand(len(ROUGHNESS), 2), side), ROUGHNESS)
    roughness = float(ROUGHNESS[int(noises.argmax())])
    length, direction = _climbed(spectrum, path[None], roughness).tolist()
    return Motion(length, direction % math.pi, roughness) if length >= LEAST_PX else None


def _climbed(spectrum: _Spectrum, paths: Tensor, roughness: float) -> Tensor:
    """The likeliest path ``(2,)`` around ``(path, 2)``."""
    steps = torch.cartesian_prod(*[torch.tensor([-1.0, -0.5, 0.0, 0.5, 1.0])] * 2) * torch.tensor([1.0, TURN])
    for halving in range(HALVINGS):
        tried = paths[:, None] + steps * 0.5**halving
        likely = spectrum.likelihood(motion_transfers(tried.view(-1, 2), spectrum.side), roughness).view(len(paths), -1)
        paths = tried[torch.arange(len(paths)), likely.argmax(1)]
    return paths[int(likely.amax(1).argmax())]


def straightened(image: Tensor, motion: Motion, rounds: int = ROUNDS) -> Tensor:
    """``(1, band, y, x)`` with the path undone.

    It is the sharp ground that goes on beyond the edges as its mirror image; smeared obliquely, that is not the mirror
    image of what was smeared. So what lies there is smeared anew from what was found, in each of so many ``rounds``.
    """
    kernel = motion_kernels(torch.tensor([motion.length_px]), torch.tensor([motion.direction]))
    level = image.mean((-2, -1), keepdim=True)
    inside = (..., slice(REACH_PX, -REACH_PX), slice(REACH_PX, -REACH_PX))
    around = extended(image - level, REACH_PX)
    for _ in range(rounds):
        around = convolve(extended(filtered(around, motion.filters), REACH_PX), kernel)
        around[inside] = image - level
    return filtered(around, motion.filters) + level


def motion_transfers(paths: Tensor, side: int) -> Tensor:
    """``(path, side, side // 2 + 1)``: what ``(path, 2)`` lengths and directions multiply frequencies by."""
    kernels = motion_kernels(paths[:, 0].clamp_min(0.5), paths[:, 1])
    size = kernels.shape[-1]
    placed = functional.pad(kernels / kernels.sum((1, 2), keepdim=True), [0, side - size] * 2)
    transfers: Tensor = torch.fft.rfft2(placed.roll((-(size // 2), -(size // 2)), (1, 2))).real
    return transfers


@functools.cache
def _coarse(side: int) -> Tensor:
    """Transfers of every length in every direction."""
    return motion_transfers(torch.cartesian_prod(LENGTHS_PX, torch.arange(DIRECTIONS) * TURN), side)


def _leaked(squares: Tensor) -> Tensor:
    """Squared transfers as a window that fades at its edges shows them: smoothed over neighbouring frequencies."""
    # Beyond both ends of the half that is kept lies the same spectrum turned by half a circle.
    turned = squares[..., [1, -2]].flip(1).roll(1, 1)
    mirrored = torch.cat([turned[..., :1], squares, turned[..., 1:]], -1)
    around = torch.cat([mirrored[:, -1:], mirrored, mirrored[:, :1]], 1)
    weights = torch.tensor([1.0, 4.0, 1.0]) / 6
    leaked: Tensor = functional.conv2d(around[:, None], (weights[:, None] * weights)[None, None])[:, 0]
    return leaked
