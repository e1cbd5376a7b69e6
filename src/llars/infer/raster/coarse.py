"""A coarser version of a scene and of its file profile: the degradation that super-resolution undoes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from rasterio.control import GroundControlPoint
from rasterio.transform import Affine

from llars.degrade.resolution import reduce
from llars.errors import DataError
from llars.infer.raster.profile import RasterProfile, finer_rpcs

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["coarser"]


def coarser(
    values: NDArray[np.float32], valid: NDArray[np.bool_], profile: RasterProfile, factor: int
) -> tuple[NDArray[np.float32], RasterProfile, tuple[int, int] | None]:
    """The scene in pixels ``factor`` times as wide, each the area mean of those that it covers.

    A pixel that covers a gap is a gap. Rows and columns at the end that do not fill a pixel are cut off.

    Returns:
        The coarser values, NaN in the gaps, the profile to write them with, and the numbers of rows and columns cut
        off, if any.

    Raises:
        DataError: the image is smaller than one coarser pixel.
    """
    bands, height, width = values.shape
    rows, columns = height // factor, width // factor
    if not rows or not columns:
        raise DataError(f"an image of {width} x {height} pixels cannot be made {factor} times coarser")
    inside = (slice(None), slice(rows * factor), slice(columns * factor))
    means = reduce(torch.from_numpy(values[inside]), factor).numpy()
    whole = np.asarray(valid[inside].reshape(bands, rows, factor, columns, factor).all(axis=(2, 4)))
    means[~whole] = np.nan
    cut = (height - rows * factor, width - columns * factor)
    return means, _coarser_profile(profile, factor, rows, columns, not bool(whole.all())), cut if any(cut) else None


def _coarser_profile(profile: RasterProfile, factor: int, rows: int, columns: int, gaps: bool) -> RasterProfile:
    return replace(
        profile.detached(gaps),
        width=columns,
        height=rows,
        transform=None if profile.transform is None else profile.transform @ Affine.scale(factor),
        gcps=tuple(
            GroundControlPoint(p.row / factor, p.col / factor, p.x, p.y, p.z, p.id, p.info) for p in profile.gcps
        ),
        rpcs=None if profile.rpcs is None else finer_rpcs(profile.rpcs, 1 / factor),
    )
