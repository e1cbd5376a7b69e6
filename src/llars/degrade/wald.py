"""Wald's protocol: the image of a simulated coarser sensor with a known MTF.

Wald, Ranchin and Mangolini (1997), "Fusion of satellite images of different spatial resolutions".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

from llars.bands import Band, Modality
from llars.degrade.base import Case, Degradation, band_lists
from llars.degrade.blur import mirrored, smooth
from llars.errors import BandError, DataError

__all__ = ["MS_NYQUIST", "MTF_BLUR", "NYQUIST", "PAN_NYQUIST", "mtf_reduce", "panchromatic"]

MS_NYQUIST = 0.29
"""MTF at the Nyquist frequency assumed for an unknown multispectral sensor."""

PAN_NYQUIST = 0.15
"""MTF at the Nyquist frequency assumed for an unknown panchromatic sensor."""

NYQUIST: dict[str, tuple[tuple[float, ...], float]] = {
    "quickbird": ((0.34, 0.32, 0.30, 0.22), 0.15),
    "ikonos": ((0.26, 0.28, 0.29, 0.28), 0.17),
    "geoeye1": ((0.23, 0.23, 0.23, 0.23), 0.16),
    "worldview2": ((0.35, 0.35, 0.35, 0.35, 0.35, 0.35, 0.35, 0.27), 0.11),
    "worldview3": ((0.325, 0.355, 0.360, 0.350, 0.365, 0.360, 0.335, 0.315), 0.14),
    "worldview4": ((0.23, 0.23, 0.23, 0.23), 0.16),
}
"""MTF at Nyquist of the bands (blue, green, red, near infrared, or eight in order of wavelength) and of PAN.

Values of the toolbox published with Vivone et al. (2015), "A critical comparison among pansharpening algorithms".
"""

PAN_NM = (450.0, 900.0)
"""Spectral range of a silicon detector behind a panchromatic filter."""

NARROW_NM = 20.0
"""Width assumed for a band of which only the centre is known."""

RANDOM_WEIGHTS = (0.5, 1.5)
"""Range of the random factors on the PAN's weights."""

FULL_NYQUIST = 0.05
"""MTF at Nyquist that the blur leaves at severity 1."""

REACH = 4.0
"""Standard deviations at which a Gaussian is truncated."""


def mtf_reduce(image: Tensor, factor: int, nyquist: float | Sequence[float] = MS_NYQUIST) -> Tensor:
    """The image as a sensor with pixels ``factor`` times as wide records it.

    A Gaussian low-pass whose response at the coarse grid's Nyquist frequency is ``nyquist``, then decimation at the
    centres of the coarse pixels. The bounds stay the same, nothing shifts; edges are mirrored.

    Args:
        image: ``(band, y, x)`` or ``(batch, band, y, x)``; y and x must be multiples of ``factor``. NaN is no data: a
            coarse pixel with any NaN in it is NaN, and NaN does not affect the others.
        factor: a whole number, 1 or more.
        nyquist: between 0 and 1, one for all bands or one for each.

    Raises:
        DataError: the coarse pixels do not fill the image, or ``nyquist`` is out of range or not one for each band.
    """
    height, width = image.shape[-2:]
    if factor < 1 or height % factor or width % factor:
        raise DataError(
            f"an image of {height} x {width} pixels for pixels {factor} times as wide; expected sides that are "
            "multiples of a factor of at least 1: crop or pad the image"
        )
    batch = image if image.ndim == 4 else image[None]
    gains = _per_band(nyquist, batch.shape[1])
    # Cached: the same for all windows of a scene.
    taps = _taps(factor, tuple(gains.tolist())).to(batch)
    missing = batch.isnan()
    if bool(missing.any()):
        weight = _decimated((~missing).to(batch), taps, factor)
        coarse = _decimated(batch.masked_fill(missing, 0.0), taps, factor) / weight.clamp(min=1e-6)
        coarse = coarse.masked_fill(functional.max_pool2d(missing.to(batch), factor) > 0, torch.nan)
    else:
        coarse = _decimated(batch, taps, factor)
    return coarse.view(*image.shape[:-2], height // factor, width // factor)


def panchromatic(
    image: Tensor, bands: Sequence[Band] | Sequence[Sequence[Band]], generator: torch.Generator | None = None
) -> Tensor:
    """A simulated panchromatic band: the mean of the bands, each weighted by its width within 450-900 nm.

    Args:
        image: ``(band, y, x)`` or ``(batch, band, y, x)`` unit values.
        bands: bands of the image, or of each image of the batch. If none lies within the PAN's range, all optical
            bands have the same weight.
        generator: draws random factors between 0.5 and 1.5 on the weights, to vary the sensor; None: no factors.

    Returns:
        ``(1, y, x)`` or ``(batch, 1, y, x)``.

    Raises:
        BandError: an image has no optical band, or its number of bands differs from its list.
    """
    batch = image if image.ndim == 4 else image[None]
    weights = torch.tensor(
        [_pan_weights(one) for one in band_lists(bands, batch)], dtype=batch.dtype, device=batch.device
    )
    if generator is not None:
        low, high = RANDOM_WEIGHTS
        drawn = torch.rand(weights.shape, generator=generator, device=generator.device, dtype=batch.dtype)
        weights = weights * (low + (high - low) * drawn.to(batch.device))
    weights = weights / weights.sum(dim=1, keepdim=True)
    pan = torch.einsum("nc,ncyx->nyx", weights, batch)[:, None]
    return pan.view(*image.shape[:-3], 1, *image.shape[-2:])


def mtf_blur(case: Case) -> Tensor:
    """A Gaussian low-pass that reduces the MTF at Nyquist to 1 - 0.95 s of its value; keeps the mean."""
    left = 1.0 - (1.0 - FULL_NYQUIST) * case.severity.flatten()
    return smooth(case.image, _sigma(left.double(), 1).to(case.image))


def _pan_weights(bands: tuple[Band, ...]) -> list[float]:
    optical = [band.modality not in (Modality.SAR, Modality.THERMAL) for band in bands]
    if not any(optical):
        raise BandError(f"no optical band among {', '.join(band.name for band in bands)}; PAN is made of optical bands")
    within = [_overlap(band) if is_optical else 0.0 for band, is_optical in zip(bands, optical, strict=True)]
    return within if any(within) else [float(one) for one in optical]


def _overlap(band: Band) -> float:
    """Width of the band within PAN's range, in nm."""
    if band.wavelength_nm is None:
        return 0.0
    half = 0.5 * (band.width_nm or NARROW_NM)
    low, high = PAN_NM
    return max(0.0, min(high, band.wavelength_nm + half) - max(low, band.wavelength_nm - half))


def _per_band(nyquist: float | Sequence[float], bands: int) -> Tensor:
    gains = torch.as_tensor(nyquist, dtype=torch.float64).reshape(-1)
    if len(gains) not in (1, bands) or not bool(((gains > 0) & (gains < 1)).all()):
        raise DataError(
            f"MTF at Nyquist of {gains.tolist()} for {bands} bands; expected one number between 0 and 1, or one for "
            "each band"
        )
    return gains.expand(bands)


def _sigma(gain: Tensor, factor: int) -> Tensor:
    """Standard deviation, in pixels, of the sampled Gaussian whose response at 1 / (2 factor) is ``gain``.

    A continuous Gaussian has the response exp(-2 (pi sigma f)^2); sampling and truncation change it, the more the
    narrower it is.
    """
    longest = factor * math.sqrt(-2.0 * math.log(min(float(gain.min()), 0.99))) / math.pi
    low, high = torch.zeros_like(gain), torch.full_like(gain, 2.0 * longest + 1.0)
    offset = _offsets(factor, math.ceil(REACH * float(high.max())))
    wave = torch.cos(math.pi / factor * offset).to(gain)
    for _ in range(40):
        sigma = 0.5 * (low + high)
        taps = torch.exp(-0.5 * (offset.to(gain) / sigma[:, None]).square())
        passes = (taps * wave).sum(dim=1) / taps.sum(dim=1) > gain
        low, high = torch.where(passes, sigma, low), torch.where(passes, high, sigma)
    return 0.5 * (low + high)


def _offsets(factor: int, reach: int) -> Tensor:
    """Distances of fine pixels from the centre of a coarse one, which consists of the middle ``factor`` of them."""
    return torch.arange(-reach, factor + reach, dtype=torch.float64) - 0.5 * (factor - 1)


@lru_cache(maxsize=64)
def _taps(factor: int, gains: tuple[float, ...]) -> Tensor:
    """``(band, tap)``, summing to 1."""
    sigma = _sigma(torch.tensor(gains, dtype=torch.float64), factor)
    taps = torch.exp(-0.5 * (_offsets(factor, math.ceil(REACH * float(sigma.max()))) / sigma[:, None]).square())
    return taps / taps.sum(dim=1, keepdim=True)


def _decimated(batch: Tensor, taps: Tensor, factor: int) -> Tensor:
    """Filter and sample along y, then along x."""
    bands, count = taps.shape
    margin = (count - factor) // 2
    tall = mirrored(batch, 2, margin)
    flat = functional.conv2d(tall, taps.view(bands, 1, count, 1), stride=(factor, 1), groups=bands)
    wide = mirrored(flat, 3, margin)
    return functional.conv2d(wide, taps.view(bands, 1, 1, count), stride=(1, factor), groups=bands)


MTF_BLUR = Degradation(
    "mtf_blur", "deblur", "blur of a sensor by its MTF", "1 - 0.95 s of the MTF at Nyquist is left", mtf_blur
)
