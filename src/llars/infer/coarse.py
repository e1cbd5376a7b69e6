"""A coarser version of a scene and of the file that holds it: what super-resolution is to undo."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from rasterio.control import GroundControlPoint
from rasterio.transform import Affine

from llars.degrade.resolution import reduce
from llars.errors import DataError
from llars.infer.picture import Picture
from llars.infer.raster import RasterProfile

__all__ = ["coarser"]


def coarser(
    picture: Picture, profile: RasterProfile, factor: int
) -> tuple[Picture, RasterProfile, tuple[int, int] | None]:
    """Pixels ``factor`` times as wide, each the area mean of those that it covers.

    A pixel that covers a gap is a gap. Rows and columns at the end that fill no pixel are cut off.

    Returns:
        The coarser picture, the profile to write it with, and the numbers of rows and columns cut off, if any.

    Raises:
        DataError: the image is smaller than one coarser pixel.
    """
    bands, height, width = picture.values.shape
    rows, columns = height // factor, width // factor
    if not rows or not columns:
        raise DataError(f"an image of {width} x {height} pixels cannot be made {factor} times coarser")
    inside = (slice(None), slice(rows * factor), slice(columns * factor))
    values = reduce(torch.from_numpy(picture.values[inside]), factor).numpy()
    valid = np.asarray(picture.valid[inside].reshape(bands, rows, factor, columns, factor).all(axis=(2, 4)))
    cut = (height - rows * factor, width - columns * factor)
    small = replace(picture, values=values, valid=valid)
    return small, _coarser_profile(profile, factor, rows, columns, not bool(valid.all())), cut if any(cut) else None


def _coarser_profile(profile: RasterProfile, factor: int, rows: int, columns: int, gaps: bool) -> RasterProfile:
    """Without the source's pixels: gaps need a number, for alpha bands and masks stay behind."""
    decoding, data = profile.decoding, profile.decoding.indexes
    nodata = profile.nodata if profile.nodata is not None else next((n for n in decoding.nodata if n is not None), None)
    if nodata is None and gaps:
        nodata = 0.0 if np.issubdtype(np.dtype(profile.dtype), np.integer) else float("nan")
    return replace(
        profile,
        source=None,
        width=columns,
        height=rows,
        count=len(data),
        nodata=nodata,
        transform=None if profile.transform is None else profile.transform @ Affine.scale(factor),
        gcps=tuple(
            GroundControlPoint(p.row / factor, p.col / factor, p.x, p.y, p.z, p.id, p.info) for p in profile.gcps
        ),
        rpcs=None,
        descriptions=tuple(profile.descriptions[i - 1] for i in data),
        units=tuple(profile.units[i - 1] for i in data),
        scales=tuple(profile.scales[i - 1] for i in data),
        offsets=tuple(profile.offsets[i - 1] for i in data),
        colours=tuple(profile.colours[i - 1] for i in data),
        band_tags=tuple(profile.band_tags[i - 1] for i in data),
        band_imagery=tuple(profile.band_imagery[i - 1] for i in data),
        decoding=replace(
            decoding,
            indexes=tuple(range(1, len(data) + 1)),
            nodata=(nodata,) * len(data),
            alpha=None,
            masked=False,
        ),
    )
