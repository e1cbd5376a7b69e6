"""Pixel grids: where an image lies, and how two grids relate to each other. Geometry alone, no pixel values."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import rasterio.warp
import xarray as xr
from rasterio.crs import CRS
from rasterio.transform import Affine

from llars.infer.tiles import Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "ALIGNED",
    "Grid",
    "Nesting",
    "cropped_to",
    "display_size",
    "footprint",
    "grid_of",
    "in_common_frame",
    "nesting",
    "overlap",
    "pixel_aspect",
    "pixel_ratio",
    "positions",
    "shift",
]

ALIGNED = 0.02
"""Largest misalignment, in pixels, at which two grids count as aligned: files round their transforms."""

MAX_DRIFT = 0.5
"""Difference in pixels, over a whole image, up to which coordinates agree with the stored transform: coordinates may be
rounded to float32."""

FOOTPRINT = 65
"""Sample points per side with which overlaps are measured."""


@dataclass(frozen=True)
class Grid:
    """Rows and columns of pixels on a map."""

    height: int
    width: int
    transform: Affine | None = None
    """Pixel to map coordinates; None without a georeference."""

    crs: CRS | None = None
    """Coordinate reference system of the map."""

    def finer(self, factor: int) -> Grid:
        """The grid with pixels ``factor`` times finer, within exactly the same bounds."""
        if self.transform is None:
            return replace(self, height=self.height * factor, width=self.width * factor)
        a, b, left, d, e, top = tuple(self.transform)[:6]
        finer = Affine(a / factor, b / factor, left, d / factor, e / factor, top)
        return replace(self, height=self.height * factor, width=self.width * factor, transform=finer)

    def coarser(self, factor: int) -> Grid:
        """The grid of pixels ``factor`` times as wide that covers this one; the last ones may reach beyond it."""
        size = -(-self.height // factor), -(-self.width // factor)
        return Grid(*size, self.transform and self.transform @ Affine.scale(factor), self.crs)

    def on_a_map(self) -> Grid:
        """The grid itself, or, without a georeference, one whose map coordinates are its own pixels."""
        return self if self.transform is not None else replace(self, transform=Affine.identity())

    def mirrored(self, rows: bool, columns: bool) -> Grid:
        """The same pixels in the opposite order of rows, of columns, or of both."""
        assert self.transform is not None
        down, across = (self.height if rows else 0), (self.width if columns else 0)
        turn = Affine(-1 if columns else 1, 0, across, 0, -1 if rows else 1, down)
        return replace(self, transform=self.transform @ turn)

    def part(self, window: Window) -> Grid:
        """The grid of a window, which may reach beyond this one."""
        height, width = window.shape
        if self.transform is None:
            return Grid(height, width)
        return Grid(height, width, self.transform @ Affine.translation(window.left, window.top), self.crs)


@dataclass(frozen=True)
class Nesting:
    """A coarse pixel covers exactly ``factor`` x ``factor`` fine ones."""

    factor: int
    rows: int
    """Row of the fine grid where the coarse grid begins; negative where the coarse one begins earlier."""

    columns: int
    """Likewise for columns."""


def grid_of(image: xr.DataArray | NDArray[np.generic]) -> Grid:
    """The grid of an image, from its ``.rio`` accessor; without a transform where it has no georeference."""
    if not isinstance(image, xr.DataArray):
        return Grid(*image.shape[-2:])
    size = (image.sizes["y"], image.sizes["x"])
    transform = _transform_of(image)
    return Grid(*size) if transform.is_identity else Grid(*size, transform, image.rio.crs)


def _transform_of(image: xr.DataArray) -> Affine:
    """The transform of an image; where the stored one contradicts the coordinates, that of the coordinates.

    xarray flips and thins out coordinates along with the pixels, but not the transform stored by rioxarray.
    """
    stored: Affine = image.rio.transform()
    axes = [np.asarray(image.coords[name].values) if name in image.coords else np.empty(0) for name in ("x", "y")]
    if stored.b or stored.d or any(axis.ndim != 1 or axis.size < 2 or axis.dtype.kind not in "fiu" for axis in axes):
        return stored
    x, y = (axis.astype(np.float64) for axis in axes)
    a, e = (float((axis[-1] - axis[0]) / (axis.size - 1)) for axis in (x, y))
    drift = max(abs(a - stored.a) * x.size / abs(stored.a), abs(e - stored.e) * y.size / abs(stored.e))
    if drift < MAX_DRIFT or not (a and e):
        return stored
    return Affine(a, 0.0, float(x[0]) - a / 2, 0.0, e, float(y[0]) - e / 2)


def in_common_frame(grid: Grid, target: Grid) -> tuple[Grid, Grid] | None:
    """Both grids in one map frame.

    If only one of them has a CRS, the coordinates of both are taken to be in the same one. If one has no transform,
    both are taken to cover the same area if their shapes are the same or one is a whole multiple of the other. None if
    they cannot be related.
    """
    if grid.transform is not None and target.transform is not None:
        # Not the same area: places that are known must be compared, or a guide of another place goes unnoticed.
        return (replace(grid, crs=target.crs) if None in (grid.crs, target.crs) else grid), target
    down, across = Fraction(grid.height, target.height), Fraction(grid.width, target.width)
    if down != across or 1 not in (down.numerator, down.denominator):
        return None
    base = target.on_a_map()
    assert base.transform is not None
    scale = Affine.scale(target.width / grid.width, target.height / grid.height)
    return replace(grid, transform=base.transform @ scale, crs=base.crs), base


def _between(grid: Grid, other: Grid) -> Affine | None:
    """Transform from pixels of ``grid`` to pixels of ``other``; None where their CRS differ or one has no transform."""
    if grid.transform is None or other.transform is None or grid.crs != other.crs:
        return None
    return ~other.transform @ grid.transform


def nesting(coarse: Grid, fine: Grid) -> Nesting | None:
    """How ``coarse`` pixels nest in ``fine`` ones; None where they do not, or the CRS differ."""
    across = _between(coarse, fine)
    if across is None:
        return None
    factor = round(across.a)
    drift = max(
        abs(across.a - factor) * coarse.width,
        abs(across.e - factor) * coarse.height,
        abs(across.b) * coarse.height,
        abs(across.d) * coarse.width,
    )
    rows, columns = round(across.f), round(across.c)
    if factor < 1 or max(drift, abs(across.f - rows), abs(across.c - columns)) > ALIGNED * factor:
        return None
    return Nesting(factor, rows, columns)


def shift(grid: Grid, other: Grid) -> tuple[float, float] | None:
    """Subpixel offset of ``other`` from ``grid``, down and across, in pixels of ``grid``, -0.5 to 0.5.

    None where the grids are rotated against each other or differ in CRS, or where neither's pixel size is a whole
    multiple of the other's.
    """
    across = _between(grid, other)
    if across is None or abs(across.b) + abs(across.d) > 1e-6:
        return None
    if not _whole(across.a) and not _whole(1 / across.a):
        return None
    back = ~across
    return tuple(offset - round(offset) for offset in (back.f, back.c))


def _whole(number: float) -> bool:
    return round(number) >= 1 and abs(number - round(number)) < 1e-4


def positions(
    grid: Grid, rows: NDArray[np.float64], columns: NDArray[np.float64], other: Grid
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rows and columns in ``other`` of points of ``grid``; infinite where they cannot be projected."""
    assert grid.transform is not None and other.transform is not None
    x, y = grid.transform @ (columns, rows)
    if grid.crs != other.crs:
        moved = rasterio.warp.transform(grid.crs, other.crs, np.ravel(x).tolist(), np.ravel(y).tolist())
        x, y = (np.asarray(axis, dtype=np.float64).reshape(np.shape(rows)) for axis in moved)
    across, down = ~other.transform @ (x, y)
    return np.asarray(down), np.asarray(across)


def overlap(target: Grid, guide: Grid) -> float:
    """Share of the area of ``target`` that ``guide`` covers."""
    rows = (np.arange(FOOTPRINT) + 0.5) * target.height / FOOTPRINT
    columns = (np.arange(FOOTPRINT) + 0.5) * target.width / FOOTPRINT
    down, across = positions(target, *np.meshgrid(rows, columns, indexing="ij"), guide)
    inside = (down >= 0) & (down <= guide.height) & (across >= 0) & (across <= guide.width)
    return float(inside.mean())


def pixel_ratio(grid: Grid, other: Grid) -> float:
    """How many pixels of ``other`` lie along one pixel of ``grid``, at the centre of ``grid``."""
    rows, columns = grid.height / 2 + np.array([0.0, 1.0, 0.0]), grid.width / 2 + np.array([0.0, 0.0, 1.0])
    down, across = positions(grid, rows, columns, other)
    area = (down[1] - down[0]) * (across[2] - across[0]) - (down[2] - down[0]) * (across[1] - across[0])
    return math.sqrt(abs(float(area))) if np.isfinite(area) else math.inf


def footprint(grid: Grid, other: Grid) -> Window | None:
    """The window of ``other`` that covers ``grid`` and may reach beyond it; None where nothing can be projected."""
    side = np.linspace(0.0, 1.0, 22)
    rows, columns = (part.ravel() for part in np.meshgrid(side * grid.height, side * grid.width, indexing="ij"))
    down, across = positions(grid, rows, columns, other)
    finite = np.isfinite(down) & np.isfinite(across)
    if not finite.any():
        return None
    down, across = down[finite], across[finite]
    low, high = math.floor, math.ceil
    # Tolerance for rounding: a side that falls on the edge of a pixel must not take in the next one.
    slack = 1e-3
    return Window(
        low(down.min() + slack), low(across.min() + slack), high(down.max() - slack), high(across.max() - slack)
    )


def cropped_to(lattice: Grid, target: Grid) -> Grid:
    """The part of ``lattice`` that covers ``target``, as far as ``lattice`` reaches."""
    window = footprint(target, lattice)
    assert window is not None
    return lattice.part(window.within(lattice.height, lattice.width))


def pixel_aspect(grid: Grid) -> float:
    """Width of a pixel on the ground over its height; in degrees it depends on the latitude."""
    if grid.transform is None:
        return 1.0
    a, b, _, d, e, top = tuple(grid.transform)[:6]
    shrink = 1.0
    if grid.crs is not None and grid.crs.is_geographic:
        latitude = top + d * grid.width / 2 + e * grid.height / 2
        shrink = math.cos(math.radians(min(abs(latitude), 89.0)))
    across, down = math.hypot(a * shrink, d), math.hypot(b * shrink, e)
    return across / down if across and down else 1.0


def display_size(grid: Grid, longest: int) -> tuple[int, int]:
    """Rows and columns of square pixels that show the grid at its true proportions, no side longer than ``longest``."""
    aspect = pixel_aspect(grid)
    width, height = grid.width * max(aspect, 1.0), grid.height / min(aspect, 1.0)
    factor = min(1.0, longest / max(width, height))
    return max(round(height * factor), 1), max(round(width * factor), 1)
