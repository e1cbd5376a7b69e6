"""Rayleigh scattering: the part of top-of-atmosphere reflectance that comes from the molecules of clear air."""

from __future__ import annotations

from collections.abc import Sequence

from llars.bands import Band, Modality
from llars.sensors import SENSORS

__all__ = ["clear_air", "rayleigh_reflectance"]

GEOMETRY = 0.35
"""Reflectance over optical depth: P / (4 cos s cos v) with the sun at s = 40 degrees, a view from v = 0, P = 1.1."""


def clear_air(sensor: str, bands: Sequence[Band], ranges: Sequence[tuple[float, float]]) -> tuple[float, ...] | None:
    """Part of each band that clear air scatters, in unit values; None for sensors not of the top of the atmosphere.

    Args:
        sensor: name of the sensor, which need not be known.
        bands: one per channel.
        ranges: of each channel, the physical values that the unit values 0 and 1 stand for.
    """
    if sensor not in SENSORS or not SENSORS[sensor].top_of_atmosphere:
        return None
    pairs = zip(rayleigh_reflectance(bands), ranges, strict=True)
    return tuple(value / (high - low) for value, (low, high) in pairs)


def rayleigh_reflectance(bands: Sequence[Band]) -> tuple[float, ...]:
    """Reflectance of the molecules of the air at sea level in each band; 0 where no wavelength is known, and for radar.

    Single scattering with the optical depth of Hansen and Travis (1974), "Light scattering in planetary atmospheres".
    """
    return tuple(GEOMETRY * _optical_depth(band) for band in bands)


def _optical_depth(band: Band) -> float:
    if band.wavelength_nm is None or band.modality is not Modality.OPTICAL:
        return 0.0
    inverse_square = (1000.0 / band.wavelength_nm) ** 2
    return 0.008569 * inverse_square**2 * (1.0 + 0.0113 * inverse_square + 0.00013 * inverse_square**2)
