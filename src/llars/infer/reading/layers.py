"""Images as the engine reads them: windows of gap-filled unit values, and masks of the measured pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from llars.bands import Band
from llars.degrade.resolution import PROJECTION_REACH
from llars.infer.reading.pixels import BLOCK, block_means, enforce_radiometry, enlarge_scene, fill_gaps, repeat
from llars.infer.reading.sources import Source
from llars.infer.tiles import Window, strips
from llars.initial.pansharpening import Transfer
from llars.scene.keeping import files_kept_open

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from llars.infer.reading.pixels import Limits

    Pixels = tuple[NDArray[np.float32], NDArray[np.bool_]]

__all__ = ["BlockSurvey", "Constrained", "Derived", "Enlarged", "Filled", "Layers", "Stack", "finer_bands"]

SURVEY_VALUES = 8_000_000
"""Values, over all bands, that a survey reads at once."""


class Layers(Protocol):
    """A gap-filled image that is read window by window."""

    @property
    def bands(self) -> tuple[Band, ...]:
        """One per channel."""

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""

    def read(self, window: Window) -> Pixels:
        """Unit values ``(band, y, x)`` of a window inside the image, and a mask of those measured, not filled."""

    def valid_count(self, window: Window) -> float:
        """About how many valid pixels a window has, over all bands."""


@runtime_checkable
class Constrained(Protocol):
    """Layers with a property, such as area means, that is enforced on the network's output."""

    @property
    def cell(self) -> int:
        """Side in pixels of the squares over which the property is enforced; they start at the first pixel."""

    @property
    def reach(self) -> int:
        """Number of squares on each side of one that its correction depends on."""

    def enforce(self, image: NDArray[np.float32], window: Window, limits: Limits | None) -> None:
        """Correct the restored image ``(band, y, x)`` of a window of whole squares in place.

        ``limits`` are the lowest and highest storable unit values of each band.
        """


@dataclass(frozen=True)
class Derived:
    """Base of layers that replace the values of other layers, on the same grid and with the same gaps."""

    layers: Layers

    @property
    def bands(self) -> tuple[Band, ...]:
        """One per channel."""
        return self.layers.bands

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.layers.size

    def valid_count(self, window: Window) -> float:
        """See ``Layers``."""
        return self.layers.valid_count(window)


@dataclass(frozen=True)
class BlockSurvey:
    """Result of one pass over an image: block means to fill gaps with, and counts of valid pixels."""

    blocks: NDArray[np.float32]
    """``(band, y, x)``: means of ``BLOCK`` x ``BLOCK`` pixels; blocks without data are filled from around them."""

    valid_counts: NDArray[np.float64]
    """``(y, x)``: valid pixels of each block, over all bands."""

    valid: tuple[int, ...]
    """Valid pixels of each band."""

    @classmethod
    def of(cls, source: Source) -> BlockSurvey:
        """Reads the whole image once, strip by strip."""
        bands, height, width = source.shape
        shape = (-(-height // BLOCK), -(-width // BLOCK))
        blocks, known = np.zeros((bands, *shape), dtype=np.float32), np.zeros((bands, *shape), dtype=bool)
        valid_counts, valid = np.zeros(shape), np.zeros(bands, dtype=np.int64)
        with files_kept_open():
            for strip in strips(height, width, SURVEY_VALUES // bands, BLOCK):
                values = source.read(strip)
                finite = np.isfinite(values)
                rows = slice(strip.top // BLOCK, -(-strip.bottom // BLOCK))
                for band in range(bands):
                    blocks[band, rows], known[band, rows] = block_means(values[band], finite[band])
                valid_counts[rows] = _block_counts(finite)
                valid += np.count_nonzero(finite, axis=(1, 2))
        for band in range(bands):
            fill_gaps(blocks[band], known[band])
        return cls(blocks, valid_counts, tuple(int(count) for count in valid))


def _block_counts(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Number of true values of ``(band, y, x)`` in each block, over all bands; with a shortcut where all are true."""
    bands, *sides = mask.shape
    rows, columns = (np.arange(0, side, BLOCK) for side in sides)
    if mask.all():
        heights, widths = (np.diff(starts, append=side) for starts, side in zip((rows, columns), sides, strict=True))
        return np.asarray(bands * np.outer(heights, widths))
    lines = np.add.reduceat(mask.sum(0, dtype=np.int64), columns, axis=1)
    return np.asarray(np.add.reduceat(lines, rows, axis=0))


@dataclass(frozen=True)
class Filled:
    """A source whose gaps are filled from their surroundings, identically in every window."""

    source: Source
    bands: tuple[Band, ...]
    survey: BlockSurvey
    """Survey of the source."""

    @classmethod
    def of(cls, source: Source, bands: tuple[Band, ...]) -> Filled:
        """Surveys the source."""
        return cls(source, bands, BlockSurvey.of(source))

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.source.shape[1:]

    def read(self, window: Window) -> Pixels:
        """See ``Layers``."""
        around = window.coarser(BLOCK).finer(BLOCK).within(*self.size)
        values = self.source.read(around)
        valid = np.isfinite(values)
        if not valid.all():
            blocks = self.survey.blocks[(slice(None), *around.coarser(BLOCK).slices)]
            for band in range(len(values)):
                fill_gaps(values[band], valid[band], blocks[band])
        part = (slice(None), *window.inside(around))
        return values[part], valid[part]

    def valid_count(self, window: Window) -> float:
        """See ``Layers``; exact where blocks are wholly inside, proportional where they are cut."""
        rows = _shares(window.top, window.bottom, self.size[0])
        columns = _shares(window.left, window.right, self.size[1])
        part = self.survey.valid_counts[window.coarser(BLOCK).slices]
        return float(rows @ part @ columns)


def _shares(start: int, stop: int, size: int) -> NDArray[np.float64]:
    """Share of each block along one axis that lies between ``start`` and ``stop``."""
    first = np.arange(start // BLOCK, -(-stop // BLOCK)) * BLOCK
    last = np.minimum(first + BLOCK, size)
    return np.asarray((np.minimum(last, stop) - np.maximum(first, start)) / (last - first))


@dataclass(frozen=True)
class Enlarged:
    """Layers interpolated to a grid ``factor`` times finer: the starting point of steps that refine the grid."""

    coarse: Layers
    factor: int
    exact: bool = True
    """Preserve the area means; else plain bicubic interpolation, which is softer and overshoots less."""

    @property
    def bands(self) -> tuple[Band, ...]:
        """The coarse bands, with the finer sampling distance."""
        return finer_bands(self.coarse.bands, self.factor)

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of the finer grid."""
        return self.coarse.size[0] * self.factor, self.coarse.size[1] * self.factor

    @property
    def cell(self) -> int:
        """See ``Constrained``: the pixels of the coarse layers."""
        return self.factor

    @property
    def reach(self) -> int:
        """See ``Constrained``."""
        return PROJECTION_REACH

    def enforce(self, image: NDArray[np.float32], window: Window, limits: Limits | None) -> None:
        """See ``Constrained``: preserves the mean over every coarse pixel."""
        enforce_radiometry(image, *self.coarse.read(window.coarser(self.factor)), Transfer(self.factor), limits)

    def read(self, window: Window) -> Pixels:
        """See ``Layers``; read with the full support of the interpolation, so that windows leave no seams."""
        around = window.coarser(self.factor).grown(PROJECTION_REACH).within(*self.coarse.size)
        values, valid = self.coarse.read(around)
        part = (slice(None), *window.inside(around.finer(self.factor)))
        fine = enlarge_scene(values, valid, self.factor, self.exact)
        return fine[part], repeat(valid, self.factor)[part]

    def valid_count(self, window: Window) -> float:
        """See ``Layers``."""
        cells = window.coarser(self.factor)
        share = np.prod(window.shape) / np.prod(cells.finer(self.factor).shape)
        return float(share) * self.factor**2 * self.coarse.valid_count(cells)


@dataclass(frozen=True)
class Stack:
    """Several layers on one grid, concatenated along the band axis."""

    members: Sequence[Layers]

    @property
    def bands(self) -> tuple[Band, ...]:
        """Bands of all members."""
        return tuple(band for member in self.members for band in member.bands)

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.members[0].size

    def read(self, window: Window) -> Pixels:
        """See ``Layers``."""
        if len(self.members) == 1:
            return self.members[0].read(window)
        values, valid = zip(*(member.read(window) for member in self.members), strict=True)
        return np.concatenate(values), np.concatenate(valid)

    def valid_count(self, window: Window) -> float:
        """See ``Layers``."""
        return sum(member.valid_count(window) for member in self.members)


def finer_bands(bands: Sequence[Band], factor: float) -> tuple[Band, ...]:
    """The bands with a ground sampling distance ``factor`` times finer."""
    return tuple(replace(band, gsd_m=band.gsd_m / factor if band.gsd_m else None) for band in bands)
