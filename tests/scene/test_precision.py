"""A note says where float32, in which all is computed, cannot hold the numbers of a file."""

import numpy as np
import pytest
from tests.scene.files import write

from llars.scene import open_scene


def told(path) -> bool:
    notes = [note for note in open_scene(path).attrs["notes"] if "loses detail: float32" in note]
    return bool(notes)


@pytest.mark.parametrize("dtype", ["uint32", "int32", "float64"])
@pytest.mark.parametrize(
    ("offset", "loses"),
    # Near 2e9, float32 moves in steps of 128; near 2e5, by less than a sixtieth.
    [(2_000_000_000, True), (200_000, False), (0, False)],
)
def test_small_steps_on_a_large_offset_are_told(path, numbers, dtype, offset, loses) -> None:
    write(path, numbers.astype(dtype) + np.asarray(offset, dtype))
    assert told(path) is loses


def test_what_float32_holds_is_not_told(path, numbers) -> None:
    write(path, numbers)
    assert not told(path)
    write(path, np.full((2, 40, 50), 0.3))
    assert not told(path)
    write(path, numbers.astype("float32") + 2e9)
    assert not told(path)


def test_gaps_do_not_count_as_contrast(path, numbers) -> None:
    values = numbers.astype("int32") + 2_000_000_000
    values[:, :20] = -9999
    write(path, values, nodata=-9999)
    assert told(path)
