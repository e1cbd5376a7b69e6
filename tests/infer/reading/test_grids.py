"""How grids lie to each other."""

import math

import numpy as np
import pytest
from rasterio.crs import CRS
from rasterio.transform import Affine

from llars.infer.reading.grids import (
    Grid,
    cropped_to,
    display_size,
    footprint,
    in_common_frame,
    nesting,
    overlap,
    pixel_aspect,
    pixel_ratio,
    positions,
    shift,
)
from llars.infer.tiles import Window

UTM, NEXT, DEGREES = (CRS.from_epsg(code) for code in (32633, 32634, 4326))


def grid(pixel, left=500_000.0, top=5_000_000.0, height=60, width=80, crs=UTM):
    return Grid(height, width, Affine(pixel, 0, left, 0, -pixel, top), crs)


INPUT = grid(30.0)


@pytest.mark.parametrize("factor", [1, 2, 3, 15])
@pytest.mark.parametrize(("rows", "columns"), [(0, 0), (7, -4)])
def test_whole_fractions_of_a_pixel_nest(factor, rows, columns):
    pixel = 30.0 / factor
    fine = grid(pixel, 500_000 - columns * pixel, 5_000_000 + rows * pixel, 400, 300)
    found = nesting(INPUT, fine)
    assert found is not None
    assert (found.factor, found.rows, found.columns) == (factor, rows, columns)
    if factor > 1:
        assert nesting(fine, INPUT) is None


@pytest.mark.parametrize(
    "other",
    [
        grid(15.0, left=500_007.5),
        grid(14.0),
        grid(14.99),
        grid(15.0, crs=NEXT),
        Grid(60, 80, Affine(12, 9, 500_000, 9, -12, 5_000_000), UTM),
        Grid(60, 80),
    ],
)
def test_other_grids_do_not_nest(other):
    assert nesting(INPUT, other) is None


def test_the_shift_of_landsats_panchromatic_band_is_half_its_pixel():
    pan = grid(15.0, left=499_992.5, top=5_000_007.5, height=121, width=161)
    assert shift(pan, INPUT) == pytest.approx((0.5, 0.5))
    assert nesting(INPUT, pan) is None
    assert shift(INPUT, INPUT) == (0, 0)
    assert shift(grid(30.0, left=500_009.0), INPUT) == pytest.approx((0, -0.3))
    assert shift(grid(14.0), INPUT) is None


def test_overlap_is_a_share_of_the_input():
    assert overlap(INPUT, grid(10.0, height=180, width=240)) == 1
    # Half of the columns, measured at 65 places.
    assert overlap(INPUT, grid(10.0, left=501_200.0, height=180, width=240)) == pytest.approx(0.5, abs=0.01)
    assert overlap(INPUT, grid(30.0, left=600_000.0)) == 0
    # The next zone's map shows the place turned by some degrees and elsewhere.
    x, y = 47_000.0, 5_010_000.0
    down, across = positions(INPUT, np.array([30.0]), np.array([40.0]), Grid(1, 1, Affine.identity(), NEXT))
    there = grid(10.0, float(across[0]) - x / 10, float(down[0]) + y / 1000, 5000, 9400, NEXT)
    assert overlap(INPUT, there) == 1


def test_pixels_are_compared_across_maps():
    assert pixel_ratio(INPUT, grid(10.0)) == pytest.approx(3)
    # One degree of latitude is 111 km, one of longitude at 45 degrees north 79 km.
    fine = Grid(100, 100, Affine(30 / 78_850, 0, 15, 0, -30 / 111_130, 45.16), DEGREES)
    assert pixel_ratio(INPUT, fine) == pytest.approx(1, abs=0.01)


def test_grids_without_a_place_are_taken_for_the_same_area():
    for factor in (1, 2, 3):
        fine = Grid(60 * factor, 80 * factor)
        found, base = in_common_frame(fine, INPUT)
        assert base == INPUT
        assert nesting(INPUT, found).factor == factor
        assert nesting(found.finer(2), INPUT.finer(2 * factor)).factor == 1
        coarse, base = in_common_frame(Grid(20, 40), Grid(20 * factor, 40 * factor))
        assert nesting(coarse, base).factor == factor
    for size in ((61, 80), (120, 80), (90, 120), (120, 240)):
        assert in_common_frame(Grid(*size), INPUT) is None
    nowhere = Grid(60, 80, Affine(2, 0, 5, 0, -2, 7))
    assert in_common_frame(nowhere, nowhere) == (nowhere, nowhere), (
        "a transform without a map is a place among its like"
    )
    assert in_common_frame(nowhere, INPUT)[0].crs == UTM


def test_a_lattice_is_cut_to_what_it_covers_of_the_input():
    pan = grid(15.0, left=499_992.5, top=5_000_007.5, height=500, width=161)
    cut = cropped_to(pan, INPUT)
    assert (cut.height, cut.width) == (121, 161)
    assert cut.transform == pan.transform
    inner = cropped_to(grid(15.0, left=500_300.0, height=500, width=20), INPUT)
    assert (inner.height, inner.width) == (120, 20)


def test_a_footprint_covers_the_window():
    assert footprint(INPUT.part(Window(10, 20, 30, 50)), INPUT) == Window(10, 20, 30, 50)
    assert footprint(INPUT.part(Window(10, 20, 30, 50)), INPUT.finer(2)) == Window(20, 40, 60, 100)
    assert footprint(INPUT, grid(30.0, left=500_010.0)) == Window(0, -1, 60, 80)


@pytest.mark.parametrize(
    ("transform", "crs", "aspect"),
    [
        (Affine(10, 0, 0, 0, -10, 0), "EPSG:32633", 1.0),
        (Affine(30, 0, 0, 0, -10, 0), "EPSG:32633", 3.0),
        (Affine(1e-4, 0, 25, 0, -1e-4, 60.005), "EPSG:4326", math.cos(math.radians(60.0))),
        (Affine(6, -8, 0, -8, -6, 0), "EPSG:32633", 1.0),
    ],
)
def test_pixels_are_as_wide_as_on_the_ground(transform, crs, aspect):
    assert pixel_aspect(Grid(100, 100, transform, CRS.from_string(crs))) == pytest.approx(aspect, rel=1e-3)


def test_pictures_keep_every_pixel_that_fits_and_their_proportions():
    tall = Grid(100, 100, Affine(10, 0, 0, 0, -20, 0), CRS.from_epsg(32633))
    assert display_size(tall, 1000) == (200, 100)
    assert display_size(tall, 50) == (50, 25)
    assert display_size(Grid(100, 400), 1000) == (100, 400)
