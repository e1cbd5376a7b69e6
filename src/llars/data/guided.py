"""Pairs whose repair needs a guide: radar under clouds, a panchromatic band, an earlier date of a finer sensor."""

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
"""How many times wider multispectral pixels are than those of PAN."""

NYQUIST = (0.15, 0.5)
"""Range of the MTF at Nyquist of multispectral sensors."""

COARSE_FACTORS = (4, 8, 16)
"""How many times wider the pixels of a frequent sensor are than those of a fine one: MODIS and Landsat, 16."""

MISMATCH = 0.04
"""Largest gain error between two sensors' bands of one name."""

MISPLACED = 0.2
"""Standard deviation of the place of coarse pixels, in units of one."""

COARSE_ERROR = 1.0
"""Largest smooth error of a coarse date, relative to the standard deviation of the image."""


def clouded(
    clean: Tensor,
    bands: Sequence[Sequence[Band]],
    severity: Tensor,
    generator: torch.Generator,
    thin: bool,
    radar: Tensor | None = None,
    radar_bands: Sequence[Sequence[Band]] = (),
) -> Pair:
    """Clouds over optical images ``(batch, band, y, x)``, with radar of the same ground as a guide if given."""
    degraded, _ = cloudy(clean, severity, generator, bands, thin=thin)
    if radar is None:
        return Pair(degraded, clean, severity, faults_of("cloud", severity))
    roles = [_with_role(each, Role.SAR) for each in radar_bands]
    return Pair(degraded, clean, severity, faults_of("cloud", severity), guides=radar, guide_bands=roles)


def fused(clean: Tensor, bands: Sequence[Sequence[Band]], rng: np.random.Generator, generator: torch.Generator) -> Pair:
    """Multispectral images as a sensor with pixels 2 or 4 times as wide saw them, and PAN of the full resolution.

    Half are area means, half are seen through a sensor's MTF (Wald et al. 1997).
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
    """What a coarse sensor saw of two dates and a fine one of the earlier: the fine image of the later is the truth.

    The coarse sensor's bands have gains of their own, up to ``MISMATCH`` off, the same on both dates; each of its dates
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
    """Through pixels ``factor`` times as wide, misplaced by part of one, with smooth errors of air and view angle."""
    count, channels, height, width = image.shape
    off = torch.from_numpy(rng.normal(0.0, MISPLACED * factor, 2)).round().int().tolist()
    moved = image.roll(off, (2, 3))
    cells = torch.from_numpy(rng.normal(0.0, 1.0, (count, channels, 4, 4))).float()
    size = torch.from_numpy(rng.uniform(0.0, COARSE_ERROR, (count, 1, 1, 1))).float()
    field = torch.nn.functional.interpolate(cells, size=(height, width), mode="bicubic", align_corners=True)
    # Relative to what varies in the image, as errors of reflectance grow with it.
    return enlarge(reduce(moved, factor), factor) + size * field * image.std((2, 3), keepdim=True)


def another_date(now: Tensor, rng: np.random.Generator) -> Tensor:
    """Images ``(batch, band, y, x)`` as they may have looked at another date.

    Seasons change tones, each band by its own curve; harvests and floods change places: within blobs, another part of
    the image is seen.
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
    """A panchromatic band over the optical bands that are known; of unknown wavelength where none is."""
    known = [band.wavelength_nm for band in bands if band.wavelength_nm is not None and band.wavelength_nm < 1000]
    if not known:
        return Band("PAN", gsd_m=bands[0].gsd_m, role=Role.PAN)
    low, high = min(known) - 30.0, max(known) + 30.0
    return Band("PAN", (low + high) / 2, high - low, bands[0].gsd_m, role=Role.PAN)
