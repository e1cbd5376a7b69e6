"""The pictures of the report: both images, where they differ, what was removed, and how sure the model is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from llars.bands import Band
from llars.infer.reading.grids import Grid, display_size
from llars.infer.reading.raster_file import RasterFile
from llars.infer.reading.warping import Warped
from llars.infer.report.display import composites, data_uri, jpeg, png
from llars.infer.report.stretch import limits, to_bytes
from llars.infer.tiles import Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "DecimatedPair",
    "Heatmap",
    "decimated_pair",
    "detail_window",
    "distinct_points",
    "heatmap",
    "natural",
    "pair",
    "removed_signal",
]

LONGEST, MAX_VALUES = 1000, 16_000_000
"""Pixels of the longer side of a picture, and values of all bands together that may be held at once."""

DETAIL = 360
"""Side in pixels of the part that is shown pixel for pixel."""

PICTURE_BYTES = 210_000
"""Bytes of one of the large pictures: two overviews, two details and three maps stay well below 2 MB."""

PERCENT = (2.0, 98.0)

RAMP = ((252, 253, 191), (254, 176, 120), (241, 96, 93), (183, 55, 121), (114, 31, 129), (44, 17, 95))
"""Colours from light to dark, in perceptually even steps."""


@dataclass(frozen=True)
class DecimatedPair:
    """Both images decimated to the same square pixels, physical values ``(band, y, x)``."""

    before: NDArray[np.float32]
    after: NDArray[np.float32]

    @property
    def difference(self) -> NDArray[np.float32]:
        """After - before."""
        return self.after - self.before


@dataclass(frozen=True)
class Heatmap:
    """A map of one quantity."""

    uri: str
    low: float
    """Value of the lightest colour."""

    high: float
    """Value of the darkest."""


def decimated_pair(before: RasterFile, after: RasterFile, scale: int | None) -> DecimatedPair:
    """Both images decimated to fit on a screen, over the area of the result's grid."""
    longest = min(LONGEST, math.isqrt(MAX_VALUES // after.shape[0]))
    rows, columns = display_size(after.grid, longest)
    if scale is not None:
        return DecimatedPair(before.decimated(rows, columns), after.decimated(rows, columns))
    here = _resized(after.grid.on_a_map(), rows, columns)
    warped = Warped(before, before.grid.on_a_map(), here).read(Window(0, 0, rows, columns))
    return DecimatedPair(warped, after.decimated(rows, columns))


def _resized(grid: Grid, rows: int, columns: int) -> Grid:
    """The same area in so many rows and columns."""
    from rasterio.transform import Affine

    assert grid.transform is not None
    wider = grid.transform @ Affine.scale(grid.width / columns, grid.height / rows)
    return Grid(rows, columns, wider, grid.crs)


def natural(bands: Sequence[Band]) -> list[int]:
    """Channels to show as red, green and blue: natural colours, if there are any."""
    return list(next(iter(composites(bands).values())))


def pair(decimated: DecimatedPair, bands: Sequence[Band]) -> tuple[str, str]:
    """Both images in their natural colours, stretched alike."""
    channels = natural(bands)
    images = [decimated.before[channels], decimated.after[channels]]
    low, high = limits(images, PERCENT)
    first, second = (data_uri(jpeg(to_bytes(image, low, high), PICTURE_BYTES)) for image in images)
    return first, second


def detail_window(decimated: DecimatedPair, size: tuple[int, int]) -> Window | None:
    """Where the result, of ``size`` rows and columns, changed most; None where the overview shows every pixel."""
    rows, columns = decimated.after.shape[1:]
    if size[0] <= rows and size[1] <= columns:
        return None
    strength = np.nan_to_num(np.square(decimated.difference).mean(axis=0))
    side = (max(DETAIL * rows // size[0], 1), max(DETAIL * columns // size[1], 1))
    cells = [max(whole // part, 1) for whole, part in zip(strength.shape, side, strict=True)]
    means = np.array(
        [
            [part.mean() for part in np.array_split(strip, cells[1], axis=1)]
            for strip in np.array_split(strength, cells[0])
        ]
    )
    row, column = np.unravel_index(int(means.argmax()), means.shape)
    top = min(int(row) * size[0] // cells[0], max(size[0] - DETAIL, 0))
    left = min(int(column) * size[1] // cells[1], max(size[1] - DETAIL, 0))
    return Window(top, left, top + DETAIL, left + DETAIL).within(*size)


def heatmap(image: NDArray[np.float32]) -> Heatmap:
    """A map of values ``(y, x)`` that are not negative, from light to dark; transparent where there is no data."""
    finite = image[np.isfinite(image)]
    low, high = (float(end) for end in np.percentile(finite, (0.0, 99.0))) if finite.size else (0.0, 0.0)
    unit = np.clip((np.nan_to_num(image) - low) / ((high - low) or 1.0), 0.0, 1.0)
    knots = np.linspace(0.0, 1.0, len(RAMP))
    colours = [np.interp(unit, knots, [colour[i] for colour in RAMP]) for i in range(3)]
    # Coarsely quantised colours compress to a fraction, and look the same.
    rgba = np.stack([*colours, 255.0 * np.isfinite(image)]).astype(np.uint8) & np.uint8(0xF8)
    return Heatmap(_small_png(rgba), low, high)


def removed_signal(decimated: DecimatedPair, bands: Sequence[Band]) -> tuple[str, tuple[float, ...]]:
    """What was removed, in the colours of the picture with grey for nothing, and the values shown black and white.

    The residual of a good filter shows no outlines (method noise; Buades, Coll & Morel, A review of image denoising
    algorithms, 2005).
    """
    channels = natural(bands)
    removed = -decimated.difference[channels]
    finite = np.abs(removed[np.isfinite(removed)])
    extent = float(np.percentile(finite, 99.0)) if finite.size else 0.0
    ends = np.full((3, 1, 1), extent or 1.0)
    return data_uri(jpeg(to_bytes(removed, -ends, ends, gap=127), PICTURE_BYTES * 3 // 4)), (-extent, extent)


def distinct_points(decimated: DecimatedPair, count: int) -> list[tuple[int, int]]:
    """Rows and columns of pixels whose spectra differ most: each next one is the farthest from those before it.

    The first is the one nearest to the median spectrum. Gaps and the rim of the scene are left out.
    """
    rows, columns = decimated.after.shape[1:]
    rim = max(min(rows, columns) // 20, 1)
    row, column = (
        axis.ravel()
        for axis in np.meshgrid(
            np.linspace(rim, rows - 1 - rim, 48).astype(int), np.linspace(rim, columns - 1 - rim, 48).astype(int)
        )
    )
    spectra = decimated.after[:, row, column].T.astype(np.float64)
    finite = np.isfinite(spectra).all(axis=1) & np.isfinite(decimated.before[:, row, column]).all(axis=0)
    if not finite.any():
        return []
    spectra, row, column = spectra[finite], row[finite], column[finite]
    spectra = (spectra - np.median(spectra, axis=0)) / (spectra.std(axis=0) + 1e-12)
    # Outliers, such as glint and dead pixels, are not land cover.
    typical = np.abs(spectra).max(axis=1) <= np.percentile(np.abs(spectra).max(axis=1), 98.0)
    spectra, row, column = spectra[typical], row[typical], column[typical]
    chosen = [int(np.square(spectra).sum(axis=1).argmin())]
    distance = np.square(spectra - spectra[chosen[0]]).sum(axis=1)
    while len(chosen) < count and distance.max() > 0.0:
        chosen.append(int(distance.argmax()))
        distance = np.minimum(distance, np.square(spectra - spectra[chosen[-1]]).sum(axis=1))
    return [(int(row[one]), int(column[one])) for one in chosen]


def _small_png(image: NDArray[np.uint8]) -> str:
    """A PNG, decimated where it would get too large."""
    content = png(image)
    while len(content) > PICTURE_BYTES and min(image.shape[1:]) > 2:
        image = image[:, ::2, ::2]
        content = png(image)
    return data_uri(content)
