"""Write an image as its source is stored: same grid, data type, metadata and gaps."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
import rasterio.windows
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError  # GDAL's own errors, which rasterio does not always wrap
from rasterio.control import GroundControlPoint
from rasterio.enums import ColorInterp
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader, DatasetWriter
from rasterio.transform import Affine

from llars.errors import BandError, OutputError
from llars.infer.raster.encode import encode, stored_like
from llars.infer.raster.outputs import check_outputs, whole_files
from llars.infer.raster.profile import RasterProfile, finer_rpcs, read_profile
from llars.infer.raster.readback import Readback
from llars.infer.reading.pixels import repeat
from llars.infer.tiles import Window, strips
from llars.scene.decode import open_raster, read_visible

__all__ = ["RasterProfile", "Writer", "read_profile", "write_like", "writing"]

TILE, COG_TILE = 256, 512
LEVEL, COG_LEVEL = 1, 3
"""Compression levels: the usual 6 makes files 7 % smaller, but takes half as long as the restoration itself."""

STRIP = 256
"""Source rows that are converted at once."""


def write_like(
    path: str | Path,
    values: NDArray[np.float32],
    profile: RasterProfile,
    *,
    scale: int = 1,
    valid: NDArray[np.bool_] | None = None,
    tags: Mapping[str, str] | None = None,
    overwrite: bool = False,
) -> None:
    """Write physical values as a GeoTIFF that is otherwise like its source.

    A pixel without data in the source has none in the output, and keeps its stored number; if the nodata numbers of the
    source's bands differ, it gets that of the output, as a GeoTIFF has only one. A pixel whose value is
    exactly the source's keeps the source's number, regardless of rounding. A valid pixel never gets the nodata number.

    Args:
        path: the output; a COG where the name ends in ``.cog.tif``. It appears only when it is complete.
        values: ``(band, y, x)``, one for each data band of the profile, on a grid ``scale`` times finer.
        profile: profile of the source.
        scale: factor by which the grid is finer; the bounds stay exactly.
        valid: where ``values`` hold data, same shape; by default where they are finite.
        tags: tags to add to those of the source.
        overwrite: replace an existing file.

    Raises:
        BandError: the shape is not that of the profile.
        OutputError: the file exists or cannot be written.
    """
    path = Path(path)
    bands = len(profile.decoding.indexes)
    expected = (bands, profile.height * scale, profile.width * scale)
    if values.shape != expected:
        raise BandError(f"found values of shape {values.shape}, expected {expected} for {path.name}")
    check_outputs([path], overwrite)
    with whole_files([path]) as (place,), writing(place, profile, scale=scale, tags=tags) as writer:
        for strip in strips(*values.shape[1:], STRIP * scale * values.shape[2], STRIP * scale):
            part = (slice(None), *strip.slices)
            writer.write(strip, values[part], None if valid is None else valid[part])


@contextmanager
def writing(
    path: Path, profile: RasterProfile, *, scale: int = 1, tags: Mapping[str, str] | None = None
) -> Iterator[Writer]:
    """Write a GeoTIFF window by window; arguments and rules as in ``write_like``.

    ``path`` is incomplete until the block ends: use a path that ``whole_files`` gives.

    Raises:
        OutputError: the file cannot be written.
    """
    cog = path.name.lower().endswith(".cog.tif")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with ExitStack() as stack:
                stack.enter_context(rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True))
                target = stack.enter_context(rasterio.open(path, "w", **_creation(profile, scale)))
                source = None if profile.source is None else stack.enter_context(open_raster(profile.source))
                _write_metadata(target, profile, scale, tags or {})
                written = Readback()
                yield Writer(target, source, profile, scale, written)
            if cog:
                _as_cog(path).replace(path)
            written.check(path)
    except (RasterioError, OSError) as error:
        reason = getattr(error, "strerror", None) or _first_line(error)
        raise OutputError(f"{path.name} cannot be written: {reason}; is the disk full?") from error


@contextmanager
def _disk_faults() -> Iterator[None]:
    """Raise GDAL's errors as OSError: the source, which is open around this, takes GDAL's for its own."""
    try:
        yield
    except (RasterioError, CPLE_BaseError) as error:
        raise OSError(None, _first_line(error)) from error


def _first_line(error: BaseException) -> str:
    return str(error.__cause__ or error).splitlines()[0]


class Writer:
    """A GeoTIFF that is being written."""

    def __init__(
        self,
        target: DatasetWriter,
        source: DatasetReader | None,
        profile: RasterProfile,
        scale: int,
        written: Readback,
    ) -> None:
        self._target, self._source, self._profile, self._scale = target, source, profile, scale
        self._written = written

    def write(self, window: Window, values: NDArray[np.float32], valid: NDArray[np.bool_] | None = None) -> None:
        """Write physical values ``(band, y, x)`` of a window; they hold data where they are finite and ``valid``."""
        held = np.isfinite(values)
        if valid is not None:
            held &= valid
        there = _rasterio(window)
        if self._source is None:
            numbers = encode(values, self._profile.decoding, self._profile.dtype)
            if not held.all():  # an integer file has a nodata number then, but need not have one without gaps
                numbers[~held] = np.nan if self._profile.nodata is None else self._profile.nodata
        else:
            numbers = self._beside_source(self._source, window, values, held)
        self._put(numbers, self._profile.decoding.indexes, there)

    def _beside_source(
        self, source: DatasetReader, window: Window, values: NDArray[np.float32], held: NDArray[np.bool_]
    ) -> NDArray[np.generic]:
        """The numbers to store in a window; also copies the source's alpha band and mask."""
        decoding, there = self._profile.decoding, _rasterio(window)
        cells = window.coarser(self._scale)
        here, part = _rasterio(cells), window.inside(cells.finer(self._scale))

        def finer(stored: NDArray[Any]) -> NDArray[Any]:
            return repeat(stored, self._scale)[(..., *part)]

        stored = finer(source.read(list(decoding.indexes), window=here))
        visible = read_visible(source, decoding, window=here)
        if decoding.alpha is not None:
            self._put(finer(source.read([decoding.alpha], window=here)), (decoding.alpha,), there)
        if decoding.masked:
            mask = finer(source.read_masks(1, window=here))
            with _disk_faults():
                self._target.write_mask(mask, window=there)
            self._written.add_mask(there, mask)
        shown = None if visible is None else finer(visible)
        return stored_like(values, held, decoding, stored, shown, self._scale == 1, self._profile.written)

    def _put(self, numbers: NDArray[np.generic], bands: tuple[int, ...], window: rasterio.windows.Window) -> None:
        with _disk_faults():
            self._target.write(numbers, list(bands), window=window)
        self._written.add(window, bands, numbers)


def _rasterio(window: Window) -> rasterio.windows.Window:
    return rasterio.windows.Window(window.left, window.top, window.shape[1], window.shape[0])


def _as_cog(geotiff: Path) -> Path:
    """Copy the file to a COG beside it. GDAL copies either all tag domains, or the bands' tags of the default one."""
    cog = geotiff.with_name(f"cog_{geotiff.name}")
    with rasterio.open(geotiff) as file:
        domains, width = "AUTO" if any(file.tags(i) for i in file.indexes) else "YES", file.width
    options: dict[str, Any] = {"compress": "DEFLATE", "predictor": "YES", "level": COG_LEVEL, "bigtiff": "IF_SAFER"}
    options["blocksize"] = _tile(width, COG_TILE)
    options["copy_src_mdd"] = domains
    try:
        rasterio.shutil.copy(str(geotiff), str(cog), driver="COG", **options)
    except (RasterioError, CPLE_BaseError) as error:
        raise OSError(None, _first_line(error)) from error
    return cog


def _tile(width: int, usual: int) -> int:
    """Columns of a block: a block as wide as the image would be taken for a strip, by rasterio for one."""
    return usual // 2 if width == usual else usual


def _creation(profile: RasterProfile, scale: int) -> dict[str, Any]:
    rgb = profile.colours[:3] == (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
    options: dict[str, Any] = {
        "driver": "GTiff",
        "width": profile.width * scale,
        "height": profile.height * scale,
        "count": profile.count,
        "dtype": profile.dtype,
        "crs": profile.crs,
        "tiled": True,
        "blockxsize": _tile(profile.width * scale, TILE),
        "blockysize": TILE,
        "compress": "deflate",
        "zlevel": LEVEL,
        "predictor": 3 if profile.dtype.startswith("float") else 2,
        "bigtiff": "IF_SAFER",
        "num_threads": "ALL_CPUS",
        "photometric": "RGB" if rgb and profile.dtype in ("uint8", "uint16") else "MINISBLACK",
    }
    if profile.transform is not None:
        a, b, left, d, e, top = tuple(profile.transform)[:6]
        options["transform"] = Affine(a / scale, b / scale, left, d / scale, e / scale, top)
    if profile.nodata is not None:
        options["nodata"] = profile.nodata
    return options


def _write_metadata(target: DatasetWriter, profile: RasterProfile, scale: int, tags: Mapping[str, str]) -> None:
    target.colorinterp = profile.colours
    target.descriptions = profile.descriptions
    target.units = [unit or "" for unit in profile.units]
    target.scales = profile.scales
    target.offsets = profile.offsets
    target.update_tags(**{**profile.tags, **tags})
    for domain, entries in profile.domains.items():
        target.update_tags(ns=domain, **entries)
    for i in range(profile.count):
        target.update_tags(i + 1, **profile.band_tags[i])
        for domain, entries in profile.band_domains[i].items():
            target.update_tags(i + 1, ns=domain, **entries)
    if profile.gcps:
        # Rows and columns of ground control points count from the upper left corner of the image.
        finer = [GroundControlPoint(p.row * scale, p.col * scale, p.x, p.y, p.z, p.id, p.info) for p in profile.gcps]
        target.gcps = (finer, profile.gcps_crs)
    if profile.rpcs is not None:
        target.rpcs = finer_rpcs(profile.rpcs, scale)
