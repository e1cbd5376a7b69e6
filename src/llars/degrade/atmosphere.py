"""Haze: attenuation and path radiance."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from llars.bands import RED_GREEN_BLUE_NM, Band, Modality
from llars.degrade.base import Case, Degradation

__all__ = ["HAZE", "REFERENCE_NM", "wavelengths"]

FULL_DEPTH = 1.5
"""Optical depth at 550 nm in the thickest place at severity 1."""

REFERENCE_NM = 550.0
"""Wavelength at which optical depths of aerosols are given; also assumed for a band of unknown wavelength."""

ANGSTROM = (0.8, 1.8)
"""Range of the Angstrom exponent: coarse dust and sea salt scatter all colours equally, fine smoke mostly blue."""

AIRLIGHT = (0.5, 0.95)
"""Range of the airlight, the brightness of opaque haze, in unit values."""

THINNEST = (0.1, 1.0)
"""Range of the optical depth in the thinnest place, relative to the thickest; 1 is uniform haze."""

OCTAVES = 5
"""Octaves of the fractal: from variation over the whole image down to 1/32 of it."""


def haze(case: Case) -> Tensor:
    """I = J t + A (1 - t) with t = exp(-tau), tau ~ wavelength^-alpha (Angstrom's law).

    The single-scattering model of Koschmieder, as in Narasimhan and Nayar (2002), "Vision and the atmosphere".
    """
    batch = len(case.image)
    exponent = case.uniform(batch, 1, 1, 1, low=ANGSTROM[0], high=ANGSTROM[1])
    airlight = case.uniform(batch, 1, 1, 1, low=AIRLIGHT[0], high=AIRLIGHT[1])
    thinnest = case.uniform(batch, 1, 1, 1, low=THINNEST[0], high=THINNEST[1])
    relative = thinnest + (1.0 - thinnest) * _fractal(case)
    # Radar has infinite wavelength here: it passes through haze.
    spectrum = (wavelengths(case)[:, :, None, None] / REFERENCE_NM).pow(-exponent)
    transmission = torch.exp(-FULL_DEPTH * case.severity * spectrum * relative)
    return torch.lerp(airlight, case.image, transmission)


def _fractal(case: Case) -> Tensor:
    """Smooth random field from 0 to 1, ``(batch, 1, y, x)``: octaves of noise, each half as strong as the one before.

    Summed octaves need no Fourier transform: a scene of any shape takes only a few passes, and nothing repeats.
    """
    batch, _, height, width = case.image.shape
    field = torch.zeros(batch, 1, height, width, dtype=case.image.dtype, device=case.image.device)
    for octave in range(OCTAVES):
        cells = 2**octave + 1
        grid = case.normal(batch, 1, cells, cells) * 0.5**octave
        field += functional.interpolate(grid, size=(height, width), mode="bicubic", align_corners=True)
    low, high = (end(dim=(2, 3), keepdim=True) for end in (field.amin, field.amax))
    return (field - low) / (high - low).clamp(min=1e-6)


def wavelengths(case: Case) -> Tensor:
    """Wavelength of every band in nm, ``(batch, band)``; infinite for radar."""
    count = case.image.shape[1]
    lists = case.bands or ((Band("?", modality=Modality.UNKNOWN),) * count,) * len(case.image)
    known = [_of_bands(bands) for bands in lists]
    return torch.tensor(known, dtype=case.image.dtype, device=case.image.device)


def _of_bands(bands: tuple[Band, ...]) -> list[float]:
    if len(bands) == len(RED_GREEN_BLUE_NM) and all(
        band.wavelength_nm is None and band.modality is not Modality.SAR for band in bands
    ):
        return list(RED_GREEN_BLUE_NM)
    return [float("inf") if band.modality is Modality.SAR else band.wavelength_nm or REFERENCE_NM for band in bands]


HAZE = Degradation(
    "haze",
    "haze",
    "uneven haze, thicker in the blue",
    "optical depth of up to 1.5 s at 550 nm",
    haze,
)
