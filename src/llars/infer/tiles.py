"""Tiles as pure index geometry: which pixels a tile writes, which it reads, and where the former lie in the latter.

The grid is anchored to the scene's first pixel and every window begins at a multiple of the network's stride, so that
a pixel undergoes the same operations in the same phase whatever the tile size. A window ends where the scene ends, as a
training patch does: a tile at the border sees the border where the whole scene has it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from llars.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Column", "Tile", "TileGrid", "Window", "mirror", "strips"]

STRIP = 270_000
"""Pixels, roughly, that go through the network at once: more overflow the caches, fewer are not worth the calls."""

CHUNK = 256
"""Rows that are read at once, where they are a multiple or a part of a tile's: the block height of most files."""


@dataclass(frozen=True)
class Window:
    """A half-open rectangle of pixels, in the scene's own coordinates."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.bottom - self.top, self.right - self.left

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of the window's pixels in an array of the scene; only for windows inside it."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def lies_in(self, outer: Window) -> bool:
        """Whether all of it is part of ``outer``."""
        return self.overlap(outer) == self

    def overlap(self, other: Window) -> Window:
        """The part that both share; its sides are never negative."""
        top, left = max(self.top, other.top), max(self.left, other.left)
        return Window(top, left, max(min(self.bottom, other.bottom), top), max(min(self.right, other.right), left))

    def inside(self, outer: Window) -> tuple[slice, slice]:
        """Where this window lies in an array of ``outer``."""
        return self.shifted(-outer.top, -outer.left).slices

    def shifted(self, rows: int, columns: int) -> Window:
        """The window moved by so many rows and columns."""
        return Window(self.top + rows, self.left + columns, self.bottom + rows, self.right + columns)

    def grown(self, pixels: int) -> Window:
        """The window with so many more pixels on every side."""
        return Window(self.top - pixels, self.left - pixels, self.bottom + pixels, self.right + pixels)

    def within(self, height: int, width: int) -> Window:
        """The part of it inside a scene of that size; its sides are never negative."""
        top, left = min(max(self.top, 0), height), min(max(self.left, 0), width)
        return Window(top, left, max(min(self.bottom, height), top), max(min(self.right, width), left))

    def coarser(self, factor: int) -> Window:
        """The window of pixels ``factor`` times as wide that covers it."""
        return Window(self.top // factor, self.left // factor, -(-self.bottom // factor), -(-self.right // factor))

    def finer(self, factor: int) -> Window:
        """The same area in pixels that are ``factor`` times finer."""
        return Window(self.top * factor, self.left * factor, self.bottom * factor, self.right * factor)


@dataclass(frozen=True)
class Tile:
    """What one pass of the network reads and writes."""

    core: Window
    """The pixels it writes, inside the scene; the cores of a grid partition the scene."""

    window: Window
    """The pixels it reads: the core with a halo as far as the scene goes, its sides multiples of ``multiple``.

    It reaches beyond the scene only to complete a multiple, by less than one, at the bottom and on the right.
    """

    @property
    def crop(self) -> tuple[slice, slice]:
        """Where the core lies in an array of the window."""
        return self.core.inside(self.window)


@dataclass(frozen=True)
class Column:
    """Tiles one below the other, which the network processes in one continuous pass."""

    cores: tuple[Window, ...]
    """What they write, from top to bottom."""

    window: Window
    """What is read for them: like the window of a tile, but its top is a multiple of ``chunk``."""

    chunk: int
    """Rows that are read at once, starting at a multiple, so that a column that starts lower takes the same steps."""

    strip: int
    """Rows that go through the network at once."""

    def chunks(self) -> Iterator[Window]:
        """What is read, chunk by chunk."""
        for top in range(self.window.top, self.window.bottom, self.chunk):
            yield replace(self.window, top=top, bottom=min(top + self.chunk, self.window.bottom))


@dataclass(frozen=True)
class TileGrid:
    """Tiles over a scene of ``height`` x ``width`` pixels.

    Raises:
        ConfigError: a size is not positive, or the halo is negative.
    """

    height: int
    width: int

    tile: int
    """Wanted side of a core; rounded up to ``multiple`` (see ``step``)."""

    halo: int = 0
    """Context on every side of a core, as far as the scene goes; rounded up to ``multiple`` (see ``margin``)."""

    multiple: int = 1
    """Alignment of windows, in pixels."""

    rows: int | None = None
    """Wanted height of a core, where it is not ``tile``; rounded up to ``multiple``."""

    chunk: int = CHUNK
    """Wanted number of rows that are read at once."""

    def __post_init__(self) -> None:
        if min(self.height, self.width, self.tile, self.rows or 1, self.multiple) < 1 or self.halo < 0:
            raise ConfigError(
                f"cannot lay tiles of {self.tile} px with a halo of {self.halo} px, aligned to {self.multiple} px, "
                f"over {self.height} x {self.width} px; every size must be at least 1 and the halo at least 0"
            )

    @property
    def step(self) -> int:
        """Side of a full core in pixels."""
        return _round_up(self.tile, self.multiple)

    @property
    def tall(self) -> int:
        """Height of a full core in pixels."""
        return self.step if self.rows is None else _round_up(self.rows, self.multiple)

    @property
    def margin(self) -> int:
        """Context on every side of a core in pixels."""
        return _round_up(self.halo, self.multiple)

    def __len__(self) -> int:
        return -(-self.height // self.tall) * -(-self.width // self.step)

    def __iter__(self) -> Iterator[Tile]:
        """Tiles in row-major order."""
        for top in range(0, self.height, self.tall):
            for left in range(0, self.width, self.step):
                core = Window(top, left, min(top + self.tall, self.height), min(left + self.step, self.width))
                yield Tile(core, self._around(core))

    def columns(self, done: Collection[Window] = ()) -> Iterator[Column]:
        """The tiles that are not ``done``, by columns from left to right."""
        # A tile may be done in halves, where memory was scarce.
        parts: dict[tuple[int, int], list[Window]] = {}
        for part in done:
            parts.setdefault((part.top // self.tall, part.left // self.step), []).append(part)
        waiting: dict[int, list[Window]] = {}
        for tile in self:
            core = tile.core
            there = parts.get((core.top // self.tall, core.left // self.step), ())
            if sum(part.shape[1] for part in there if part.lies_in(core)) < core.shape[1]:
                waiting.setdefault(core.left, []).append(core)
        for left in sorted(waiting):
            yield self.column(waiting[left])

    def halved(self, columns: Collection[Column]) -> list[Column]:
        """The same tiles, each cut into a left and a right one, where they are wide enough for two."""
        halves = []
        for column in columns:
            left, right = column.cores[0].left, column.cores[0].right
            middle = left + _round_up((right - left) // 2, self.multiple)
            for start, stop in ((left, middle), (middle, right)) if middle < right else ((left, right),):
                cores = [replace(core, left=start, right=stop) for core in column.cores]
                halves.append(replace(self.column(cores), strip=column.strip))
        return halves

    def column(self, cores: Sequence[Window]) -> Column:
        """The column of tiles one below the other, of which ``cores`` are what they write."""
        whole = Window(cores[0].top, cores[0].left, cores[-1].bottom, cores[0].right)
        window = self._around(whole)
        chunk = self.chunk if self.chunk % self.tall == 0 or self.tall % self.chunk == 0 else self.tall
        window = replace(window, top=window.top // chunk * chunk)
        strip = max(round(STRIP / window.shape[1] / self.multiple), 1) * self.multiple
        return Column(tuple(cores), window, chunk, strip)

    def _around(self, core: Window) -> Window:
        # Beyond the scene, only the pixels that complete its last multiple are read.
        height, width = _round_up(self.height, self.multiple), _round_up(self.width, self.multiple)
        return Window(
            max(core.top - self.margin, 0),
            max(core.left - self.margin, 0),
            min(_round_up(core.bottom, self.multiple) + self.margin, height),
            min(_round_up(core.right, self.multiple) + self.margin, width),
        )


def strips(height: int, width: int, pixels: int, multiple: int = 1) -> Iterator[Window]:
    """Windows of whole rows from top to bottom, of about ``pixels`` each, and a multiple of ``multiple`` rows."""
    rows = max(pixels // max(width, 1) // multiple, 1) * multiple
    for top in range(0, height, rows):
        yield Window(top, 0, min(top + rows, height), width)


def mirror(start: int, stop: int, size: int) -> NDArray[np.intp]:
    """Indices into an axis of ``size`` pixels for positions ``start..stop``, mirrored at both ends.

    The edge pixel is not repeated (NumPy's ``reflect``), and positions may lie any distance outside.
    """
    positions = np.arange(start, stop)
    if size == 1:
        return np.zeros(len(positions), dtype=np.intp)
    period = 2 * (size - 1)
    folded = np.abs(positions) % period
    return np.asarray(np.minimum(folded, period - folded), dtype=np.intp)


def _round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple
