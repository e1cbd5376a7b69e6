"""A series of Sentinel-1 and Sentinel-2 over one place, in one ``.npz`` file: the source of clean and clear images."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from llars.bands import Band
from llars.bench.cases import Array, Guide, Mask, Scene
from llars.errors import DataError
from llars.sensors import get_sensor

__all__ = ["Series", "read_series", "to_decibels", "to_power"]

HIDDEN = (0, 1, 3, 8, 9, 10, 11)
"""Sentinel-2's scene classes (SCL) of no data, saturated or defective pixels, cloud shadow, clouds, cirrus and snow."""

DAY = 86400.0

SAME_PASS = 120.0
"""Dates of one orbit are acquired at the same time of day, within this many seconds."""


@dataclass(frozen=True)
class Series:
    """All dates of one place; arrays in unit values."""

    name: str
    optical: Array
    """``(date, band, y, x)``, the four 10 m bands."""

    radar: Array
    """``(date, band, y, x)``, decibels as unit values, at 20 m."""

    hidden: npt.NDArray[np.bool_]
    """``(date, y, x)`` on the optical grid: the scene class is one of ``HIDDEN``."""

    optical_seconds: npt.NDArray[np.float64]
    """``(date,)``, acquisition times in seconds since 1970."""

    radar_seconds: npt.NDArray[np.float64]
    """``(date,)``, acquisition times in seconds since 1970."""

    optical_bands: tuple[Band, ...]
    radar_bands: tuple[Band, ...]
    radar_range: tuple[float, float]

    def optical_scene(self, date: int) -> Scene:
        """One optical date as a scene."""
        values = np.ascontiguousarray(self.optical[date])
        valid = np.ones(values.shape[1:], bool)
        name = f"{self.name}_s2_{date:03}"
        return Scene(name, f"sentinel2-l2a / {self.name}", self.optical_bands, values, valid, (0.0, 1.0), True)

    def radar_scene(self, name: str, values: Array) -> Scene:
        """A radar image of the place as a scene."""
        valid = np.ones(values.shape[1:], bool)
        title = f"{self.name}_s1_{name}"
        return Scene(title, f"sentinel1-grd-db / {self.name}", self.radar_bands, values, valid, self.radar_range, True)

    def radar_near(self, date: int) -> Guide:
        """The radar date nearest to an optical one."""
        nearest = int(np.abs(self.radar_seconds - self.optical_seconds[date]).argmin())
        return Guide(np.ascontiguousarray(self.radar[nearest]), self.radar_bands, self.radar_range)

    def passes(self) -> list[npt.NDArray[np.int64]]:
        """Radar dates grouped by orbit, as the ground looks different from another orbit."""
        moment = self.radar_seconds % DAY
        order = np.argsort(moment)
        breaks = np.flatnonzero(np.diff(moment[order]) > SAME_PASS) + 1
        return [np.sort(group) for group in np.split(order, breaks)]

    def looks(self, dates: npt.NDArray[np.int64]) -> float:
        """Equivalent number of looks of the dates of one orbit: ``2 mean^2 / mean (later - earlier)^2``.

        The differences are between consecutive dates, which differ mainly by speckle; the median over pixels ignores
        places where the ground changed.
        """
        power = to_power(self.radar[dates], self.radar_range)
        change = np.diff(power, axis=0) ** 2
        return float(np.median(2.0 * power.mean(axis=0) ** 2 / change.mean(axis=0)))

    def radar_mean(self, dates: npt.NDArray[np.int64]) -> Array:
        """The mean of radar dates, taken in linear power and given in decibels as unit values."""
        return to_decibels(to_power(self.radar[dates], self.radar_range).mean(axis=0), self.radar_range)


def to_power(image: Array, value_range: tuple[float, float]) -> npt.NDArray[np.float64]:
    """Linear power of decibels given as unit values."""
    low, high = value_range
    return np.asarray(10.0 ** ((image.astype(np.float64) * (high - low) + low) / 10.0))


def to_decibels(power: npt.NDArray[np.float64], value_range: tuple[float, float]) -> Array:
    """Decibels as unit values, from linear power."""
    low, high = value_range
    return np.asarray((10.0 * np.log10(np.maximum(power, 1e-12)) - low) / (high - low), np.float32)


@lru_cache(maxsize=1)
def read_series(path: Path, name: str) -> Series:
    """The series of a file with arrays ``s1_20m``, ``s2_10m``, ``s2_20m_scl``, their ``..._bands`` and ``..._days``.

    Raises:
        DataError: the file cannot be read, or lacks one of the arrays.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file if key.startswith(("s1_20m", "s2_10m", "s2_20m_scl"))}
        radar, optical = get_sensor("sentinel1-grd-db"), get_sensor("sentinel2-l2a")
        low, high = radar.valid_range
        classes: Mask = arrays["s2_20m_scl"]
        return Series(
            name,
            arrays["s2_10m"].astype(np.float32) * np.float32(1e-4),
            (arrays["s1_20m"].astype(np.float32) * np.float32(0.01) - np.float32(low)) / np.float32(high - low),
            np.isin(classes, HIDDEN).repeat(2, axis=1).repeat(2, axis=2),
            _seconds(arrays, "s2_10m"),
            _seconds(arrays, "s1_20m"),
            tuple(optical.band(str(one)) for one in arrays["s2_10m_bands"]),
            tuple(radar.band(str(one)).with_gsd(20.0) for one in arrays["s1_20m_bands"]),
            radar.valid_range,
        )
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path} cannot be read as a series ({error}); fetch the data set again") from error


def _seconds(arrays: dict[str, Any], key: str) -> npt.NDArray[np.float64]:
    """Seconds since 1970, from seconds since the epoch that the unit names."""
    start = datetime.fromisoformat(str(arrays[f"{key}_days_unit"]).removeprefix("seconds since "))
    return np.asarray(arrays[f"{key}_days"] + (start - datetime(1970, 1, 1)).total_seconds(), np.float64)
