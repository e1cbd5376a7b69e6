"""Scenes given as DataArrays or NumPy arrays, and their conversion to unit values and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import xarray as xr

from llars.bands import Band, Modality
from llars.errors import RasterError
from llars.infer.reading.channels import AnyImage, BandsLike, Range, bands_and_ranges, sensor_named
from llars.infer.reading.grids import Grid, grid_of
from llars.infer.reading.layers import Filled
from llars.infer.reading.outliers import (
    MAX_OUTLIERS_OF_OPEN_RANGE,
    Plausible,
    check_units,
    is_open_ended,
    note_on,
)
from llars.infer.reading.sources import ImageSource, Mapped, Repeated, Source, to_unit
from llars.infer.reading.warping import from_decibels, to_decibels
from llars.infer.tiles import Window
from llars.initial.rayleigh import clear_air
from llars.scene.opening import SMALLEST
from llars.sensors import SENSORS, get_sensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "DISPLAY",
    "REFLECTANCE",
    "Image",
    "Picture",
    "picture_of",
]

Image = TypeVar("Image", xr.DataArray, "NDArray[Any]")
"""The one of these types that was given, and is returned."""

DISPLAY, REFLECTANCE = "display", "reflectance"
"""Prefixes of units: of uncalibrated display values, and of reflectances, comparable between scenes."""


@dataclass(frozen=True)
class Picture:
    """A scene that is read window by window, as gap-filled unit values."""

    layers: Filled
    """Unit values, 0 to 1 over ``ranges``; gaps and outliers are filled from their surroundings."""

    source: Source
    """Physical values, NaN in the gaps; outliers as they are."""

    ranges: tuple[Range, ...]
    """Physical values of each band that the unit values 0 and 1 stand for."""

    grid: Grid
    """Grid of the pixels."""

    units: str = DISPLAY
    """Units of the physical values: the attribute ``units`` of a DataArray, else those of the sensor that the caller
    named; without either, display values."""

    sensor: str = "unknown"
    """Name of the sensor, from the attribute ``sensor`` of a DataArray, or as the caller gave it."""

    outliers: int = 0
    """Number of values so far outside ``ranges`` that they are treated like gaps."""

    power: bool = False
    """The scene is radar in linear power. It is processed in decibels, and ``ranges`` are decibels."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences that the user should read."""
        if not self.outliers:
            return ()
        return (note_on(self.outliers, self.outliers / (sum(self.layers.survey.valid) + self.outliers), self.ranges),)

    @property
    def bands(self) -> tuple[Band, ...]:
        """One per channel."""
        return self.layers.bands

    @property
    def reflectances(self) -> tuple[Range, ...] | None:
        """``ranges`` where they are reflectances, which are comparable between scenes; else None."""
        return self.ranges if self.units.startswith(REFLECTANCE) else None

    @property
    def clear_air(self) -> tuple[float, ...] | None:
        """Part of each band that clear air scatters; see ``llars.initial.rayleigh.clear_air``."""
        return clear_air(self.sensor, self.bands, self.ranges)

    @property
    def window(self) -> Window:
        """The whole scene."""
        return Window(0, 0, *self.layers.size)

    def load(self) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """The whole scene: values ``(band, y, x)``, and a mask of those measured, not filled."""
        return self.layers.read(self.window)

    def physical(
        self, values: NDArray[np.float32], deviation: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """Turn unit values ``(band, y, x)``, and their standard deviations, into physical ones in place; NaN stays."""
        for band, (low, high) in enumerate(self.ranges):
            values[band] *= np.float32(high - low)
            values[band] += np.float32(low)
            if deviation is not None:
                deviation[band] *= np.float32(high - low)
        if self.power:
            values[:] = from_decibels(values)
            if deviation is not None:
                deviation *= values * np.float32(np.log(10.0) / 10.0)
        return values

    def with_outliers(self, values: NDArray[np.float32], window: Window, scale: int | None) -> NDArray[np.float32]:
        """Put back, in place, the scene's own outliers, and power of 0, in physical values of a window.

        The window lies on the scene's grid, or on one ``scale`` times finer; None means that it is another grid, on
        which outliers stay NaN.
        """
        if (self.outliers or self.power) and scale is not None:
            missing = np.isnan(values)
            if missing.any():
                np.copyto(values, Repeated(self.source, scale).read(window), where=missing)
        return values


def picture_of(image: AnyImage, bands: BandsLike | None = None) -> Picture:
    """The scene in unit values.

    Args:
        image: a DataArray with dimensions band, y and x (attributes ``bands`` and ``value_range`` as ``open_scene``
            sets them; where its coordinate ``band`` holds names of these bands, it says which channel is which), or
            an array ``(band, y, x)``; physical values, NaN, infinite or masked where there is no data.
        bands: overrides the DataArray's; an array of three bands without any is taken for display values of red,
            green and blue. Bands of no known sensor are assumed to range from 0 to 1.

    Raises:
        BandError: the dimensions are not band, y and x, or the bands are unknown or not as many as the channels.
        RasterError: the image is smaller than 16 x 16 or has no data at all.
        ValueRangeError: more than 1 % of the values lie far from the bands' range, unless that was taken from the image
            (sensor ``unknown``). Fewer are treated like gaps: see ``Picture.outliers``.
    """
    known, ranges = bands_and_ranges(image, bands)
    source = ImageSource(image)
    _, height, width = source.shape
    if min(height, width) < SMALLEST:
        raise RasterError(f"the image is {width} x {height} pixels; at least {SMALLEST} x {SMALLEST} are needed")
    attrs = image.attrs if isinstance(image, xr.DataArray) else {}
    named = sensor_named(bands)
    units = str(attrs.get("units", named.units if named else DISPLAY))
    own = "unknown" if named is None else named.name
    sensor = own if isinstance(bands, str) else str(attrs.get("sensor", own)).strip().lower()
    power = _is_power(units, sensor, known)
    ranges = (get_sensor("sentinel1-grd-db").valid_range,) * len(known) if power else ranges
    measured = Mapped(source, to_decibels) if power else source
    layers, outliers = _without_outliers(measured, known, ranges, is_open_ended(attrs))
    if not outliers and not any(layers.survey.valid):
        raise RasterError("the image has no data: every pixel is nodata, NaN or infinite; check its nodata value")
    return Picture(layers, source, ranges, grid_of(image), units, sensor, outliers, power)


def _is_power(units: str, sensor: str, bands: Sequence[Band]) -> bool:
    """Whether the values are linear power of radar: speckle is additive, and the network at home, in decibels only."""
    known = units == "power" or (sensor in SENSORS and SENSORS[sensor].units == "power")
    return known and all(band.modality is Modality.SAR for band in bands)


def _without_outliers(
    source: Source, bands: tuple[Band, ...], ranges: tuple[Range, ...], open_ended: bool
) -> tuple[Filled, int]:
    """Unit values without outliers, and their number; with all values if there are too many in an open-ended range."""
    plausible = Plausible(source, ranges, open_ended)
    layers = Filled.of(Mapped(plausible, to_unit(ranges)), bands)
    # The survey has read every pixel exactly once.
    outliers = plausible.removed
    share = outliers / max(sum(layers.survey.valid) + outliers, 1)
    if not open_ended:
        check_units(plausible, share, ranges[0])
    elif share > MAX_OUTLIERS_OF_OPEN_RANGE:
        return Filled.of(Mapped(source, to_unit(ranges)), bands), 0
    return layers, outliers
