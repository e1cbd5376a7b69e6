"""Where images lie on the ground, and what of one is left outside others."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

__all__ = ["Box", "footprint", "footprints", "outside"]

Box = tuple[float, float, float, float]
"""West, south, east and north in degrees."""

Part = tuple[int, int, int, int]
"""First and one past last row, first and one past last column."""


def footprint(source: DatasetReader, part: Part) -> Box | None:
    """Bounds of a part of an image; None where the file does not say where it lies."""
    from rasterio.warp import transform_bounds
    from rasterio.windows import Window

    if source.crs is None:
        return None
    top, bottom, left, right = part
    bounds = source.window_bounds(Window(left, top, right - left, bottom - top))
    west, south, east, north = transform_bounds(source.crs, "EPSG:4326", *bounds)
    return west, south, east, north


def footprints(paths: Iterable[Path]) -> list[Box]:
    """Footprints of the files that have one."""
    import rasterio
    from rasterio.errors import RasterioIOError

    found = []
    with warnings.catch_warnings(action="ignore"):
        for path in paths:
            try:
                with rasterio.open(path) as source:
                    box = footprint(source, (0, source.height, 0, source.width))
            except RasterioIOError:
                continue  # whoever reads it will be told
            if box is not None:
                found.append(box)
    return found


def outside(source: DatasetReader, boxes: Iterable[Box]) -> Part:
    """The largest rectangle of an image that no box reaches into, as found by cutting off one box after the other."""
    from rasterio.warp import transform_bounds

    top, bottom, left, right = 0, source.height, 0, source.width
    if source.crs is None:
        return top, bottom, left, right
    for box in boxes:
        bounds = transform_bounds("EPSG:4326", source.crs, *box)
        if not all(math.isfinite(value) for value in bounds):
            continue  # too far away for this projection
        window = source.window(*bounds)
        first, last = math.floor(window.row_off), math.ceil(window.row_off + window.height)
        start, stop = math.floor(window.col_off), math.ceil(window.col_off + window.width)
        if first >= bottom or last <= top or start >= right or stop <= left:
            continue
        around = [(top, first, left, right), (last, bottom, left, right)]
        around += [(top, bottom, left, start), (top, bottom, stop, right)]
        top, bottom, left, right = max(around, key=_area)
    return top, bottom, left, right


def _area(part: Part) -> int:
    return max(0, part[1] - part[0]) * max(0, part[3] - part[2])
