"""Write an image as its source was stored: same grid, numbers, metadata and gaps."""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from rasterio.control import GroundControlPoint
from rasterio.enums import ColorInterp
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetWriter
from rasterio.rpc import RPC
from rasterio.transform import Affine
from rasterio.windows import Window

from llars.errors import BandError, OutputError
from llars.infer.encode import encode, stored_like
from llars.infer.outputs import check_outputs, whole_files
from llars.infer.pixels import repeat
from llars.infer.profile import RasterProfile, read_profile
from llars.scene.decode import open_raster, read_visible

__all__ = ["RasterProfile", "read_profile", "write_like"]

TILE = 256
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
    """Write physical values as a GeoTIFF that is like its source in everything but them.

    A pixel without data in the source is so in the output, with the number that it had. A pixel whose value is
    exactly the source's keeps the source's number, whatever rounding would make of it. A valid pixel never gets the
    number that means no data.

    Args:
        path: the output; a COG where the name ends in ``.cog.tif``. It appears only when it is whole.
        values: ``(band, y, x)``, one for each data band of the profile, on a grid ``scale`` times finer.
        profile: of the source.
        scale: factor by which the grid is finer; the bounds stay exactly.
        valid: where ``values`` hold data, same shape; by default where they are finite.
        tags: added to the source's.
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
    with whole_files([path]) as (place,), warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            _write_geotiff(place, values, profile, scale, valid, tags or {})
            if path.name.lower().endswith(".cog.tif"):
                _as_cog(place).replace(place)
            _check_whole(place)
        except (RasterioError, OSError) as error:
            reason = getattr(error, "strerror", None) or str(error.__cause__ or error).splitlines()[0]
            raise OutputError(f"{path} cannot be written: {reason}; is the disk full?") from error


def _as_cog(geotiff: Path) -> Path:
    cog = geotiff.with_name(f"cog_{geotiff.name}")
    options = {"compress": "DEFLATE", "predictor": "YES", "bigtiff": "IF_SAFER", "blocksize": 512}
    try:
        rasterio.shutil.copy(str(geotiff), str(cog), driver="COG", **options)
    except Exception as error:  # GDAL's own classes, which rasterio neither wraps nor publishes
        raise OSError(None, str(error).splitlines()[0]) from error
    return cog


def _check_whole(path: Path) -> None:
    """Raise OSError where a tile is missing: what fails while GDAL closes a file, nobody hears of."""
    size = path.stat().st_size
    with rasterio.open(path) as file:
        for index in file.indexes:
            for (row, column), _ in file.block_windows(index):
                start, length = (
                    file.get_tag_item(f"BLOCK_{what}_{column}_{row}", "TIFF", bidx=index) for what in ("OFFSET", "SIZE")
                )
                if start is None or length is None or int(start) + int(length) > size:
                    raise OSError(None, "a part of the file did not reach the disk")


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
        "blockxsize": TILE,
        "blockysize": TILE,
        "compress": "deflate",
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


def _write_geotiff(
    path: Path,
    values: NDArray[np.float32],
    profile: RasterProfile,
    scale: int,
    valid: NDArray[np.bool_] | None,
    tags: Mapping[str, str],
) -> None:
    strips = _from_source if profile.source is not None else _from_values
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(path, "w", **_creation(profile, scale)) as target,
    ):
        _write_metadata(target, profile, scale, tags)
        for strip in strips(values, profile, scale, valid):
            target.write(strip.numbers, list(profile.decoding.indexes), window=strip.window)
            if strip.opacity is not None:
                target.write(strip.opacity, profile.decoding.alpha, window=strip.window)
            if strip.mask is not None:
                target.write_mask(strip.mask, window=strip.window)


def _write_metadata(target: DatasetWriter, profile: RasterProfile, scale: int, tags: Mapping[str, str]) -> None:
    target.colorinterp = profile.colours
    target.descriptions = profile.descriptions
    target.units = [unit or "" for unit in profile.units]
    target.scales = profile.scales
    target.offsets = profile.offsets
    target.update_tags(**{**profile.tags, **tags})
    if profile.imagery:
        target.update_tags(ns="IMAGERY", **profile.imagery)
    for i in range(profile.count):
        target.update_tags(i + 1, **profile.band_tags[i])
        if profile.band_imagery[i]:
            target.update_tags(i + 1, ns="IMAGERY", **profile.band_imagery[i])
    if profile.gcps:
        # Rows and columns of control points count from the upper left corner of the image.
        finer = [GroundControlPoint(p.row * scale, p.col * scale, p.x, p.y, p.z, p.id, p.info) for p in profile.gcps]
        target.gcps = (finer, profile.gcps_crs)
    if profile.rpcs is not None:
        target.rpcs = _finer_rpcs(profile.rpcs, scale)


def _finer_rpcs(rpcs: RPC, scale: int) -> RPC:
    """Coefficients for a finer grid; their lines and samples count from the middle of the first pixel."""
    fields = rpcs.to_dict()
    for axis in ("line", "samp"):
        fields[f"{axis}_off"] = (fields[f"{axis}_off"] + 0.5) * scale - 0.5
        fields[f"{axis}_scale"] *= scale
    return RPC(**fields)


@dataclass(frozen=True)
class _Strip:
    """Rows of the output, in stored numbers."""

    window: Window
    numbers: NDArray[np.generic]
    opacity: NDArray[np.generic] | None = None
    mask: NDArray[np.generic] | None = None


def _rows(
    values: NDArray[np.float32], profile: RasterProfile, scale: int, valid: NDArray[np.bool_] | None
) -> Iterator[tuple[Window, Window, NDArray[np.float32], NDArray[np.bool_]]]:
    """Rows of source and output that belong together, with the values there and where they hold data."""
    for top in range(0, profile.height, STRIP):
        rows = min(STRIP, profile.height - top)
        part = slice(top * scale, (top + rows) * scale)
        held = np.isfinite(values[:, part])
        if valid is not None:
            held &= valid[:, part]
        here = Window(0, top, profile.width, rows)
        yield here, Window(0, top * scale, profile.width * scale, rows * scale), values[:, part], held


def _from_values(
    values: NDArray[np.float32], profile: RasterProfile, scale: int, valid: NDArray[np.bool_] | None
) -> Iterator[_Strip]:
    for _, there, part, held in _rows(values, profile, scale, valid):
        numbers = encode(part, profile.decoding, profile.dtype)
        numbers[~held] = np.nan if profile.nodata is None else profile.nodata
        yield _Strip(there, numbers)


def _from_source(
    values: NDArray[np.float32], profile: RasterProfile, scale: int, valid: NDArray[np.bool_] | None
) -> Iterator[_Strip]:
    decoding = profile.decoding
    with open_raster(profile.source or "") as source:
        for here, there, part, held in _rows(values, profile, scale, valid):
            stored = source.read(list(decoding.indexes), window=here)
            visible = read_visible(source, decoding, window=here)
            opacity = mask = None
            if decoding.alpha is not None:
                opacity = repeat(source.read(decoding.alpha, window=here), scale)
            if decoding.masked:
                mask = repeat(source.read_masks(1, window=here), scale)
            yield _Strip(there, stored_like(part, held, decoding, stored, visible, scale), opacity, mask)
