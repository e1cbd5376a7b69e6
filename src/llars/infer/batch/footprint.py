"""Where a raster lies in longitude and latitude, as GeoJSON (RFC 7946) has it.

An outline that crosses the antimeridian is cut there into two polygons (§3.1.9), and its bounding box runs from west to
east across it: the first longitude is greater than the third number (§5.2). One that encloses a pole reaches up to it
(§5.3).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from rasterio.io import DatasetReader
from rasterio.warp import transform

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Footprint", "footprint_of"]

SIDE = 16
"""Points along each side of the outline: straight lines on one map are curves on another."""

DIGITS = 7
"""Decimals of a degree: about a centimetre."""

Ring = list[tuple[float, float]]
"""Longitudes and latitudes; the last point is the first."""


@dataclass(frozen=True)
class Footprint:
    """An outline in degrees."""

    geometry: dict[str, Any]
    """A ``Polygon``, or a ``MultiPolygon`` on both sides of the antimeridian; rings run counter-clockwise."""

    bbox: list[float]
    """West, south, east, north; west > east across the antimeridian."""


def footprint_of(dataset: DatasetReader) -> Footprint | None:
    """The outline of a raster; None where its place is not known, or its map has no way to degrees."""
    if dataset.crs is None or dataset.transform.is_identity:
        return None
    x, y = dataset.transform @ (_OUTLINE * (dataset.width, dataset.height)).T
    try:
        moved = transform(dataset.crs, "EPSG:4326", x.tolist(), y.tolist())
    except Exception:  # a local grid has no way to longitude and latitude: rasterio raises many things
        return None
    lon, lat = (np.asarray(axis, dtype=np.float64) for axis in moved)
    if not (np.isfinite(lon).all() and np.isfinite(lat).all()):
        return None
    lon = np.unwrap(lon, period=360)
    if round((lon[-1] - lon[0]) / 360):
        return _around_a_pole(lon, lat)
    lon -= 360 * np.floor((lon.min() + 180) / 360)
    ring = _counter_clockwise([*zip(lon.tolist(), lat.tolist(), strict=True)])
    west, east, south, north = (round(float(end), DIGITS) for end in (lon.min(), lon.max(), lat.min(), lat.max()))
    if east <= 180:
        return Footprint({"type": "Polygon", "coordinates": [_rounded(ring)]}, [west, south, east, north])
    halves = [_clipped(ring, 1), [(x - 360, y) for x, y in _clipped(ring, -1)]]
    geometry = {"type": "MultiPolygon", "coordinates": [[_rounded(half)] for half in halves]}
    west, east = (-180.0, 180.0) if east - west >= 360 else (west, round(east - 360, DIGITS))
    return Footprint(geometry, [west, south, east, north])


def _outline() -> NDArray[np.float64]:
    """Points around a unit square, the last of which is the first."""
    at, zero = np.arange(SIDE) / SIDE, np.zeros(SIDE)
    x = np.concatenate([at, zero + 1, 1 - at, zero, [0]])
    return np.stack([x, np.concatenate([zero, at, zero + 1, 1 - at, [0]])], 1)


_OUTLINE = _outline()


def _around_a_pole(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> Footprint:
    """All longitudes, from the outline up or down to the pole."""
    pole = 90.0 if lat.mean() > 0 else -90.0
    inner = sorted(zip(((lon[:-1] + 180) % 360 - 180).tolist(), lat[:-1].tolist(), strict=True))
    edge = float(np.interp(180, [inner[-1][0], inner[0][0] + 360], [inner[-1][1], inner[0][1]]))
    corners = [(180.0, edge), (180.0, pole), (-180.0, pole), (-180.0, edge)]
    ring = _counter_clockwise([(-180.0, edge), *inner, *corners])
    south, north = sorted((float(lat.min() if pole > 0 else lat.max()), pole))
    geometry = {"type": "Polygon", "coordinates": [_rounded(ring)]}
    return Footprint(geometry, [-180.0, round(south, DIGITS), 180.0, round(north, DIGITS)])


def _clipped(ring: Ring, side: int) -> Ring:
    """What lies west (1) or east (-1) of the 180th meridian (Sutherland & Hodgman 1974, CACM 17(1))."""
    kept: Ring = []
    for (x, y), (next_x, next_y) in pairwise(ring):
        if side * (180 - x) >= 0:
            kept.append((x, y))
        if (180 - x) * (180 - next_x) < 0:
            kept.append((180.0, y + (next_y - y) * (180 - x) / (next_x - x)))
    return [*kept, kept[0]]


def _counter_clockwise(ring: Ring) -> Ring:
    area = sum(x * next_y - next_x * y for (x, y), (next_x, next_y) in pairwise(ring))
    return ring if area > 0 else ring[::-1]


def _rounded(ring: Ring) -> list[list[float]]:
    return [[round(lon, DIGITS), round(lat, DIGITS)] for lon, lat in ring]
