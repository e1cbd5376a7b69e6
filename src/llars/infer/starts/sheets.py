"""Bytes for every pixel of a scene, kept compressed: little memory where nothing happens, whatever the scene."""

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
"""Of a sheet in pixels."""

FAST = 1
"""Level of compression: the higher ones take several times as long for a tenth less."""


class Sheets:
    """Maps ``(map, y, x)`` of bytes, written once, sheet by sheet, and read in any windows; 0 where none were."""

    def __init__(self, maps: int) -> None:
        self._maps = maps
        self._packed: dict[tuple[int, int], bytes] = {}

    def write(self, window: Window, values: NDArray[np.uint8]) -> None:
        """Keep the maps of a window that begins at sheets, and ends at them or where the scene ends."""
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
    """The sheets that a window meets, and what of it lies in each."""
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
