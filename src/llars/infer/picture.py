"""The scene as the restorer works on it, and the way from and to the types that people hold scenes in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import xarray as xr

from llars.bands import Band
from llars.errors import BandError, RasterError
from llars.identify import Evidence, identify
from llars.infer.pixels import fill_gaps, repeat
from llars.sensors import get_sensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BandsLike", "Image", "Picture", "picture_of", "with_values"]

Image: TypeAlias = "xr.DataArray | NDArray[Any]"
"""What ``Restorer`` takes and gives."""

BandsLike: TypeAlias = "str | Sequence[Band | str]"
"""A sensor's name, or one Band or band name per channel."""

SMALLEST = 16
"""Sides below this many pixels tell the network nothing."""


DISPLAY_RANGE = (0.0, 1.0)


@dataclass(frozen=True)
class Picture:
    """A scene in unit values, without gaps, and where the gaps were."""

    values: NDArray[np.float32]
    """``(band, y, x)``, 0 to 1 over ``value_range``; gaps are filled from their surroundings."""

    valid: NDArray[np.bool_]
    """``(band, y, x)``, False where the scene has no data."""

    bands: tuple[Band, ...]
    value_range: tuple[float, float]
    """Physical values that the unit values 0 and 1 stand for."""

    def with_values(self, values: NDArray[np.float32], scale: int = 1) -> Picture:
        """Other values for the same scene, on a grid ``scale`` times finer."""
        if scale == 1:
            return replace(self, values=values)
        return replace(self, values=values, valid=repeat(self.valid, scale), bands=_finer(self.bands, scale))

    def physical(self, values: NDArray[np.float32] | None = None, *, width: bool = False) -> NDArray[np.float32]:
        """Unit values (the picture's own by default) in physical units, NaN where there is no data.

        ``width`` is for differences and deviations, on which the range's lower end has no say.
        """
        low, high = self.value_range
        image = (self.values if values is None else values) * np.float32(high - low)
        if not width:
            image += np.float32(low)
        image[~self.valid] = np.nan
        return image


def picture_of(image: Image, bands: BandsLike | None = None) -> Picture:
    """The scene in unit values.

    Args:
        image: a DataArray with dimensions band, y and x (attributes ``bands`` and ``value_range`` as ``open_scene``
            sets them), or an array ``(band, y, x)``; physical values, NaN or infinite where there is no data.
        bands: overrides the DataArray's; an array of three bands without any is taken for display values of red,
            green and blue. Values of bands that no sensor vouches for range from 0 to 1.

    Raises:
        BandError: the dimensions are others, or the bands are unknown or not as many as the channels.
        RasterError: the image is smaller than 16 x 16 or has no data at all.
    """
    if isinstance(image, xr.DataArray):
        if set(image.dims) != {"band", "y", "x"}:
            raise BandError(f"found dimensions {tuple(image.dims)}, expected ('band', 'y', 'x'); rename or select")
        values = np.array(image.transpose("band", "y", "x").values, dtype=np.float32)
        known, value_range = _from_attributes(image, bands)
    else:
        values = np.array(image, dtype=np.float32)
        if values.ndim != 3:
            raise BandError(f"found an array of shape {values.shape}, expected (band, y, x); add the missing axis")
        known, value_range = _named(len(values), bands)
    if len(known) != len(values):
        raise BandError(f"found {len(values)} channels, but {len(known)} bands are named; name each channel's band")
    return _filled(values, known, value_range)


def _filled(values: NDArray[np.float32], bands: tuple[Band, ...], value_range: tuple[float, float]) -> Picture:
    height, width = values.shape[1:]
    if min(height, width) < SMALLEST:
        raise RasterError(f"the image is {width} x {height} pixels; at least {SMALLEST} x {SMALLEST} are needed")
    valid = np.isfinite(values)
    if not valid.any():
        raise RasterError("the image has no data: every pixel is nodata, NaN or infinite; check its nodata value")
    low, high = value_range
    values -= np.float32(low)
    values /= np.float32(high - low)
    for band in range(len(values)):
        fill_gaps(values[band], valid[band])
    return Picture(values, valid, bands, value_range)


def _from_attributes(image: xr.DataArray, bands: BandsLike | None) -> tuple[tuple[Band, ...], tuple[float, float]]:
    if bands is not None:
        known, value_range = _named(image.sizes["band"], bands)
        return known, image.attrs.get("value_range", value_range)
    if "bands" not in image.attrs or "value_range" not in image.attrs:
        raise BandError(
            "the DataArray lacks the attributes 'bands' and 'value_range' that llars.open_scene sets; "
            "open it so, or give bands= (a sensor's name or one band per channel)"
        )
    return tuple(image.attrs["bands"]), tuple(image.attrs["value_range"])


def _named(count: int, bands: BandsLike | None) -> tuple[tuple[Band, ...], tuple[float, float]]:
    if bands is None:
        if count != 3:
            raise BandError(
                f"nothing is known of the {count} channels; give bands= (a sensor's name or one band per channel)"
            )
        bands = "rgb"
    if isinstance(bands, str):
        sensor = get_sensor(bands)
        return sensor.bands, sensor.valid_range
    names = [band for band in bands if isinstance(band, str)]
    if not names:
        return tuple(band for band in bands if isinstance(band, Band)), DISPLAY_RANGE
    if len(names) != len(bands):
        raise BandError("bands= mixes names and Band objects; give one kind")
    match = identify(Evidence(tuple(names), (None,) * len(names), "float32"))
    return match.bands, match.sensor.valid_range if match.sensor else DISPLAY_RANGE


def with_values(image: Image, values: NDArray[np.float32], scale: int = 1) -> Image:
    """``values`` as the type of ``image``: with its coordinates, attributes and order of dimensions.

    A ``scale`` above 1 refines the grid within the same bounds: pixel centres and the transform of the grid mapping
    move, the bands' ground sampling distance shrinks.
    """
    if not isinstance(image, xr.DataArray):
        return values
    kept = {name: axis for name, axis in image.coords.items() if scale == 1 or not {"y", "x"} & {*axis.dims}}
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
    return first + (np.arange(len(centres) * scale) + 0.5) * (spacing / scale)


def _with_finer_transform(image: xr.DataArray, scale: int) -> xr.DataArray:
    for name, coordinate in image.coords.items():
        if "GeoTransform" in coordinate.attrs:
            # GDAL's order: left, column's x, row's x, top, column's y, row's y.
            left, a, b, top, d, e = (float(number) for number in str(coordinate.attrs["GeoTransform"]).split())
            finer = (left, a / scale, b / scale, top, d / scale, e / scale)
            mapping = coordinate.copy(deep=True)
            mapping.attrs["GeoTransform"] = " ".join(repr(number) for number in finer)
            image = image.assign_coords({name: mapping})
    return image
