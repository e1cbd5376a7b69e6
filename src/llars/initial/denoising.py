"""Noise estimated from the image alone, in the form that shrinkage needs, and its removal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from llars.bands import Band, Modality
from llars.initial.despeckling import HELD_MARGIN_PX, PASSES_MARGIN_PX, WHOLE, despeckled
from llars.initial.impulses import MARGIN_PX as IMPULSES_MARGIN_PX
from llars.initial.impulses import find_impulses, without_impulses
from llars.initial.noise import noise_law
from llars.initial.noise_spectrum import WHITE, noise_spectrum
from llars.initial.shrinkage import MARGIN_PX, TINY, Noise, shrunk
from llars.initial.speckle import bias_of, looks_of, speckle_power

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from llars.model.correction import CorrectionNetwork
    from llars.model.despeckling import DespecklingNetwork

__all__ = ["UNCORRECTED", "Correctors", "correction_margin_px", "denoised", "find_noise", "margin_px", "without_noise"]

MIN_DEVIATION = 1e-3
"""Standard deviation of the noise, in unit values, below which a band is taken as free of noise."""


def find_noise(windows: NDArray[np.float32], valid: NDArray[np.bool_], bands: Sequence[Band]) -> Noise:
    """The noise of one scene.

    Args:
        windows: ``(window, band, y, x)`` unit values at native resolution, from all over the scene.
        valid: same shape: measured, not filled.
        bands: one per channel; the noise of radar is speckle in decibels.
    """
    radar = np.array([band.modality is Modality.SAR for band in bands])
    law, shift, impulses = np.zeros((2, len(bands))), np.zeros(len(bands)), np.zeros(len(bands), dtype=np.float32)
    spectrum, looks = WHITE.power, tuple[float, ...]()
    if not radar.any():
        impulses = find_impulses(windows, valid)
        if impulses.any():
            windows = without_impulses(torch.from_numpy(windows), _batched(impulses)).numpy()
        correlation = noise_spectrum(windows, valid)
        law, spectrum = correlation.variance_ratio * noise_law(windows, valid), correlation.power
    else:
        if not radar.all():
            law[:, ~radar] = noise_law(windows[:, ~radar], valid[:, ~radar])
        power = speckle_power(*(torch.from_numpy(part[:, radar]) for part in (windows, valid)))
        law[0, radar] = float(power.mean())
        looks_estimate = looks_of(law[0, radar][0])
        shift[radar] = bias_of(looks_estimate)
        if radar.all():
            spectrum, looks = power / power.mean().clamp(min=TINY), (looks_estimate,)
    mean = windows.mean((0, 2, 3), dtype=np.float64)
    variance = law[0] + law[1] * np.maximum(mean, 0.0)
    law[:, variance < MIN_DEVIATION**2] = 0.0
    mix, unmix = _components(windows, np.sqrt(np.maximum(variance, MIN_DEVIATION**2)))
    return Noise(
        mix=_batched(mix),
        unmix=_batched(unmix),
        constant=_batched(law[0]),
        slope=_batched(law[1]),
        spectrum=spectrum[None],
        shift=_batched(shift),
        impulses=_batched(impulses) if impulses.any() else None,
        looks=looks,
        mixed=bool(radar.any() and not radar.all()),
    )


def _batched(values: NDArray[np.floating]) -> Tensor:
    return torch.from_numpy(values).float()[None]


@dataclass(frozen=True)
class Correctors:
    """The networks that correct the classical estimates; None corrects nothing."""

    optical: CorrectionNetwork | None = None
    radar: DespecklingNetwork | None = None

    def optical_for(self, noise: Noise) -> CorrectionNetwork | None:
        """The network for images with that noise; None if it is speckle in some bands."""
        return None if noise.mixed or noise.looks else self.optical


UNCORRECTED = Correctors()
"""No network."""


def without_noise(image: Tensor, bands: Sequence[Sequence[Band]], correctors: Correctors = UNCORRECTED) -> Tensor:
    """``(batch, band, y, x)`` unit values without their noise; ``bands`` are those of each image."""
    valid = np.ones(image.shape[1:], dtype=bool)[None]
    noises = [find_noise(part[None].numpy(), valid, band_list) for part, band_list in zip(image, bands, strict=True)]
    if len({bool(noise.looks) for noise in noises}) > 1:
        return torch.cat([denoised(part[None], noise, correctors) for part, noise in zip(image, noises, strict=True)])
    return denoised(image, Noise.stacked(noises), correctors)


def denoised(
    image: Tensor, noise: Noise, correctors: Correctors = UNCORRECTED, part: tuple[slice, slice] = WHOLE
) -> Tensor:
    """``(batch, band, y, x)`` unit values without that noise; all images are radar, or none.

    Shrinkage gives an estimate, which the network corrects; without the network, a second shrinkage guided by the first
    does, as in BM3D (Dabov et al., 2007). ``part`` gives the rows and columns of the result; the others only serve the
    shrinkage.
    """
    if noise.looks:
        return despeckled(image, noise, correctors.radar, part)
    if noise.impulses is not None:
        image = without_impulses(image, noise.impulses)
    estimate, network = shrunk(image, noise), correctors.optical_for(noise)
    if network is None:
        return shrunk(image, noise, guide=estimate)[(..., *part)]
    return corrected(image[(..., *part)], estimate[(..., *part)], noise, network)


def corrected(image: Tensor, estimate: Tensor, noise: Noise, network: CorrectionNetwork) -> Tensor:
    """The estimate with the correction of the network."""
    return estimate + network.correction(image, estimate, deviation_of(noise, estimate))


def deviation_of(noise: Noise, estimate: Tensor) -> Tensor:
    """Standard deviation of the noise at each pixel, ``(batch, band, y, x)``; 0 in bands without noise."""
    constant, slope = (each[..., None, None] for each in (noise.constant, noise.slope))
    deviation = (constant + slope * estimate.clamp(min=0.0)).clamp(min=MIN_DEVIATION**2).sqrt()
    return torch.where((constant > 0) | (slope > 0), deviation, 0.0)


def margin_px(noise: Noise, correctors: Correctors = UNCORRECTED) -> int:
    """Halo around a window in pixels for ``denoised``."""
    single = correctors.optical_for(noise) is not None
    search = 0 if noise.impulses is None else IMPULSES_MARGIN_PX
    return search + (MARGIN_PX if single else PASSES_MARGIN_PX) + correction_margin_px(noise, correctors)


def correction_margin_px(noise: Noise, correctors: Correctors = UNCORRECTED) -> int:
    """The part of ``margin_px`` that is still needed after the shrinkage, and so in ``part``."""
    network = correctors.radar if noise.looks else correctors.optical_for(noise)
    return (HELD_MARGIN_PX if noise.looks else 0) + (0 if network is None else network.halo)


def _components(
    windows: NDArray[np.float32], deviation: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """To the principal components of noise-whitened bands and back: ``(component, band)`` and its inverse."""
    bands = windows.shape[1]
    pixels = windows.swapaxes(0, 1).reshape(bands, -1) / deviation[:, None]
    _, rotation = np.linalg.eigh(np.atleast_2d(np.cov(pixels)))
    return rotation.T / deviation, deviation[:, None] * rotation
