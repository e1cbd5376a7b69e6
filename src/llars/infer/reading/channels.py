"""Bands and ranges of the channels of an image, from its attributes or as the caller names them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import xarray as xr

from llars.bands import Band, Sensor
from llars.errors import BandError
from llars.scene.identify import Evidence, Match, identify
from llars.sensors import get_sensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["AnyImage", "BandsLike", "Range", "bands_and_ranges", "channels_of", "sensor_named"]

AnyImage: TypeAlias = "xr.DataArray | NDArray[Any]"
"""What ``Restorer`` takes."""

BandsLike: TypeAlias = "str | Sequence[Band | str]"
"""A sensor's name, or one Band or band name per channel."""

Range: TypeAlias = tuple[float, float]

Entry = TypeVar("Entry")

DISPLAY_RANGE: Range = (0.0, 1.0)


def bands_and_ranges(image: AnyImage, bands: BandsLike | None = None) -> tuple[tuple[Band, ...], tuple[Range, ...]]:
    """Band and range of every channel of an image; raises BandError like ``picture_of``."""
    count = channels_of(image)
    known, ranges = _of_data_array(image, bands) if isinstance(image, xr.DataArray) else _named(count, bands)
    if len(known) != count:
        raise BandError(f"found {count} channels, but {len(known)} bands are named; name each channel's band")
    if len(ranges) != count:
        raise BandError(f"found {count} channels, but {len(ranges)} in the attribute 'band_ranges'; give each one")
    return known, ranges


def sensor_named(bands: BandsLike | None) -> Sensor | None:
    """The sensor that ``bands`` names, or that has bands of all these names; None where no sensor is known."""
    if isinstance(bands, str):
        return get_sensor(bands)
    names = tuple(band for band in bands or () if isinstance(band, str))
    return _identified(names).sensor if names else None


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
            return _identified(tuple(attached)).bands
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
    match = _identified(tuple(names))
    return match.bands, (match.sensor.valid_range if match.sensor else DISPLAY_RANGE,) * count


def _identified(names: tuple[str, ...]) -> Match:
    return identify(Evidence(names, (None,) * len(names), "float32"))
