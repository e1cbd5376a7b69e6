"""Gaps, sample windows and radiometry of a scene's pixels."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from llars.infer.pixels import fill_gaps, project_means, repeat, sample_windows


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


def test_windows_come_from_all_over_the_scene_and_avoid_gaps():
    values = np.arange(640 * 640, dtype=np.float32).reshape(1, 640, 640)
    valid = np.ones(values.shape, dtype=bool)
    windows = sample_windows(values, valid, 64)
    assert windows.shape == (16, 1, 64, 64)
    quadrants = {(int(window[0, 0, 0]) // 640 // 320, int(window[0, 0, 0]) % 640 // 320) for window in windows}
    assert quadrants == {(0, 0), (0, 1), (1, 0), (1, 1)}
    chosen = windows[0, 0]
    valid[0, chosen.astype(int) // 640, chosen.astype(int) % 640] = False
    replaced = sample_windows(values, valid, 64)
    assert not np.array_equal(replaced[0], windows[0])
    assert valid.ravel()[replaced.astype(int)].all()
    valid[:, :320] = False
    # Three of the four rows of regions reach into the lower half.
    lower = sample_windows(values, valid, 64)
    assert len(lower) == 12
    assert lower.min() >= 320 * 640


def test_small_scenes_are_mirrored_into_one_window():
    values = np.random.default_rng(0).random((2, 20, 50), dtype=np.float32)
    (window,) = sample_windows(values, np.ones(values.shape, dtype=bool), 64)
    assert np.array_equal(window, np.pad(values, ((0, 0), (0, 44), (0, 14)), mode="reflect"))


def test_projection_leaves_what_is_right_and_ignores_gaps():
    rng = np.random.default_rng(0)
    coarse = rng.random((1, 12, 14), dtype=np.float32)
    valid = np.ones(coarse.shape, dtype=bool)
    right = repeat(coarse, 3)
    moved = right.copy()
    project_means(moved, coarse, valid, 3)
    np.testing.assert_allclose(moved, right, atol=1e-6)
    valid[0, 5, 5] = False
    poisoned = np.where(valid, coarse, np.float32(1e9))
    fine = rng.random(right.shape, dtype=np.float32)
    other = fine.copy()
    project_means(fine, coarse, valid, 3)
    project_means(other, poisoned, valid, 3)
    assert np.array_equal(fine, other)
