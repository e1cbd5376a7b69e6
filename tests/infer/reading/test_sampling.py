"""What is learned of a whole scene: windows that show it, and statistics."""

import numpy as np
import torch

from llars.bands import plain_bands
from llars.infer.reading import sampling
from llars.infer.reading.layers import Filled, Stack
from llars.infer.reading.sampling import sample_blocks, sample_windows, statistics_of
from llars.infer.reading.sources import ImageSource
from llars.model.normalise import Statistics


def layers(values):
    return Filled.of(ImageSource(values), plain_bands(len(values)))


def test_windows_come_from_all_over_the_scene_and_avoid_gaps():
    values = np.arange(640 * 640, dtype=np.float32).reshape(1, 640, 640)
    windows = sample_windows(layers(values), 64)
    assert windows.shape == (16, 1, 64, 64)
    quadrants = {(int(window[0, 0, 0]) // 640 // 320, int(window[0, 0, 0]) % 640 // 320) for window in windows}
    assert quadrants == {(0, 0), (0, 1), (1, 0), (1, 1)}
    valid = np.ones(values.shape, dtype=bool)
    chosen = windows[0, 0].astype(int)
    valid[0, chosen // 640, chosen % 640] = False
    replaced = sample_windows(layers(np.where(valid, values, np.nan)), 64)
    assert not np.array_equal(replaced[0], windows[0])
    assert valid.ravel()[replaced.astype(int)].all()
    valid[:, :320] = False
    # Three of the four rows of regions reach into the lower half.
    lower = sample_windows(layers(np.where(valid, values, np.nan)), 64)
    assert len(lower) == 12
    assert lower.min() >= 320 * 640


def test_windows_avoid_the_gaps_of_guides_too():
    target, guide = np.zeros((1, 640, 640), np.float32), np.arange(640 * 640, dtype=np.float32).reshape(1, 640, 640)
    guide[:, :320] = np.nan
    windows = sample_windows(Stack((layers(target), layers(guide))), 64)
    # The upper row of regions has no other windows than those without a guide.
    assert len(windows) == 16
    assert windows[4:, 1].min() >= 320 * 640


def test_small_scenes_are_mirrored_into_one_window():
    values = np.random.default_rng(0).random((2, 20, 50), dtype=np.float32)
    (window,) = sample_windows(layers(values), 64)
    assert np.array_equal(window, np.pad(values, ((0, 0), (0, 44), (0, 14)), mode="reflect"))


def test_statistics_are_of_all_valid_pixels_of_a_small_scene():
    values = np.random.default_rng(0).normal(size=(2, 90, 70)).astype(np.float32)
    valid = np.random.default_rng(1).random(values.shape) < 0.8
    found = statistics_of(layers(np.where(valid, values, np.nan)), histogram=True)
    expected = Statistics.of(torch.from_numpy(values)[None], torch.from_numpy(valid)[None], histogram=True)
    for name in ("mean", "std", "knots"):
        torch.testing.assert_close(getattr(found, name), getattr(expected, name))


def test_statistics_of_a_large_scene_come_from_all_over_it(monkeypatch):
    monkeypatch.setattr(sampling, "SAMPLE", 2**16)
    monkeypatch.setattr(sampling, "SAMPLE_BLOCK", 32)
    blocks = sample_blocks(1000, 4000)
    assert sum(np.prod(block.shape) for block in blocks) <= 2**16
    assert {block.top for block in blocks} >= {0, 968}
    assert {block.left for block in blocks} >= {0, 3968}
    ramp = np.tile(np.linspace(0, 1, 4000, dtype=np.float32), (1, 1000, 1))
    found = statistics_of(layers(ramp))
    # Sixteen places along a ramp know its mean exactly, and its deviation (1 / sqrt 12) to a few hundredths.
    assert abs(float(found.mean) - 0.5) < 1e-3
    assert abs(float(found.std) - 12**-0.5) < 0.03
