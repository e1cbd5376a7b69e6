"""The scene as the restorer works on it, and the way from and to the types that people hold scenes in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np
import xarray as xr

from llars.bands import Band
from llars.errors import BandError, RasterError, ValueRangeError
from llars.infer.pixels import fill_gaps, repeat
from llars.scene.identify import Evidence, identify
from llars.sensors import get_sensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["AnyImage", "BandsLike", "Image", "Picture", "picture_of", "with_values"]

AnyImage: TypeAlias = "xr.DataArray | NDArray[Any]"
"""What ``Restorer`` takes."""

Image = TypeVar("Image", xr.DataArray, "NDArray[Any]")
"""The one of them that it gives back."""

Entry = TypeVar("Entry")

BandsLike: TypeAlias = "str | Sequence[Band | str]"
"""A sensor's name, or one Band or band name per channel."""

SMALLEST = 16
"""Sides below this many pixels tell the network nothing."""


Range: TypeAlias = tuple[float, float]

DISPLAY_RANGE: Range = (0.0, 1.0)

STRIP = 512
"""Rows that are read at once."""

FAR, TOLERATED = 3.5, 0.01
"""Distance from the middle of the range, in its widths, and the share of pixels that may lie beyond it."""


@dataclass(frozen=True)
class Picture:
    """A scene in unit values, without gaps, and where the gaps were."""

    values: NDArray[np.float32]
    """``(band, y, x)``, 0 to 1 over ``ranges``; gaps are filled from their surroundings."""

    valid: NDArray[np.bool_]
    """``(band, y, x)``, False where the scene has no data."""

    bands: tuple[Band, ...]
    """One per channel."""

    ranges: tuple[Range, ...]
    """Physical values of each band that the unit values 0 and 1 stand for."""

    def with_values(self, values: NDArray[np.float32], scale: int = 1) -> Picture:
        """Other values for the same scene, on a grid ``scale`` times finer."""
        if scale == 1:
            return replace(self, values=values)
        return replace(self, values=values, valid=repeat(self.valid, scale), bands=_finer(self.bands, scale))

    def physical(self, values: NDArray[np.float32], *, width: bool = False) -> NDArray[np.float32]:
        """Turn unit values ``(band, y, x)`` into physical ones, NaN where there is no data, in place: scenes are large.

        ``width`` is for differences and deviations, on which the range's lower end has no say.
        """
        for band, (low, high) in enumerate(self.ranges):
            values[band] *= np.float32(high - low)
            if not width:
                values[band] += np.float32(low)
        values[~self.valid] = np.nan
        return values


def picture_of(image: AnyImage, bands: BandsLike | None = None) -> Picture:
    """The scene in unit values.

    Args:
        image: a DataArray with dimensions band, y and x (attributes ``bands`` and ``value_range`` as ``open_scene``
            sets them; where its coordinate ``band`` holds names of these bands, it says which channel is which), or
            an array ``(band, y, x)``; physical values, NaN or infinite where there is no data.
        bands: overrides the DataArray's; an array of three bands without any is taken for display values of red,
            green and blue. Values of bands that no sensor vouches for range from 0 to 1.

    Raises:
        BandError: the dimensions are others, or the bands are unknown or not as many as the channels.
        RasterError: the image is smaller than 16 x 16 or has no data at all.
        ValueRangeError: the values of an array, or of a DataArray with ``bands``, lie far from the bands' range.
    """
    if isinstance(image, xr.DataArray):
        if set(image.dims) != {"band", "y", "x"}:
            raise BandError(f"found dimensions {tuple(image.dims)}, expected ('band', 'y', 'x'); rename or select")
        values = _loaded(image)
        known, ranges = _of_data_array(image, bands)
    else:
        values = np.array(image, dtype=np.float32)
        if values.ndim != 3:
            raise BandError(f"found an array of shape {values.shape}, expected (band, y, x); add the missing axis")
        known, ranges = _named(len(values), bands)
    if len(known) != len(values):
        raise BandError(f"found {len(values)} channels, but {len(known)} bands are named; name each channel's band")
    if len(ranges) != len(values):
        raise BandError(
            f"found {len(values)} channels, but {len(ranges)} in the attribute 'band_ranges'; give each one"
        )
    picture = _filled(values, known, ranges)
    if bands is not None or not isinstance(image, xr.DataArray):
        _check_range(picture)
    return picture


def _loaded(image: xr.DataArray) -> NDArray[np.float32]:
    """A copy, read strip by strip: asked for all at once, a lazy array would keep a second one."""
    image = image.transpose("band", "y", "x")
    values = np.empty(image.shape, dtype=np.float32)
    for top in range(0, values.shape[1], STRIP):
        rows = slice(top, top + STRIP)
        values[:, rows] = image.isel(y=rows).values
    return values


def _filled(values: NDArray[np.float32], bands: tuple[Band, ...], ranges: tuple[Range, ...]) -> Picture:
    height, width = values.shape[1:]
    if min(height, width) < SMALLEST:
        raise RasterError(f"the image is {width} x {height} pixels; at least {SMALLEST} x {SMALLEST} are needed")
    valid = np.isfinite(values)
    if not valid.any():
        raise RasterError("the image has no data: every pixel is nodata, NaN or infinite; check its nodata value")
    for band, (low, high) in enumerate(ranges):
        values[band] -= np.float32(low)
        values[band] /= np.float32(high - low)
        fill_gaps(values[band], valid[band])
    return Picture(values, valid, bands, ranges)


def _check_range(picture: Picture) -> None:
    """Refuse values that cannot be in the bands' units: rescaling them silently would be a guess."""
    beyond = float(np.mean(np.abs(picture.values - 0.5) > FAR))
    if beyond > TOLERATED:
        low, high = picture.ranges[0]
        raise ValueRangeError(
            f"{beyond:.0%} of the values lie far outside {low:g} to {high:g}, the range of these bands; "
            "give physical values (display values between 0 and 1), or the sensor's name as bands="
        )


def _of_data_array(image: xr.DataArray, bands: BandsLike | None) -> tuple[tuple[Band, ...], tuple[Range, ...]]:
    count = image.sizes["band"]
    known, ranges = (None, None) if bands is None else _named(count, bands)
    attached = image.attrs.get("bands", ())
    channels = _channels(image, attached)
    known = known or tuple(_picked(attached, channels)) or None
    if "band_ranges" in image.attrs:
        ranges = tuple(_picked(image.attrs["band_ranges"], channels))
    elif "value_range" in image.attrs:
        ranges = (image.attrs["value_range"],) * count
    if known is None or ranges is None:
        raise BandError(
            "the DataArray lacks the attributes 'bands' and 'value_range' that llars.open_scene sets; "
            "open it so, or give bands= (a sensor's name or one band per channel)"
        )
    return tuple(known), tuple(ranges)


def _channels(image: xr.DataArray, attached: Sequence[Band]) -> list[int] | None:
    """Which of the attached bands each channel is; None where the coordinate ``band`` doesn't tell.

    xarray selects and reorders coordinates along with the values, but never attributes.
    """
    names = [band.name for band in attached]
    labels: list[Any] = image.coords["band"].values.tolist() if "band" in image.coords else [None]
    if len({*names}) < len(names) or not {*labels} <= {*names}:
        return None
    return [names.index(label) for label in labels]


def _picked(attached: Sequence[Entry], channels: list[int] | None) -> Sequence[Entry]:
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
    names = [band for band in bands if isinstance(band, str)]
    if not names:
        return tuple(band for band in bands if isinstance(band, Band)), (DISPLAY_RANGE,) * count
    if len(names) != len(bands):
        raise BandError("bands= mixes names and Band objects; give one kind")
    match = identify(Evidence(tuple(names), (None,) * len(names), "float32"))
    return match.bands, (match.sensor.valid_range if match.sensor else DISPLAY_RANGE,) * count


def with_values(image: AnyImage, values: NDArray[np.float32], scale: int = 1) -> AnyImage:
    """``values`` as the type of ``image``: with its coordinates, attributes and order of dimensions.

    A ``scale`` above 1 refines the grid within the same bounds: pixel centres and the transform of the grid mapping
    move, the bands' ground sampling distance shrinks.
    """
    return _in_place_of(image, values, scale) if isinstance(image, xr.DataArray) else values


def _in_place_of(image: xr.DataArray, values: NDArray[np.float32], scale: int) -> xr.DataArray:
    coords = image.coords
    kept = {name: coords[name] for name in coords if scale == 1 or not {"y", "x"} & {*coords[name].dims}}
    result = xr.DataArray(values, dims=("band", "y", "x"), name=image.name, attrs=dict(image.attrs), coords=kept)
    if scale > 1:
        for axis in ("y", "x"):
            if axis in image.coords:
                centres = _refined(np.asarray(image.coords[axis].values, dtype=np.float64), scale)
                result = result.assign_coords({axis: (axis, centres, image.coords[axis].attrs)})
        result = _with_finer_transform(result, scale)
        if "bands" in image.attrs:
            result.attrs["bands"] = _finer(image.attrs["bands"], scale)
    return result.transpose(*image.dims)


def _finer(bands: Sequence[Band], scale: int) -> tuple[Band, ...]:
    return tuple(band.with_gsd(band.gsd_m / scale if band.gsd_m else None) for band in bands)


def _refined(centres: NDArray[np.float64], scale: int) -> NDArray[np.float64]:
    spacing = (centres[-1] - centres[0]) / (len(centres) - 1)
    first = centres[0] - spacing / 2
    return np.asarray(first + (np.arange(len(centres) * scale) + 0.5) * (spacing / scale))


def _with_finer_transform(image: xr.DataArray, scale: int) -> xr.DataArray:
    """Transform and ground control points of the grid mapping (as rioxarray writes them) for the finer grid."""
    for name in image.coords:
        mapping = image.coords[name].copy(deep=True)
        if "GeoTransform" in mapping.attrs:
            # GDAL's order: left, column's x, row's x, top, column's y, row's y.
            left, a, b, top, d, e = (float(number) for number in str(mapping.attrs["GeoTransform"]).split())
            finer = (left, a / scale, b / scale, top, d / scale, e / scale)
            mapping.attrs["GeoTransform"] = " ".join(repr(number) for number in finer)
            image = image.assign_coords({name: mapping})
        if "gcps" in mapping.attrs:
            points = json.loads(mapping.attrs["gcps"])
            for feature in points["features"]:
                for axis in ("row", "col"):
                    feature["properties"][axis] *= scale
            mapping.attrs["gcps"] = json.dumps(points)
            image = image.assign_coords({name: mapping})
    return image
