"""A few windows of a raster, read to learn what kind of numbers it holds."""

from collections.abc import Iterator

import numpy as np
from rasterio.io import DatasetReader
from rasterio.windows import Window

__all__ = ["sample_windows"]

PLACES, SIDE = 3, 128
"""So many windows along each axis, evenly spread, of this side in pixels."""


def sample_windows(dataset: DatasetReader) -> Iterator[Window]:
    """Windows at the corners, the middles of the sides, and the centre; of a small raster they overlap."""
    height, width = min(SIDE, dataset.height), min(SIDE, dataset.width)
    tops, lefts = (
        (size - side) * np.arange(PLACES) // (PLACES - 1)
        for size, side in ((dataset.height, height), (dataset.width, width))
    )
    for top in tops:
        for left in lefts:
            yield Window(int(left), int(top), width, height)
