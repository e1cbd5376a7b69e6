"""How the stored numbers of a raster file become physical values, and which pixels hold none."""

import functools
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError  # GDAL's own errors, which rasterio does not always wrap
from rasterio.enums import MaskFlags
from rasterio.errors import NotGeoreferencedWarning, RasterioError, RasterioIOError
from rasterio.io import DatasetReader
from rasterio.windows import Window

from llars.errors import RasterError
from llars.scene.alpha import alpha_of
from llars.scene.identify import Evidence, Match, bands_of, identify
from llars.scene.keeping import forget, kept_open, stays_open
from llars.scene.names import gdal_name
from llars.scene.products import virtual_raster
from llars.scene.refusals import refuse_mixed_types, refuse_unreadable
from llars.scene.scaling import default_scaling, product_metadata
from llars.sensors import get_sensor

__all__ = ["Decoding", "decoding_of", "open_raster", "read_physical", "read_visible"]

TABLED = 2
"""Most bytes of integers that are decoded by a look-up table."""

ROWS_AT_ONCE = 1024
"""Rows that are converted at once: the float64 intermediate of a whole scene would be twice the scene."""


@dataclass(frozen=True)
class Decoding:
    """The way from stored numbers to physical values; tuples have one entry per data band."""

    match: Match
    """The sensor and its bands."""

    indexes: tuple[int, ...]
    """Positions in the file, from 1; an alpha band is not among them."""

    scales: tuple[float, ...]
    """Physical value = stored number * scale + offset."""

    offsets: tuple[float, ...]
    """See ``scales``."""

    nodata: tuple[float | None, ...]
    """The nodata number, as stored."""

    alpha: int | None
    """Position of the alpha band; where it is 0 there is no data."""

    masked: bool
    """The file carries a mask of its own."""

    notes: tuple[str, ...]
    """Sentences that the user should read."""

    def subset(self, channels: Sequence[int]) -> "Decoding":
        """The decoding of some data bands, counted from 0, in that order."""
        return replace(
            self,
            indexes=tuple(self.indexes[channel] for channel in channels),
            scales=tuple(self.scales[channel] for channel in channels),
            offsets=tuple(self.offsets[channel] for channel in channels),
            nodata=tuple(self.nodata[channel] for channel in channels),
        )

    def missing(self, stored: NDArray[np.generic], visible: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
        """Where there is no data: nodata numbers, NaN, infinity, masked pixels. Shape of ``stored`` (band, y, x)."""
        gaps = np.zeros(stored.shape, dtype=bool)
        for gap, numbers, nodata in zip(gaps, stored, self.nodata, strict=True):
            if np.issubdtype(stored.dtype, np.floating):
                gap |= ~np.isfinite(numbers)
            if nodata is not None and np.isfinite(nodata):
                gap |= numbers == np.asarray(nodata).astype(stored.dtype)
        if visible is not None:
            gaps |= ~visible
        return gaps

    def physical(self, stored: NDArray[np.generic], visible: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
        """Physical values, NaN where there is no data, of stored numbers (band, y, x) and visible pixels (y, x)."""
        values = np.empty(stored.shape, dtype=np.float32)
        if stored.dtype.kind in "iu" and stored.dtype.itemsize <= TABLED:
            bits = stored.view(f"u{stored.dtype.itemsize}")
            for band, numbers, *how in zip(values, bits, self.scales, self.offsets, self.nodata, strict=True):
                _table(stored.dtype, *how).take(numbers, out=band, mode="wrap")
            if visible is not None:
                values[:, ~visible] = np.nan
            return values
        for band, numbers, scale, offset in zip(values, stored, self.scales, self.offsets, strict=True):
            with np.errstate(over="ignore", invalid="ignore"):
                if (scale, offset) == (1.0, 0.0):
                    band[:] = numbers
                else:
                    band[:] = numbers.astype(np.float64) * scale + offset
        values[self.missing(stored, visible) | ~np.isfinite(values)] = np.nan
        return values


@functools.lru_cache(64)
def _table(dtype: np.dtype[Any], scale: float, offset: float, nodata: float | None) -> NDArray[np.float32]:
    """The physical value of every number of a small integer type, in the order of its bits: one look-up per pixel."""
    numbers = np.arange(256**dtype.itemsize, dtype=f"u{dtype.itemsize}").view(dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        values = (numbers.astype(np.float64) * scale + offset).astype(np.float32)
    if nodata is not None and np.isfinite(nodata):
        values[numbers == np.asarray(nodata).astype(dtype)] = np.nan
    values[~np.isfinite(values)] = np.nan
    return values


@contextmanager
def open_raster(path: str | Path) -> Iterator[DatasetReader]:
    """Open a raster file or a product (see ``virtual_raster``) for reading.

    Raises:
        RasterError: the file is missing, no raster, or damaged; also when a read inside the block fails.
    """
    text = gdal_name(path)
    local = "://" not in text and not text.startswith("/vsi")
    product = virtual_raster(text) if local else None
    if local and product is None and not Path(text).exists() and ":" not in text:
        raise RasterError(f"{text} does not exist; check the path")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            kept = product or (text if local and stays_open(text) else None)
            dataset = kept_open(kept) if kept else rasterio.open(text)
    except (RasterioError, CPLE_BaseError) as error:
        if local and Path(text).is_file() and Path(text).stat().st_size == 0:
            raise RasterError(f"{text} is empty; fetch or copy it again") from error
        raise RasterError(
            f"{text} is not a raster that GDAL can read, or is damaged; check it with 'rio info' and give a GeoTIFF"
        ) from error
    with nullcontext(dataset) if kept else dataset:
        try:
            yield dataset
        except (RasterioIOError, CPLE_BaseError) as error:
            forget()
            where = _named(error) if product else "pixels"
            raise RasterError(
                f"{text}: {where} cannot be read, the file is truncated or damaged; fetch or copy it again"
            ) from error


def _named(error: BaseException) -> str:
    """The file of a product that GDAL could not read, if the error names it."""
    found = re.search(r"[^/\s\"'`]+\.(?:jp2|tiff?)\b", str(error.__cause__ or error), flags=re.IGNORECASE)
    return found[0] if found else "pixels"


def read_physical(
    dataset: DatasetReader, decoding: Decoding, window: Window | None = None, bands: tuple[int, ...] | None = None
) -> NDArray[np.float32]:
    """Physical values ``(band, y, x)`` of a window and the data bands at ``bands``; all by default."""
    window = window or Window(0, 0, dataset.width, dataset.height)
    chosen = decoding if bands is None else decoding.subset(bands)
    values = np.empty((len(chosen.indexes), int(window.height), int(window.width)), dtype=np.float32)
    for top in range(0, int(window.height), ROWS_AT_ONCE):
        rows = min(ROWS_AT_ONCE, int(window.height) - top)
        strip = Window(window.col_off, window.row_off + top, window.width, rows)
        stored = dataset.read(list(chosen.indexes), window=strip)
        values[:, top : top + rows] = chosen.physical(stored, read_visible(dataset, chosen, window=strip))
    return values


def read_visible(
    dataset: DatasetReader,
    decoding: Decoding,
    window: Window | None = None,
    out_shape: tuple[int, int] | None = None,
) -> NDArray[np.bool_] | None:
    """Pixels ``(y, x)`` that mask and alpha leave visible; None where the file has neither."""
    visible: NDArray[np.bool_] | None = None
    if decoding.masked:
        visible = dataset.read_masks(1, window=window, out_shape=out_shape) != 0
    if decoding.alpha is not None:
        opaque = dataset.read(decoding.alpha, window=window, out_shape=out_shape) != 0
        visible = opaque if visible is None else visible & opaque
    return visible


def decoding_of(
    dataset: DatasetReader, sensor: str | None = None, scale: float | None = None, offset: float | None = None
) -> Decoding:
    """How to read this file, from its metadata alone.

    Scale and offset are those given, else those of the file, of the product's metadata or of the sensor, in this order;
    floating-point numbers without any are physical already.

    Raises:
        SensorError: the sensor is unknown, or its bands are not those of the file.
        RasterError: the file has no bands, or complex numbers, or colour indices, or bands of different types.
    """
    refuse_unreadable(dataset)
    alpha, remarks = alpha_of(dataset, sensor)
    indexes = tuple(i for i in dataset.indexes if i != alpha)
    refuse_mixed_types(dataset, indexes)
    own = [(dataset.scales[i - 1], dataset.offsets[i - 1]) for i in indexes]
    scaled = any(pair != (1.0, 0.0) for pair in own)
    tags = {**product_metadata(dataset.name), **dataset.tags()}
    evidence = Evidence(
        descriptions=tuple(_description(dataset, i) for i in indexes),
        wavelengths=tuple(_wavelength(dataset, i) for i in indexes),
        dtype=dataset.dtypes[0],
        scaling=own[0] if scaled else (scale, offset or 0.0) if scale is not None else None,
        tags=tags,
        colours=tuple(dataset.colorinterp[i - 1].name for i in indexes),
    )
    if sensor is None:
        match = identify(evidence)
    else:
        match = Match(get_sensor(sensor), bands_of(get_sensor(sensor), evidence), "given")
    notes = [*remarks, *match.notes]
    if not scaled:
        own, more = default_scaling(match, evidence, [dataset.tags(i) for i in indexes])
        notes += [] if offset is not None else more
    nodata = [dataset.nodatavals[i - 1] for i in indexes]
    if match.sensor is not None and evidence.dtype[:5] != "float" and all(number is None for number in nodata):
        nodata = [match.sensor.nodata] * len(indexes)
    flags = dataset.mask_flag_enums[0]
    return Decoding(
        match=match,
        indexes=indexes,
        scales=tuple(own_scale if scale is None else scale for own_scale, _ in own),
        offsets=tuple(own_offset if offset is None else offset for _, own_offset in own),
        nodata=tuple(number if _representable(number, evidence.dtype) else None for number in nodata),
        alpha=alpha,
        masked=MaskFlags.per_dataset in flags and MaskFlags.alpha not in flags,
        notes=tuple(notes),
    )


def _representable(number: float | None, dtype: str) -> bool:
    """Whether a nodata number can occur at all: files exist that declare -9999 for bytes."""
    if number is None or dtype.startswith("float"):
        return number is not None
    info = np.iinfo(dtype)
    return bool(np.isfinite(number)) and info.min <= number <= info.max and number == int(number)


def _description(dataset: DatasetReader, index: int) -> str | None:
    text = cast("str | None", dataset.descriptions[index - 1])
    if text or dataset.count > 1:
        return text
    # Images of a .SAFE product hold one band, which is named only in the name of the file.
    named = re.search(r"_(B\d[\dA])(_\d\dm)?\.(jp2|tiff?)$", dataset.name, flags=re.IGNORECASE)
    return named[1].upper() if named else None


def _wavelength(dataset: DatasetReader, index: int) -> tuple[float, float | None] | None:
    imagery = dataset.tags(index, ns="IMAGERY")
    try:
        centre = 1000 * float(imagery["CENTRAL_WAVELENGTH_UM"])
        width = 1000 * float(imagery["FWHM_UM"]) if "FWHM_UM" in imagery else None
    except (KeyError, ValueError):
        return None
    return (round(centre, 3), None if width is None else round(width, 3)) if centre > 0 else None
