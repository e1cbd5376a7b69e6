"""What is learned of a whole scene: windows that show it, and statistics."""

import numpy as np
import pytest
import torch

from llars.bands import plain_bands
from llars.errors import RasterError
from llars.infer.reading import sampling
from llars.infer.reading.layers import Filled, Stack
from llars.infer.reading.sampling import blocks_with_data, sample_blocks, sample_windows, source_blocks, statistics_of
from llars.infer.reading.sources import ImageSource
from llars.infer.tiles import Window
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


@pytest.fixture
def small_samples(monkeypatch):
    """Scenes of more than 2 ** 14 pixels are sampled, in blocks of 16."""
    monkeypatch.setattr(sampling, "SAMPLE", 2**14)
    monkeypatch.setattr(sampling, "SAMPLE_BLOCK", 16)


def island(bands=2, side=500, at=slice(20, 50), seed=0):
    """Values around 0.3 in a small square, which lies between the evenly spaced blocks; no data around it."""
    values = np.full((bands, side, side), np.nan, dtype=np.float32)
    shape = values[:, at, at].shape
    values[:, at, at] = np.random.default_rng(seed).normal(0.3, 0.1, shape)
    return values


def test_statistics_of_an_island_are_those_of_its_pixels(small_samples):
    values = island()
    assert not any(np.isfinite(values[:, *block.slices]).any() for block in sample_blocks(500, 500))
    found = statistics_of(layers(values), histogram=True)
    expected = Statistics.of(torch.from_numpy(values[:, 20:50, 20:50])[None], histogram=True)
    for name in ("mean", "std", "knots"):
        torch.testing.assert_close(getattr(found, name), getattr(expected, name))


def test_a_guide_without_gaps_does_not_hide_an_island(small_samples):
    guide = np.random.default_rng(1).random((1, 500, 500), dtype=np.float32)
    found, alone = (statistics_of(one) for one in (Stack((layers(island()), layers(guide))), layers(guide)))
    assert torch.allclose(found.mean[0, :2], torch.tensor(0.3), atol=0.02)
    # The guide itself is sampled where it would be without the scene.
    assert found.mean[0, 2] == alone.mean[0, 0]


def test_blocks_of_a_scene_with_few_gaps_stay_where_they_are(small_samples):
    values = np.ones((1, 500, 500), dtype=np.float32)
    values[:, :200] = np.nan
    assert blocks_with_data([layers(values)]) == sample_blocks(500, 500) == source_blocks(ImageSource(values))


def test_blocks_of_a_scene_of_gaps_are_as_many_and_spread_over_its_data(small_samples):
    values = np.full((1, 500, 500), np.nan, dtype=np.float32)
    values[:, 100:420, 300:420] = 1.0
    blocks = blocks_with_data([layers(values)])
    assert len({*blocks}) == len(sample_blocks(500, 500))
    assert all(np.isfinite(values[:, *block.slices]).any() for block in blocks)
    assert {block.top // 160 for block in blocks} == {0, 1, 2}


def test_blocks_lie_where_all_images_have_data(small_samples):
    first, second = np.ones((1, 500, 500), np.float32), np.ones((1, 500, 500), np.float32)
    first[:, 300:], second[:, :280] = np.nan, np.nan
    assert {block.top for block in blocks_with_data([layers(first), layers(second)])} == {272, 288}


def test_blocks_of_an_image_that_was_not_surveyed_find_its_data(small_samples):
    blocks = source_blocks(ImageSource(island()))
    assert blocks and all(block.lies_in(Window(16, 16, 64, 64)) for block in blocks)


def test_windows_find_what_lies_between_the_candidates():
    values = np.full((1, 2600, 2600), np.nan, dtype=np.float32)
    values[:, 33:63, 33:63] = 0.5
    window, guided = (
        sample_windows(one, 32)
        for one in (layers(values), Stack((layers(values), layers(np.ones((1, 2600, 2600), np.float32)))))
    )
    assert window.shape == (1, 1, 32, 32)
    assert np.isclose(window, 0.5).any()
    assert len(guided) == 16
    assert np.isclose(guided[:, 0], 0.5).any()


def test_windows_of_nothing_are_refused():
    with pytest.raises(RasterError, match="none of 50 x 40 pixels holds data; give an image that has some"):
        sample_windows(layers(np.full((2, 40, 50), np.nan, dtype=np.float32)), 32)
