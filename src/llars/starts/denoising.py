"""Noise estimated from the image alone, in the form that shrinkage needs, and its removal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from llars.bands import Band, Modality
from llars.starts.despeckling import DESPECKLING_MARGIN_PX, despeckled
from llars.starts.noise import noise_law
from llars.starts.shrinkage import MARGIN_PX, SIDE, TINY, Noise, shrunk
from llars.starts.speckle import bias_of, looks_of, speckle_power

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["denoised", "find_noise", "margin_px", "without_noise"]

LEAST = 1e-3
"""Standard deviation of the noise, in unit values, below which a band is taken as free of noise."""


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
    looks: tuple[float, ...] = ()
    if (~radar).any():
        law[:, ~radar] = noise_law(windows[:, ~radar], valid[:, ~radar])
    if radar.any():
        power = speckle_power(*(torch.from_numpy(part[:, radar]) for part in (windows, valid)))
        law[0, radar] = float(power.mean())
        number = looks_of(law[0, radar][0])
        shift[radar] = bias_of(number)
        if radar.all():
            spectrum, looks = power / power.mean().clamp(min=TINY), (number,)
    mean = windows.mean((0, 2, 3), dtype=np.float64)
    variance = law[0] + law[1] * np.maximum(mean, 0.0)
    law[:, variance < LEAST**2] = 0.0
    mix, unmix = _components(windows, np.sqrt(np.maximum(variance, LEAST**2)))
    each = [torch.from_numpy(part).float()[None] for part in (mix, unmix, law[0], law[1], shift)]
    return Noise(each[0], each[1], each[2], each[3], spectrum[None], each[4], looks)


def without_noise(image: Tensor, bands: Sequence[Sequence[Band]]) -> Tensor:
    """``(batch, band, y, x)`` unit values without their noise; ``bands`` are those of each image."""
    valid = np.ones(image.shape[1:], dtype=bool)[None]
    found = [find_noise(each[None].numpy(), valid, own) for each, own in zip(image, bands, strict=True)]
    if len({bool(noise.looks) for noise in found}) > 1:
        return torch.cat([denoised(each[None], noise) for each, noise in zip(image, found, strict=True)])
    return denoised(image, Noise.stacked(found))


def denoised(image: Tensor, noise: Noise) -> Tensor:
    """``(batch, band, y, x)`` unit values without that noise; all images are radar, or none.

    Two passes, the first guess guiding the second, as in BM3D (Dabov et al., 2007): 0.1 to 0.4 dB better than one.
    """
    if noise.looks:
        return despeckled(image, noise)
    return shrunk(image, noise, guide=shrunk(image, noise))


def margin_px(noise: Noise) -> int:
    """Halo around a window in pixels for ``denoised``."""
    return DESPECKLING_MARGIN_PX if noise.looks else 2 * MARGIN_PX


def _components(
    windows: NDArray[np.float32], deviation: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """To the principal components of noise-whitened bands and back: ``(component, band)`` and its inverse."""
    bands = windows.shape[1]
    pixels = windows.swapaxes(0, 1).reshape(bands, -1) / deviation[:, None]
    _, turn = np.linalg.eigh(np.atleast_2d(np.cov(pixels)))
    return turn.T / deviation, deviation[:, None] * turn
