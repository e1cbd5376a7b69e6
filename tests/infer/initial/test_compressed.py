"""Facts about maps that are kept compressed."""

import numpy as np

from llars.infer.initial.compressed import BLOCK_SIDE, CompressedMaps
from llars.infer.tiles import TileGrid, Window

SIZE = (3 * BLOCK_SIDE - 17, 4 * BLOCK_SIDE + 5)


def test_any_window_is_read_as_it_was_written():
    maps = np.random.default_rng(0).integers(0, 256, (2, *SIZE)).astype(np.uint8)
    compressed = CompressedMaps(2)
    for piece in TileGrid(*SIZE, 2 * BLOCK_SIDE):
        compressed.write(piece.core, maps[(slice(None), *piece.core.slices)])
    for window in (
        Window(0, 0, *SIZE),
        Window(BLOCK_SIDE - 1, 3, BLOCK_SIDE + 1, 2 * BLOCK_SIDE),
        Window(70, 90, 71, 91),
    ):
        np.testing.assert_array_equal(compressed.read(window), maps[(slice(None), *window.slices)])


def test_what_is_empty_takes_no_memory():
    compressed = CompressedMaps(3)
    values = np.zeros((3, BLOCK_SIDE, 2 * BLOCK_SIDE), np.uint8)
    values[1, 5, BLOCK_SIDE + 5] = 7
    compressed.write(Window(0, 0, BLOCK_SIDE, 2 * BLOCK_SIDE), values)
    assert list(compressed._packed) == [(0, BLOCK_SIDE)]
    assert not compressed.read(Window(0, 0, BLOCK_SIDE, BLOCK_SIDE)).any()
    assert not compressed.read(Window(4 * BLOCK_SIDE, 0, 5 * BLOCK_SIDE, BLOCK_SIDE)).any()
