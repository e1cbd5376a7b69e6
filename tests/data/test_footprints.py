"""What is left of an image outside others, also where the antimeridian runs between them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from rasterio.crs import CRS
from rasterio.io import DatasetReader, MemoryFile
from rasterio.transform import from_origin

from llars.data.footprints import Box, Ground, outside

DEGREES, UTM60 = CRS.from_epsg(4326), CRS.from_epsg(32660)


@pytest.fixture
def east_of_the_line() -> Iterator[DatasetReader]:
    """One degree a side from 180 degrees west, of 100 x 100 pixels."""
    grid = from_origin(-180.0, 1.0, 0.01, 0.01)
    profile = {"driver": "GTiff", "width": 100, "height": 100, "count": 1, "dtype": "uint8", "crs": DEGREES}
    with MemoryFile() as memory:
        with memory.open(**profile, transform=grid):
            pass
        with memory.open() as source:
            yield source


def test_ground_beyond_the_antimeridian_is_cut_off(east_of_the_line: DatasetReader) -> None:
    # Zone 60 ends at 180 degrees; easting 834,000 is at the equator there.
    across = Ground(UTM60, (820000.0, 0.0, 845000.0, 120000.0))
    top, bottom, left, right = outside(east_of_the_line, [across])
    assert (top, bottom, right) == (0, 100, 100)
    assert 9 <= left <= 11  # 11 km beyond the line, a tenth of the degree


@pytest.mark.parametrize("bounds", [(179.5, 0.0, 180.3, 1.0), (-180.5, 0.0, -179.7, 1.0)])
def test_longitudes_of_another_turn_are_the_same_ground(east_of_the_line: DatasetReader, bounds: Box) -> None:
    assert outside(east_of_the_line, [Ground(DEGREES, bounds)]) == (0, 100, 30, 100)


def test_ground_on_this_side_alone_cuts_nothing(east_of_the_line: DatasetReader) -> None:
    assert outside(east_of_the_line, [Ground(DEGREES, (179.0, 0.0, 180.0, 1.0))]) == (0, 100, 0, 100)
