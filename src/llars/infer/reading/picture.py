"""Scenes given as DataArrays or NumPy arrays, and their conversion to unit values and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np
import xarray as xr

from llars.bands import Band
from llars.errors import BandError, RasterError
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
from llars.infer.tiles import Window
from llars.initial.rayleigh import clear_air
from llars.scene.identify import Evidence, identify
from llars.sensors import get_sensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "DISPLAY",
    "REFLECTANCE",
    "AnyImage",
    "BandsLike",
    "Image",
    "Picture",
    "bands_and_ranges",
    "channels_of",
    "picture_of",
]

AnyImage: TypeAlias = "xr.DataArray | NDArray[Any]"
"""What ``Restorer`` takes."""

Image = TypeVar("Image", xr.DataArray, "NDArray[Any]")
"""The one of these types that was given, and is returned."""

Entry = TypeVar("Entry")

BandsLike: TypeAlias = "str | Sequence[Band | str]"
"""A sensor's name, or one Band or band name per channel."""

SMALLEST = 16
"""Shortest side of an image in pixels: smaller ones hold too little for the network."""


Range: TypeAlias = tuple[float, float]

DISPLAY_RANGE: Range = (0.0, 1.0)

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
    """Units of the physical values, from the attribute ``units`` of a DataArray; without it, display values."""

    sensor: str = "unknown"
    """Name of the sensor, from the attribute ``sensor`` of a DataArray, or as the caller gave it."""

    outliers: int = 0
    """Number of values so far outside ``ranges`` that they are treated like gaps."""

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

    def physical(self, values: NDArray[np.float32], *, width: bool = False) -> NDArray[np.float32]:
        """Turn unit values ``(band, y, x)`` into physical ones in place; NaN stays.

        ``width`` applies the gain without the offset, for differences and standard deviations.
        """
        for band, (low, high) in enumerate(self.ranges):
            values[band] *= np.float32(high - low)
            if not width:
                values[band] += np.float32(low)
        return values

    def with_outliers(self, values: NDArray[np.float32], window: Window, scale: int | None) -> NDArray[np.float32]:
        """Put back, in place, the scene's own values of outliers in physical values ``(band, y, x)`` of a window.

        The window lies on the scene's grid, or on one ``scale`` times finer; None means that it is another grid, on
        which outliers stay NaN.
        """
        if self.outliers and scale is not None:
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
            (sensor ``unknown``) or the values are radar power. Fewer are treated like gaps: see ``Picture.outliers``.
    """
    known, ranges = bands_and_ranges(image, bands)
    source = ImageSource(image)
    _, height, width = source.shape
    if min(height, width) < SMALLEST:
        raise RasterError(f"the image is {width} x {height} pixels; at least {SMALLEST} x {SMALLEST} are needed")
    attrs = image.attrs if isinstance(image, xr.DataArray) else {}
    units = str(attrs.get("units", DISPLAY))
    layers, outliers = _without_outliers(source, known, ranges, is_open_ended(attrs))
    if not outliers and not any(layers.survey.valid):
        raise RasterError("the image has no data: every pixel is nodata, NaN or infinite; check its nodata value")
    sensor = bands if isinstance(bands, str) else str(attrs.get("sensor", "unknown"))
    return Picture(layers, source, ranges, grid_of(image), units, sensor.strip().lower(), outliers)


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


def bands_and_ranges(image: AnyImage, bands: BandsLike | None = None) -> tuple[tuple[Band, ...], tuple[Range, ...]]:
    """Band and range of every channel of an image; raises BandError like ``picture_of``."""
    count = channels_of(image)
    known, ranges = _of_data_array(image, bands) if isinstance(image, xr.DataArray) else _named(count, bands)
    if len(known) != count:
        raise BandError(f"found {count} channels, but {len(known)} bands are named; name each channel's band")
    if len(ranges) != count:
        raise BandError(f"found {count} channels, but {len(ranges)} in the attribute 'band_ranges'; give each one")
    return known, ranges


def channels_of(image: AnyImage) -> int:
    """Number of channels of an image; raises BandError where it is none of ``(band, y, x)`` with real numbers."""
    if not hasattr(image, "ndim"):
        raise BandError(
            f"found an image of type {type(image).__name__}, expected a DataArray or a NumPy array (band, y, x); "
            "open a file with llars.open_scene"
        )
    if getattr(image.dtype, "kind", "f") not in "fiub":
        raise BandError(f"found values of type {image.dtype}, expected real numbers; convert them")
    if isinstance(image, xr.DataArray):
        if set(image.dims) != {"band", "y", "x"}:
            raise BandError(f"found dimensions {tuple(image.dims)}, expected ('band', 'y', 'x'); rename or select")
        count = image.sizes["band"]
    else:
        if image.ndim != 3:
            raise BandError(f"found an array of shape {image.shape}, expected (band, y, x); add the missing axis")
        count = len(image)
    if not count:
        raise BandError("found an image without channels, expected one at least; give (band, y, x)")
    return count


def _of_data_array(image: xr.DataArray, bands: BandsLike | None) -> tuple[tuple[Band, ...], tuple[Range, ...]]:
    count = image.sizes["band"]
    known, ranges = (None, None) if bands is None else _named(count, bands)
    attached = _attached(image, strict=bands is None)
    channels = _channels(image, attached)
    known = known or tuple(_selected(attached, channels)) or None
    if "band_ranges" in image.attrs:
        ranges = tuple(_selected(image.attrs["band_ranges"], channels))
    elif "value_range" in image.attrs:
        ranges = (image.attrs["value_range"],) * count
    if known is None or ranges is None:
        raise BandError(
            "the DataArray lacks the attributes 'bands' and 'value_range' that llars.open_scene sets; "
            "open it so, or give bands= (a sensor's name or one band per channel)"
        )
    return tuple(known), tuple(ranges)


def _attached(image: xr.DataArray, strict: bool) -> Sequence[Band]:
    """The attribute ``bands``, which may also hold names; where it holds anything else, an error if ``strict``."""
    attached = image.attrs.get("bands", ())
    if isinstance(attached, (tuple, list)):
        if all(isinstance(band, Band) for band in attached):
            return attached
        if all(isinstance(band, str) for band in attached):
            return identify(Evidence(tuple(attached), (None,) * len(attached), "float32")).bands
    if strict:
        raise BandError(f"found the attribute 'bands' = {attached!r:.60}, expected one Band or band name per channel")
    return ()


def _channels(image: xr.DataArray, attached: Sequence[Band]) -> list[int] | None:
    """Index of each channel among the attached bands; None where the coordinate ``band`` does not identify them.

    xarray selects and reorders coordinates along with the values, but never attributes.
    """
    names = [band.name for band in attached]
    labels: list[Any] = image.coords["band"].values.tolist() if "band" in image.coords else [None]
    if len({*names}) < len(names) or not {*labels} <= {*names}:
        return None
    return [names.index(label) for label in labels]


def _selected(attached: Sequence[Entry], channels: list[int] | None) -> Sequence[Entry]:
    return attached if channels is None else [attached[channel] for channel in channels]


def _named(count: int, bands: BandsLike | None) -> tuple[tuple[Band, ...], tuple[Range, ...]]:
    if bands is None:
        if count != 3:
            raise BandError(
                f"nothing is known of the {count} channels; give bands= (a sensor's name or one band per channel)"
            )
        bands = "rgb"
    if isinstance(bands, str):
        sensor = get_sensor(bands)
        return sensor.bands, (sensor.valid_range,) * count
    if not isinstance(bands, Sequence):
        raise BandError(f"found bands={bands!r}, expected a sensor's name or one band per channel")
    names = [band for band in bands if isinstance(band, str)]
    if not names:
        return tuple(band for band in bands if isinstance(band, Band)), (DISPLAY_RANGE,) * count
    if len(names) != len(bands):
        raise BandError("bands= mixes names and Band objects; give one kind")
    match = identify(Evidence(tuple(names), (None,) * len(names), "float32"))
    return match.bands, (match.sensor.valid_range if match.sensor else DISPLAY_RANGE,) * count
