"""Open an image file as physical values, with everything known about its bands."""

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import rioxarray  # noqa: F401  (registers the .rio accessor)
import xarray as xr
from numpy.typing import NDArray
from rasterio.io import DatasetReader
from rasterio.transform import from_gcps
from rasterio.warp import transform as reproject_points
from rasterio.windows import Window
from xarray.backends import BackendArray
from xarray.core import indexing

from llars.bands import Band, Sensor
from llars.errors import RasterError, ValueRangeError
from llars.scene.decode import Decoding, decoding_of, open_raster, read_physical, read_visible
from llars.scene.precision import precision_notes
from llars.scene.products import notes_of
from llars.scene.whole import check_whole
from llars.sensors import get_sensor

__all__ = ["SMALLEST", "open_scene"]

SMALLEST = 16
"""Shortest side in pixels of an image that can be restored: smaller ones hold too little for the network."""

SAMPLE = 1024
"""Pixels along the longer side of the sample by which ranges are checked; smaller images are used whole."""

BLOCK_ROWS = 512
"""Rows that are sampled at once, or one block of the file if it has more."""

PLAUSIBLE = {"reflectance": (-0.3, 2.0), "dB": (-70.0, 40.0), "power": (-1e-3, math.inf), "kelvin": (150.0, 400.0)}
"""Plausible physical values, by units; for other units, the valid range and three times its width on either side."""

ENOUGH = 1_000_000
"""About how many values percentiles are computed from."""

TOLERATED = 0.01
"""Share of values that may lie beyond: glint, fire, detector faults."""

Range = tuple[float, float]


def open_scene(
    path: str | Path, sensor: str | None = None, *, scale: float | None = None, offset: float | None = None
) -> xr.DataArray:
    """Open an image as physical values.

    Args:
        path: a raster file that GDAL reads, or a product: a .SAFE or Landsat folder or archive, of which the bands of
            its finest multispectral grid are opened, or, as ``PRODUCT:20m``, those of another.
        sensor: its name as in ``SENSORS``; by default found from the file's tags, band descriptions and wavelengths.
        scale: physical value = stored number * scale + offset; overrides file, product and sensor.
        offset: see ``scale``.

    Returns:
        ``(band, y, x)`` float32, NaN where there is no data, read when first used if large. Units are the sensor's
        (reflectance, dB, kelvin, display 0-1). Attributes: ``bands`` (a ``Band`` each), ``sensor`` (``unknown`` where
        nothing fits), ``sensor_source`` (``given``, ``tag``, ``descriptions``, ``imagery``, ``colours``,
        ``fallback``), ``units``, ``value_range`` (lo, hi), ``band_ranges`` (lo, hi of each band), ``notes`` (sentences
        for the user). CRS, transform and ground control points are found by ``.rio``.

    Raises:
        RasterError: the file is missing, damaged, empty, complex, or smaller than 16 x 16 pixels.
        SensorError: the sensor is unknown, or its bands are not those of the file.
        ValueRangeError: the values can't be in the sensor's units.
    """
    if not isinstance(path, str | os.PathLike):
        raise RasterError(f"found an object of type {type(path).__name__}, expected the path of an image")
    check_whole(path)
    with open_raster(path) as dataset:
        if min(dataset.width, dataset.height) < SMALLEST and dataset.count:
            raise RasterError(
                f"{path} is {dataset.width} x {dataset.height} pixels; at least {SMALLEST} x {SMALLEST} are needed"
            )
        decoding = decoding_of(dataset, sensor, scale, offset)
        sample, whole = _sample(dataset, decoding, str(path))
        known = _radar_by_sign(decoding, sample)
        notes = [*notes_of(path), *decoding.notes, *precision_notes(dataset, decoding)]
        if known is None:
            ranges, units = tuple(_robust_range(band) for band in sample), dataset.units[decoding.indexes[0] - 1]
            notes.insert(0, "unknown sensor: values as stored, ranges from the image itself (--sensor names one)")
        else:
            _check_range(sample, known, decoding, str(path))
            ranges, units = (known.valid_range,) * len(sample), known.units
        pixel = _pixel_size(dataset)
        bands = tuple(band.with_gsd(pixel or band.gsd_m) for band in decoding.match.bands)
        lazy = whole if whole is not None else _Lazy(str(path), decoding, (len(bands), dataset.height, dataset.width))
        scene = _georeferenced(_wrap(lazy, bands), dataset)
    scene.attrs |= {
        "bands": bands,
        "sensor": known.name if known else "unknown",
        "sensor_source": decoding.match.source,
        "units": units or "unknown",
        "value_range": (min(lo for lo, _ in ranges), max(hi for _, hi in ranges)),
        "band_ranges": ranges,
        "notes": tuple(notes),
    }
    return scene


class _Lazy(BackendArray):
    """Physical values that are read on request."""

    def __init__(self, path: str, decoding: Decoding, shape: tuple[int, int, int]) -> None:
        self.path, self.decoding, self.shape, self.dtype = path, decoding, shape, np.dtype(np.float32)

    def __getitem__(self, key: Any) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[Any, ...]) -> NDArray[np.float32]:
        wanted = [np.arange(size)[entry] for entry, size in zip(key, self.shape, strict=True)]
        single = tuple(axis for axis, entry in enumerate(wanted) if entry.ndim == 0)
        bands, rows, columns = (np.atleast_1d(entry) for entry in wanted)
        if not (bands.size and rows.size and columns.size):
            return np.empty([entry.size for entry in wanted if entry.ndim], dtype=np.float32)
        top, left = int(rows.min()), int(columns.min())
        window = Window(left, top, int(columns.max()) - left + 1, int(rows.max()) - top + 1)
        with open_raster(self.path) as dataset:
            values = read_physical(dataset, self.decoding, window, tuple(int(i) for i in bands))
        if values.shape[1:] != (rows.size, columns.size) or not (_rising(rows) and _rising(columns)):
            values = values[:, rows - top][:, :, columns - left]
        return values.squeeze(axis=single)


def _rising(places: NDArray[np.intp]) -> bool:
    return bool((np.diff(places) == 1).all())


def _wrap(values: "_Lazy | NDArray[np.float32]", bands: tuple[Band, ...]) -> xr.DataArray:
    data: Any = values
    if isinstance(values, _Lazy):
        # As xarray's own file readers do: read once, cache, and copy before any change.
        layers: Any = indexing
        data = layers.MemoryCachedArray(layers.CopyOnWriteArray(layers.LazilyIndexedArray(values)))
    return xr.DataArray(xr.Variable(("band", "y", "x"), data), coords={"band": [band.name for band in bands]})


def _georeferenced(scene: xr.DataArray, dataset: DatasetReader) -> xr.DataArray:
    transform, (points, points_crs) = dataset.transform, dataset.gcps
    crs = dataset.crs or points_crs
    if crs is not None:
        scene = scene.rio.write_crs(crs)
    if points:
        scene = scene.rio.write_gcps(points, points_crs)
    elif crs is not None or not transform.is_identity:
        scene = scene.rio.write_transform(transform)
        if transform.is_rectilinear and transform.b == 0:
            scene = scene.assign_coords(
                x=transform.c + transform.a * (np.arange(dataset.width) + 0.5),
                y=transform.f + transform.e * (np.arange(dataset.height) + 0.5),
            )
    return scene


def _pixel_size(dataset: DatasetReader) -> float | None:
    """Side of a pixel on the ground in metres; of the middle pixel where the map's scale varies."""
    transform, crs = dataset.transform, dataset.crs
    if dataset.gcps[0]:
        transform, crs = from_gcps(dataset.gcps[0]), dataset.gcps[1]
    if crs is None or transform.is_identity:
        return None
    side = math.sqrt(abs(transform.determinant))
    if crs.is_projected and "mercator" not in crs.to_wkt().lower().replace("transverse_mercator", ""):
        return float(side * crs.linear_units_factor[1])
    a, b, c, d, e, f = tuple(transform)[:6]
    x, y = (base + p * dataset.width / 2 + q * dataset.height / 2 for p, q, base in ((a, b, c), (d, e, f)))
    try:
        (lon, east, south), (lat, lat_east, lat_south) = reproject_points(
            crs, "EPSG:4326", [x, x + a, x + b], [y, y + d, y + e]
        )
    except Exception:  # a local grid may have no way to longitude and latitude: rasterio raises many kinds of errors
        return None
    shrink = math.cos(math.radians(lat))
    metres = 111_195.0  # per degree of a sphere of 6371 km
    area = (east - lon) * (lat_south - lat) - (south - lon) * (lat_east - lat)
    return math.sqrt(abs(area) * shrink) * metres or None


def _sample(
    dataset: DatasetReader, decoding: Decoding, name: str
) -> tuple[list[NDArray[np.float32]], NDArray[np.float32] | None]:
    """Valid values of each band for checks, decimated if the image is large; and the whole image if it is not."""
    step = math.ceil(max(dataset.width, dataset.height) / SAMPLE)
    whole = None
    if step == 1:
        whole = read_physical(dataset, decoding)
        sample = [_valid(band) for band in whole]
    else:
        parts = [*_thinned(dataset, decoding, step)]
        sample = [_valid(np.concatenate([part[i] for part in parts])) for i in range(len(decoding.indexes))]
        for i, values in enumerate(sample):
            if not values.size:  # the few valid pixels lie between the sampled ones, if there are any
                sample[i] = _valid(read_physical(dataset, decoding, bands=(i,)))
    if not any(values.size for values in sample):
        raise RasterError(f"{name} has no data: every pixel is nodata, NaN or masked; check its nodata value")
    return sample, whole


def _thinned(dataset: DatasetReader, decoding: Decoding, step: int) -> Iterator[NDArray[np.float32]]:
    """About every ``step``-th row and column of all bands, by rows of the file's blocks.

    GDAL decimates band by band: in a whole scene, no block would stay in its cache until the next band.
    """
    block = dataset.block_shapes[0][0]
    tall = block * max(BLOCK_ROWS // block, 1)
    for top in range(0, dataset.height, tall):
        window = Window(0, top, dataset.width, min(tall, dataset.height - top))
        shape = (max(round(window.height / step), 1), max(dataset.width // step, 1))
        stored = dataset.read(list(decoding.indexes), window=window, out_shape=(len(decoding.indexes), *shape))
        yield decoding.physical(stored, read_visible(dataset, decoding, window, shape))


def _valid(values: NDArray[np.float32]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = values[np.isfinite(values)]
    return found


def _radar_by_sign(decoding: Decoding, sample: list[NDArray[np.float32]]) -> Sensor | None:
    """The sensor. Radar that was only guessed is in decibels if there are negative values, else linear power."""
    sensor = decoding.match.sensor
    guessed = decoding.match.source == "descriptions" and sensor is not None and sensor.name == "sentinel1-grd-db"
    if guessed and not any((values < 0).any() for values in sample):
        return get_sensor("sentinel1-grd-linear")
    return sensor


def _robust_range(values: NDArray[np.float32]) -> Range:
    """The 2nd to 98th percentile of a band's valid values, widened by a quarter on either side."""
    if not values.size:
        return (0.0, 1.0)
    lo, hi = np.percentile(values.astype(np.float64), (2, 98))
    margin = 0.25 * (hi - lo) or 0.5 * abs(hi) or 0.5
    return (float(lo - margin), float(hi + margin))


def _check_range(sample: list[NDArray[np.float32]], sensor: Sensor, decoding: Decoding, name: str) -> None:
    """Refuse values that can't be in the sensor's units; rescaling them silently would be a guess."""
    finite = np.concatenate(sample)
    finite = finite[:: math.ceil(finite.size / ENOUGH)]
    lo, hi = sensor.valid_range
    low, high = PLAUSIBLE.get(sensor.units, (lo - 3 * (hi - lo), hi + 3 * (hi - lo)))
    beyond = float(np.mean((finite < low) | (finite > high)))
    middle = [float(number) for number in np.percentile(finite, (2, 98))]
    found = (
        f"{name}: as {sensor.name} (number x {decoding.scales[0]:g} + {decoding.offsets[0]:g}) the values lie between "
        f"{middle[0]:.4g} and {middle[1]:.4g} {sensor.units}"
    )
    remedy = "name the right sensor (--sensor), or set scale, offset and nodata in the file (gdal_edit.py -scale ...)"
    if beyond > TOLERATED:
        raise ValueRangeError(
            f"{found}, {beyond:.0%} of them outside {low:g} to {high:g}: probably not scaled; {remedy}"
        )
    if sensor.units == "reflectance" and float(np.median(finite)) < 0:
        raise ValueRangeError(f"{found}, most of them negative: probably another scale and offset; {remedy}")
    if sensor.units == "reflectance" and float(finite.max()) < 1e-3:
        raise ValueRangeError(f"{found}, all below 0.001: probably scaled twice; {remedy}")
    if sensor.units == "dB" and middle[0] >= 0:
        raise ValueRangeError(f"{found}, none of them negative: probably linear; {remedy}")
