"""Results in the type of the input: a DataArray or a NumPy array."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from llars.bands import Band
from llars.infer.reading.grids import Grid, pixel_ratio
from llars.infer.reading.layers import finer_bands
from llars.infer.reading.sources import nodata_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from llars.infer.reading.channels import AnyImage

__all__ = ["like"]

PLACE = frozenset({"y", "x"})

NODATA = frozenset({"_FillValue", "missing_value", "fill_value", "nodata", "nodatavals"})
"""Attributes in which rioxarray looks for the nodata number."""


def like(image: AnyImage, values: NDArray[np.float32], own: Grid, grid: Grid, scale: int | None) -> AnyImage:
    """``values`` in the type of ``image``, with its coordinates, attributes and order of dimensions.

    A ``scale`` above 1 refines the grid within the same bounds: pixel centres and the transform of the grid mapping
    move, the bands' ground sampling distance shrinks. None means that the image was resampled from
    its ``own`` grid to another, ``grid``.
    """
    if not isinstance(image, xr.DataArray):
        return values
    declared = nodata_of(image)
    kept = {name: image.coords[name] for name in image.coords if scale == 1 or not PLACE & {*image.coords[name].dims}}
    result = xr.DataArray(values, dims=("band", "y", "x"), name=image.name, attrs=dict(image.attrs), coords=kept)
    if declared is not None:
        # NaN marks the gaps of the result; as rioxarray does, the number that a file will have goes to the encoding.
        result.attrs = {key: value for key, value in result.attrs.items() if key not in NODATA}
        result = result.rio.write_nodata(declared, encoded=True)
    if scale == 1:
        return result.transpose(*image.dims)
    finer = pixel_ratio(own, grid) if scale is None else scale
    result = _placed(result, grid) if scale is None else _refined(result, image, own, scale)
    bands = image.attrs.get("bands")
    if isinstance(bands, (tuple, list)) and all(isinstance(band, Band) for band in bands):  # not names alone
        result.attrs["bands"] = finer_bands(bands, finer)
    return result.transpose(*image.dims)


def _placed(result: xr.DataArray, grid: Grid) -> xr.DataArray:
    transform = grid.transform
    assert transform is not None
    if transform.b == 0 and transform.d == 0:
        result = result.assign_coords(
            x=transform.c + transform.a * (np.arange(grid.width) + 0.5),
            y=transform.f + transform.e * (np.arange(grid.height) + 0.5),
        )
    if grid.crs is not None:
        result = result.rio.write_crs(grid.crs)
    placed: xr.DataArray = result.rio.write_transform(transform)
    return placed


def _refined(result: xr.DataArray, image: xr.DataArray, own: Grid, scale: int) -> xr.DataArray:
    for axis in ("y", "x"):
        if axis in image.coords:
            centres = _centres(np.asarray(image.coords[axis].values, dtype=np.float64), scale)
            result = result.assign_coords({axis: (axis, centres, image.coords[axis].attrs)})
    return _with_finer_transform(result, own, scale)


def _centres(centres: NDArray[np.float64], scale: int) -> NDArray[np.float64]:
    spacing = (centres[-1] - centres[0]) / (len(centres) - 1)
    first = centres[0] - spacing / 2
    return np.asarray(first + (np.arange(len(centres) * scale) + 0.5) * (spacing / scale))


def _with_finer_transform(image: xr.DataArray, own: Grid, scale: int) -> xr.DataArray:
    """Transform and ground control points of the grid mapping (as rioxarray writes them) for the finer grid."""
    for name in image.coords:
        mapping = image.coords[name].copy(deep=True)
        if "GeoTransform" in mapping.attrs:
            transform = own.on_a_map().finer(scale).transform
            assert transform is not None
            mapping.attrs["GeoTransform"] = " ".join(map(repr, map(float, transform.to_gdal())))
            image = image.assign_coords({name: mapping})
        if "gcps" in mapping.attrs:
            points = json.loads(mapping.attrs["gcps"])
            for feature in points["features"]:
                for axis in ("row", "col"):
                    feature["properties"][axis] *= scale
            mapping.attrs["gcps"] = json.dumps(points)
            image = image.assign_coords({name: mapping})
    return image
