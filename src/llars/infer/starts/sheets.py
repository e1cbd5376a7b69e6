"""Byte maps of a whole scene, kept compressed: zeros take hardly any memory, however large the scene."""

from __future__ import annotations

import itertools
import zlib
from typing import TYPE_CHECKING

import numpy as np

from llars.infer.tiles import Window

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["SIDE", "Sheets"]

SIDE = 64
"""Side of a sheet in pixels."""

FAST = 1
"""Compression level: higher ones take several times as long to save a tenth."""


class Sheets:
    """Byte maps ``(map, y, x)``, written once, sheet by sheet, and read in any window; 0 where none were written."""

    def __init__(self, maps: int) -> None:
        self._maps = maps
        self._packed: dict[tuple[int, int], bytes] = {}

    def write(self, window: Window, values: NDArray[np.uint8]) -> None:
        """Store the maps of a window that begins at a sheet's edge, and ends at one or where the scene ends."""
        for sheet, part in _over(window):
            piece = np.zeros((self._maps, SIDE, SIDE), np.uint8)
            piece[(slice(None), *part.inside(sheet))] = values[(slice(None), *part.inside(window))]
            if piece.any():
                self._packed[sheet.top, sheet.left] = zlib.compress(piece.tobytes(), FAST)

    def read(self, window: Window) -> NDArray[np.uint8]:
        """The maps of a window."""
        values = np.zeros((self._maps, *window.shape), np.uint8)
        for sheet, part in _over(window):
            packed = self._packed.get((sheet.top, sheet.left))
            if packed is not None:
                piece = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(self._maps, SIDE, SIDE)
                values[(slice(None), *part.inside(window))] = piece[(slice(None), *part.inside(sheet))]
        return values


def _over(window: Window) -> Iterator[tuple[Window, Window]]:
    """The sheets that a window overlaps, each with the part of the window inside it."""
    around = window.coarser(SIDE)
    for row, column in itertools.product(range(around.top, around.bottom), range(around.left, around.right)):
        sheet = Window(row, column, row + 1, column + 1).finer(SIDE)
        yield (
            sheet,
            Window(
                max(sheet.top, window.top),
                max(sheet.left, window.left),
                min(sheet.bottom, window.bottom),
                min(sheet.right, window.right),
            ),
        )
