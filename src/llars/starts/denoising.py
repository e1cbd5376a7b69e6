"""The noise of an image, found from the image alone, in the form in which it is shrunk."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from llars.bands import Band, Modality
from llars.sensors import get_sensor
from llars.starts.noise import noise_law
from llars.starts.shrinkage import COSINES, SIDE, TINY, Noise, shrunk

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["find_noise", "without_noise"]

DECIBELS = get_sensor("sentinel1-grd-db").valid_range
"""What the unit values 0 and 1 of radar stand for."""

LEAST = 1e-3
"""Deviation of noise in unit values below which a band is taken for clean."""

LEVEL = 0.25
"""Share of the blocks of radar, those of the most level surroundings, in which speckle is measured."""

GROUND = 3
"""Frequency of a block, across or down, below which the ground hides the speckle."""

NEWTON_STEPS = 3
"""Of the solution for the looks: the first guess is 7 % off at one look."""


def find_noise(windows: NDArray[np.float32], valid: NDArray[np.bool_], bands: Sequence[Band]) -> Noise:
    """The noise of one scene.

    Args:
        windows: ``(window, band, y, x)`` unit values at native resolution, from all over the scene.
        valid: same shape: measured, not filled.
        bands: one per channel; the noise of radar is speckle in decibels.
    """
    radar = np.array([band.modality is Modality.SAR for band in bands])
    law, shift = np.zeros((2, len(bands))), np.zeros(len(bands))
    spectrum = torch.ones(SIDE * SIDE)
    if (~radar).any():
        law[:, ~radar] = noise_law(windows[:, ~radar], valid[:, ~radar])
    if radar.any():
        power = _speckle(*(torch.from_numpy(part[:, radar]) for part in (windows, valid)))
        law[0, radar] = power.mean(1).numpy()
        shift[radar] = [_bias(variance) for variance in law[0, radar]]
        if radar.all():
            # In proportion to the noise of each band, which the components have in equal parts.
            spectrum = (power / power.mean(1, keepdim=True).clamp(min=TINY)).mean(0)
    mean = windows.mean((0, 2, 3), dtype=np.float64)
    variance = law[0] + law[1] * np.maximum(mean, 0.0)
    law[:, variance < LEAST**2] = 0.0
    mix, unmix = _components(windows, np.sqrt(np.maximum(variance, LEAST**2)))
    each = [torch.from_numpy(part).float()[None] for part in (mix, unmix, law[0], law[1], shift)]
    return Noise(each[0], each[1], each[2], each[3], spectrum[None], each[4])


def without_noise(image: Tensor, bands: Sequence[Sequence[Band]]) -> Tensor:
    """``(batch, band, y, x)`` unit values without their noise; ``bands`` are those of each image."""
    valid = np.ones(image.shape[1:], dtype=bool)[None]
    found = [find_noise(each[None].numpy(), valid, own) for each, own in zip(image, bands, strict=True)]
    return shrunk(image, Noise.stacked(found))


def _components(
    windows: NDArray[np.float32], deviation: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """To principal components of bands whose noise was made equal, and back: ``(component, band)`` and its inverse."""
    bands = windows.shape[1]
    pixels = windows.swapaxes(0, 1).reshape(bands, -1) / deviation[:, None]
    _, turn = np.linalg.eigh(np.atleast_2d(np.cov(pixels)))
    return turn.T / deviation, deviation[:, None] * turn


def _speckle(windows: Tensor, valid: Tensor) -> Tensor:
    """Power of the speckle at each pair of frequencies ``(band, 64)``, in blocks amid level ground.

    Filled gaps are the most level of all: blocks that touch one do not count. Where all do, there is no speckle.
    """
    count, bands, height, width = windows.shape
    blocks = functional.conv2d(windows.reshape(-1, 1, height, width), COSINES, stride=SIDE)
    means = blocks[:, :1]
    around = functional.avg_pool2d(functional.pad(means, [1] * 4, mode="replicate"), 3, 1)
    squares = functional.avg_pool2d(functional.pad(means, [1] * 4, mode="replicate").square(), 3, 1)
    touched = functional.max_pool2d((~valid).float(), SIDE)
    unrest = (squares - around.square()).view_as(touched).where(touched == 0, torch.inf)
    unrest = unrest.transpose(0, 1).reshape(bands, -1)
    power = blocks.square().view(count, bands, SIDE * SIDE, -1).permute(1, 2, 0, 3).reshape(bands, SIDE * SIDE, -1)
    # As many for all bands, so that they make one tensor.
    measured = int(unrest.isfinite().sum(1).min())
    if measured == 0:
        return torch.zeros(bands, SIDE * SIDE)
    chosen = unrest.argsort(1)[:, : math.ceil(LEVEL * measured)]
    level = power.gather(2, chosen[:, None].expand(-1, SIDE * SIDE, -1)).mean(2)
    # The response of a radar is about Gaussian, and so is the spectrum of its speckle. The ground hides the low end.
    across = torch.arange(SIDE).expand(SIDE, SIDE)
    seen = torch.maximum(across, across.T).flatten() >= GROUND
    squared = (across.square() + across.T.square()).flatten().float()
    logarithm = level[:, seen].clamp(min=TINY).log()
    away = squared[seen] - squared[seen].mean()
    fall = ((logarithm * away).sum(1, keepdim=True) / away.square().sum()).clamp(max=0.0)
    middle = logarithm.mean(1, keepdim=True) - fall * squared[seen].mean()
    return (middle + fall * squared).exp()


def _bias(variance: float) -> float:
    """What the mean of speckle in decibels lacks to 0, in unit values, from its variance in unit values.

    The logarithm of a gamma variable of mean 1 and L looks has the variance trigamma(L), about 1 / L + 1 / (2 L^2), and
    the mean digamma(L) - ln(L).
    """
    span = (DECIBELS[1] - DECIBELS[0]) * math.log(10.0) / 10.0
    trigamma = torch.tensor(max(variance * span**2, 1e-9), dtype=torch.float64)
    looks = (1.0 + (1.0 + 2.0 * trigamma).sqrt()) / (2.0 * trigamma)
    for _ in range(NEWTON_STEPS):
        looks = looks - (torch.polygamma(1, looks) - trigamma) / torch.polygamma(2, looks)
    return float(looks.log() - looks.digamma()) / span
