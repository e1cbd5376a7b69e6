"""Gaps, sample windows and radiometry of a scene's pixels."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from llars.infer.reading.pixels import enforce_radiometry, fill_gaps, keep_within, repeat
from llars.initial.pansharpening import Transfer


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_gaps_are_filled_from_valid_pixels_alone(rows, columns, seed):
    rng = np.random.default_rng(seed)
    valid = rng.random((rows, columns)) < rng.random()
    truth = rng.normal(size=valid.shape).astype(np.float32)
    filled = np.where(valid, truth, np.float32(np.nan))
    poisoned = np.where(valid, truth, np.float32(1e30))
    fill_gaps(filled, valid)
    fill_gaps(poisoned, valid)
    assert np.array_equal(filled, poisoned)
    assert np.array_equal(filled[valid], truth[valid])
    if valid.any():
        # Means of valid pixels; rounding of float32.
        assert filled.min() >= truth[valid].min() - 1e-6
        assert filled.max() <= truth[valid].max() + 1e-6
    else:
        assert not filled.any()


def test_a_gap_is_filled_from_nearby():
    ramp = np.tile(np.arange(64, dtype=np.float32), (64, 1))
    valid = np.ones(ramp.shape, dtype=bool)
    valid[20:24, 30:34] = False
    filled = np.where(valid, ramp, np.float32(np.nan))
    fill_gaps(filled, valid)
    # The smallest aligned block that holds this hole and valid pixels is 16 wide.
    assert np.abs(filled - ramp).max() < 16


def test_projection_leaves_what_is_right_and_ignores_gaps():
    rng = np.random.default_rng(0)
    coarse = rng.random((1, 12, 14), dtype=np.float32)
    valid = np.ones(coarse.shape, dtype=bool)
    right = repeat(coarse, 3)
    moved = right.copy()
    enforce_radiometry(moved, coarse, valid, Transfer(3))
    np.testing.assert_allclose(moved, right, atol=1e-6)
    valid[0, 5, 5] = False
    poisoned = np.where(valid, coarse, np.float32(1e9))
    fine = rng.random(right.shape, dtype=np.float32)
    other = fine.copy()
    enforce_radiometry(fine, coarse, valid, Transfer(3))
    enforce_radiometry(other, poisoned, valid, Transfer(3))
    assert np.array_equal(fine, other)


@given(st.integers(2, 4), st.floats(0.0, 1.0), st.integers(0, 2**32 - 1))
def test_limits_are_kept_and_so_are_means_within_them(factor, spread, seed):
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(-0.1, 1.1, (2, 5, 6)).astype(np.float32)
    fine = repeat(coarse, factor) + rng.normal(0.0, spread, (2, 5 * factor, 6 * factor)).astype(np.float32)
    wanted = fine.reshape(2, 5, factor, 6, factor).mean((2, 4), dtype=np.float64)
    before = fine.copy()
    keep_within(fine, factor, [(0.0, 1.0), (-9.0, 9.0)])
    assert fine[0].min() >= 0.0
    assert fine[0].max() <= 1.0
    means = fine.reshape(2, 5, factor, 6, factor).mean((2, 4), dtype=np.float64)
    np.testing.assert_allclose(means[0], wanted[0].clip(0.0, 1.0), atol=1e-6)  # float32
    assert np.array_equal(fine[1], before[1]), "nothing was beyond these limits"
