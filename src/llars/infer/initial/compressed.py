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

__all__ = ["BLOCK_SIDE", "CompressedMaps"]

BLOCK_SIDE = 64
"""Side of a compressed block in pixels."""

COMPRESSION_LEVEL = 1
"""Compression level: higher ones take several times as long to save a tenth."""


class CompressedMaps:
    """Byte maps ``(map, y, x)``, written once, block by block, and read in any window; 0 where none were written."""

    def __init__(self, maps: int) -> None:
        self._maps = maps
        self._packed: dict[tuple[int, int], bytes] = {}

    def write(self, window: Window, values: NDArray[np.uint8]) -> None:
        """Store the maps of a window that begins at a block's edge, and ends at one or where the scene ends."""
        for block, part in _blocks_of(window):
            piece = np.zeros((self._maps, BLOCK_SIDE, BLOCK_SIDE), np.uint8)
            piece[(slice(None), *part.inside(block))] = values[(slice(None), *part.inside(window))]
            if piece.any():
                self._packed[block.top, block.left] = zlib.compress(piece.tobytes(), COMPRESSION_LEVEL)

    def read(self, window: Window) -> NDArray[np.uint8]:
        """The maps of a window."""
        values = np.zeros((self._maps, *window.shape), np.uint8)
        for block, part in _blocks_of(window):
            packed = self._packed.get((block.top, block.left))
            if packed is not None:
                piece = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(self._maps, BLOCK_SIDE, BLOCK_SIDE)
                values[(slice(None), *part.inside(window))] = piece[(slice(None), *part.inside(block))]
        return values


def _blocks_of(window: Window) -> Iterator[tuple[Window, Window]]:
    """The blocks that a window overlaps, each with the part of the window inside it."""
    around = window.coarser(BLOCK_SIDE)
    for row, column in itertools.product(range(around.top, around.bottom), range(around.left, around.right)):
        block = Window(row, column, row + 1, column + 1).finer(BLOCK_SIDE)
        yield block, block.overlap(window)
