"""What is said about a run."""

import pytest

from llars.infer.notes import tile_notes


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((3, 16, 16), "16 x 16 px"), ((3, 3000, 40), "40 x 256 px"), ((3, 3000, 4000), "128 x 256 px")],
)
def test_a_tile_is_not_larger_than_its_image(shape, expected):
    assert tile_notes((256, 128), shape, 2 * 10**9, requested=True) == [
        f"working in tiles of {expected}, for 2.0 GB of memory (--max-memory, --tile)"
    ]
