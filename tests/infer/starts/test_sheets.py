"""Facts about maps that are kept compressed."""

import numpy as np

from llars.infer.starts.sheets import SIDE, Sheets
from llars.infer.tiles import TileGrid, Window

SIZE = (3 * SIDE - 17, 4 * SIDE + 5)


def test_any_window_is_read_as_it_was_written():
    maps = np.random.default_rng(0).integers(0, 256, (2, *SIZE)).astype(np.uint8)
    sheets = Sheets(2)
    for piece in TileGrid(*SIZE, 2 * SIDE):
        sheets.write(piece.core, maps[(slice(None), *piece.core.slices)])
    for window in (Window(0, 0, *SIZE), Window(SIDE - 1, 3, SIDE + 1, 2 * SIDE), Window(70, 90, 71, 91)):
        np.testing.assert_array_equal(sheets.read(window), maps[(slice(None), *window.slices)])


def test_what_is_empty_takes_no_memory():
    sheets = Sheets(3)
    values = np.zeros((3, SIDE, 2 * SIDE), np.uint8)
    values[1, 5, SIDE + 5] = 7
    sheets.write(Window(0, 0, SIDE, 2 * SIDE), values)
    assert list(sheets._packed) == [(0, SIDE)]
    assert not sheets.read(Window(0, 0, SIDE, SIDE)).any()
    assert not sheets.read(Window(4 * SIDE, 0, 5 * SIDE, SIDE)).any()
