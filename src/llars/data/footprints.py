"""Footprints of images on the ground, and the part of an image that lies outside others."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from rasterio.crs import CRS
    from rasterio.io import DatasetReader

__all__ = ["Box", "Ground", "footprint", "footprints", "outside"]

Box = tuple[float, float, float, float]
"""West, south, east and north in degrees; west is greater than east if the box crosses the antimeridian."""

TURN = 360.0
"""Degrees of a full turn of longitude."""

TOUCH = 0.01
"""Pixels by which neighbours may overlap, to allow for rounding of their bounds."""

Part = tuple[int, int, int, int]
"""First and one past last row, first and one past last column."""


class Ground(NamedTuple):
    """Bounds of an image in its own CRS: in degrees, the bounds of a rotated image would be larger than it is."""

    crs: CRS
    bounds: Box


def footprint(source: DatasetReader, part: Part) -> Box | None:
    """Bounds in degrees of a part of an image; None if the file is not georeferenced."""
    from rasterio.warp import transform_bounds
    from rasterio.windows import Window

    if source.crs is None:
        return None
    top, bottom, left, right = part
    bounds = source.window_bounds(Window(left, top, right - left, bottom - top))
    west, south, east, north = transform_bounds(source.crs, "EPSG:4326", *bounds)
    return west, south, east, north


def footprints(paths: Iterable[Path]) -> list[Ground]:
    """Bounds of the files that are georeferenced and can be opened."""
    import rasterio
    from rasterio.errors import RasterioIOError

    found = []
    with warnings.catch_warnings(action="ignore"):
        for path in paths:
            try:
                with rasterio.open(path) as source:
                    if source.crs is not None:
                        found.append(Ground(source.crs, tuple(source.bounds)))
            except RasterioIOError:
                continue  # reported when the file is read
    return found


def outside(source: DatasetReader, others: Iterable[Ground]) -> Part:
    """A rectangle of an image free of the others: each is cut off in turn, and the largest remainder is kept."""
    top, bottom, left, right = 0, source.height, 0, source.width
    if source.crs is None:
        return top, bottom, left, right
    for bounds in (bounds for other in others for bounds in _on_map_of(source.crs, other)):
        window = source.window(*bounds)
        first, last = math.floor(window.row_off + TOUCH), math.ceil(window.row_off + window.height - TOUCH)
        start, stop = math.floor(window.col_off + TOUCH), math.ceil(window.col_off + window.width - TOUCH)
        if first >= bottom or last <= top or start >= right or stop <= left:
            continue
        around = [(top, first, left, right), (last, bottom, left, right)]
        around += [(top, bottom, left, start), (top, bottom, stop, right)]
        top, bottom, left, right = max(around, key=_area)
    return top, bottom, left, right


def _on_map_of(crs: CRS, ground: Ground) -> list[Box]:
    """Bounds of ``ground`` in ``crs``: none where it is too far away for a projection, three in degrees, a turn apart,
    as 181 degrees east and 179 degrees west are one meridian.
    """
    from rasterio.warp import transform_bounds

    own = ground.crs == crs
    west, south, east, north = ground.bounds if own else transform_bounds(ground.crs, crs, *ground.bounds)
    if not all(math.isfinite(value) for value in (west, south, east, north)):
        return []
    if not crs.is_geographic:
        return [(west, south, east, north)]
    if west > east:
        east += TURN
    return [(west + turn, south, east + turn, north) for turn in (-TURN, 0.0, TURN)]


def _area(part: Part) -> int:
    return max(0, part[1] - part[0]) * max(0, part[3] - part[2])
