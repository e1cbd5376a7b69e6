"""Pairs whose restoration needs a guide: radar under clouds, a panchromatic band, an earlier date of a finer sensor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from llars.bands import Band, Role
from llars.data.synthetic import Pair, faults_of
from llars.degrade.clouds import cloudy
from llars.degrade.resolution import enlarge, enlarge_exactly, reduce
from llars.degrade.wald import mtf_reduce, panchromatic

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["another_date", "clouded", "fused", "later"]

PAN_FACTORS = (2, 4)
"""Ratios of multispectral to panchromatic pixel size."""

NYQUIST = (0.15, 0.5)
"""Range of the MTF at Nyquist of multispectral sensors."""

COARSE_FACTORS = (4, 8, 16)
"""Ratios of pixel size between a sensor with frequent revisits and a fine one: 16 for MODIS and Landsat."""

MISMATCH = 0.04
"""Largest relative difference in gain between corresponding bands of the two sensors."""

MISPLACED = 0.2
"""Standard deviation of the co-registration error of coarse images, in coarse pixels."""

COARSE_ERROR = 1.0
"""Largest scale of the smooth error of a coarse date, relative to the standard deviation of the image."""


def clouded(
    clean: Tensor,
    bands: Sequence[Sequence[Band]],
    severity: Tensor,
    generator: torch.Generator,
    thin: bool,
    radar: Tensor | None = None,
    radar_bands: Sequence[Sequence[Band]] = (),
) -> Pair:
    """Clouds over optical images ``(batch, band, y, x)``; radar of the same ground, if given, is the guide."""
    degraded, _ = cloudy(clean, severity, generator, bands, thin=thin)
    if radar is None:
        return Pair(degraded, clean, severity, faults_of("cloud", severity))
    roles = [_with_role(each, Role.SAR) for each in radar_bands]
    return Pair(degraded, clean, severity, faults_of("cloud", severity), guides=radar, guide_bands=roles)


def fused(clean: Tensor, bands: Sequence[Sequence[Band]], rng: np.random.Generator, generator: torch.Generator) -> Pair:
    """Multispectral images as seen by a sensor with pixels 2 or 4 times as wide, with PAN at full resolution as guide.

    Half of the batches are area means, half are low-passed by a sensor's MTF and decimated (Wald et al. 1997).
    """
    factor = int(rng.choice(PAN_FACTORS))
    averaged = rng.random() < 0.5
    coarse = reduce(clean, factor) if averaged else mtf_reduce(clean, factor, float(rng.uniform(*NYQUIST)))
    pan = panchromatic(clean, bands, generator)
    severity = torch.full((len(clean),), (factor - 1) / 3)
    return Pair(
        enlarge_exactly(coarse, factor),
        clean,
        severity,
        faults_of("pansharpen", severity * 0),
        factor,
        pan,
        [(_pan_band(each),) for each in bands],
    )


def later(now: Tensor, before: Tensor, bands: Sequence[Sequence[Band]], rng: np.random.Generator) -> Pair:
    """Pairs for spatio-temporal fusion: coarse images of two dates and a fine one of the earlier; the truth is ``now``.

    The bands of the coarse sensor have a gain error of up to ``MISMATCH``, the same on both dates; each coarse image
    has errors of its own, see ``_seen_coarsely``.
    """
    factor = int(rng.choice([each for each in COARSE_FACTORS if now.shape[-1] % each == 0]))
    gain = torch.from_numpy(rng.uniform(1 - MISMATCH, 1 + MISMATCH, (len(now), now.shape[1], 1, 1))).float()
    coarse_now, coarse_before = (_seen_coarsely(gain * image, factor, rng) for image in (now, before))
    roles = [(*_with_role(each, Role.FINE_BEFORE), *_with_role(each, Role.COARSE_BEFORE)) for each in bands]
    severity = torch.full((len(now),), 0.5)
    guides = torch.cat((before, coarse_before), 1)
    return Pair(coarse_now, now, severity, faults_of("stf", severity * 0), guides=guides, guide_bands=roles)


def _seen_coarsely(image: Tensor, factor: int, rng: np.random.Generator) -> Tensor:
    """The image with pixels ``factor`` times as wide, shifted, and with smooth errors of atmosphere and view angle."""
    count, channels, height, width = image.shape
    off = torch.from_numpy(rng.normal(0.0, MISPLACED * factor, 2)).round().int().tolist()
    moved = image.roll(off, (2, 3))
    cells = torch.from_numpy(rng.normal(0.0, 1.0, (count, channels, 4, 4))).float()
    size = torch.from_numpy(rng.uniform(0.0, COARSE_ERROR, (count, 1, 1, 1))).float()
    field = torch.nn.functional.interpolate(cells, size=(height, width), mode="bicubic", align_corners=True)
    # Relative to the contrast of the image, as errors of reflectance grow with it.
    return enlarge(reduce(moved, factor), factor) + size * field * image.std((2, 3), keepdim=True)


def another_date(now: Tensor, rng: np.random.Generator) -> Tensor:
    """Images ``(batch, band, y, x)`` as they may have looked on another date.

    Seasons change the tones, each band by its own gamma curve. Harvests and floods change the land cover: within random
    blobs another part of the image is shown.
    """
    count, channels, height, width = now.shape
    gamma = torch.from_numpy(np.exp(rng.normal(0.0, 0.3, (count, channels, 1, 1)))).float()
    gain = torch.from_numpy(np.exp(rng.normal(0.0, 0.15, (count, channels, 1, 1)))).float()
    toned = gain * now.clamp_min(0.0).pow(gamma) * now.mean((2, 3), keepdim=True).clamp_min(1e-3).pow(1 - gamma)
    cells = torch.from_numpy(rng.normal(size=(count, 1, 5, 5))).float()
    field = torch.nn.functional.interpolate(cells, size=(height, width), mode="bicubic", align_corners=True)
    changed = field > float(rng.uniform(0.7, 2.0))
    moved = toned.roll((height // 2, width // 3), (2, 3))
    return torch.where(changed, moved, toned).clamp(0.0, 1.5)


def _with_role(bands: Sequence[Band], role: Role) -> tuple[Band, ...]:
    return tuple(replace(band, role=role) for band in bands)


def _pan_band(bands: Sequence[Band]) -> Band:
    """A panchromatic band over the bands of known wavelength below 1000 nm; of unknown wavelength if there is none."""
    known = [band.wavelength_nm for band in bands if band.wavelength_nm is not None and band.wavelength_nm < 1000]
    if not known:
        return Band("PAN", gsd_m=bands[0].gsd_m, role=Role.PAN)
    low, high = min(known) - 30.0, max(known) + 30.0
    return Band("PAN", (low + high) / 2, high - low, bands[0].gsd_m, role=Role.PAN)
