"""Layers without clouds: to the bit as they were where nothing is touched, and the same in every window."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from llars.bands import Band, Modality, plain_bands
from llars.infer.initial import clouds
from llars.infer.initial.clouds import CloudFree
from llars.infer.reading.layers import Filled
from llars.infer.reading.sources import ImageSource
from llars.infer.tiles import Window
from llars.initial.clearing import clear
from llars.model.opacity import CELL, Cover
from llars.sensors import get_sensor

SIZE = (203, 331)
WINDOWS = (Window(0, 0, *SIZE), Window(37, 11, 90, 331), Window(150, 200, 203, 331), Window(96, 100, 97, 101))
CLOUD = Window(60, 90, 120, 180)


class Bright:
    """Takes for a cloud, the denser the brighter, and for shaded too, what is brighter than the ground; in bytes."""

    halo, multiple = 32, 32

    def cover(self, image, bands, statistics):
        cells = torch.nn.functional.avg_pool2d(image, CELL).mean(1, keepdim=True)
        pixels = cells.repeat_interleave(CELL, -1).repeat_interleave(CELL, -2)
        bright = (pixels > 0.4).float()
        opacity = (255.0 * (2.5 * (pixels - 0.4)).clamp(0.0, 1.0)).round() / 255.0
        return Cover(opacity, bright, bright * 51.0 / 255.0)


def scene(clouded=True):
    """Two bands of gentle ground below 0.5, a gap, and a cloud with a rim."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    ground = 0.25 + 0.2 * np.sin(rows / 40) * np.cos(columns / 50)
    values = np.stack([ground, 0.5 * ground]).astype(np.float32)
    values[:, 150:170, 20:60] = np.nan
    if clouded:
        values[(slice(None), *CLOUD.grown(4).slices)] *= 0.5
        values[(slice(None), *CLOUD.grown(4).slices)] += 0.5
        values[(slice(None), *CLOUD.slices)] = 0.95
    return values


BANDS = plain_bands(2)


def layers_of(values, bands=BANDS):
    return Filled.of(ImageSource(values), bands)


@pytest.fixture(scope="module")
def cleared():
    return CloudFree.of(layers_of(scene()), Bright())


def test_without_clouds_nothing_changes():
    layers = layers_of(scene(clouded=False))
    same = CloudFree.of(layers, Bright())
    assert same.bands == layers.bands and same.size == layers.size
    for window in WINDOWS:
        for ours, theirs in zip(same.read(window), layers.read(window), strict=True):
            np.testing.assert_array_equal(ours, theirs)
        assert not same.hidden(window).any()
        assert same.valid_count(window) == layers.valid_count(window)


def test_what_is_hidden_looks_like_the_ground_and_all_else_stays(cleared):
    whole = WINDOWS[0]
    values, valid = cleared.read(whole)
    hidden = cleared.hidden(whole)
    assert hidden[CLOUD.slices].all()
    beyond = hidden.copy()
    beyond[CLOUD.grown(CELL).slices] = False
    assert not beyond.any()
    ground = scene(clouded=False)
    flat = np.nanmean(ground[:, ~hidden], axis=1)[:, None]
    # Nearer than one colour for all of it, and nothing of the cloud's own.
    assert np.abs(values - ground)[:, hidden].mean() < 0.7 * np.abs(flat - ground[:, hidden]).mean()
    assert values[:, hidden].max() < 0.5
    touched = np.zeros(SIZE, dtype=bool)
    touched[CLOUD.grown(CELL).slices] = True
    kept = ~touched & valid.all(0)
    np.testing.assert_array_equal(values[:, kept], scene()[:, kept])


def test_the_share_that_is_hidden_is_that_of_the_mask(cleared):
    hidden = cleared.hidden(WINDOWS[0])
    assert 0.05 < hidden.mean() < 0.2
    # To the nearest cell: half of a cell around the cloud is another 0.6 % of the image.
    assert cleared.hidden_share == pytest.approx(hidden.mean(), abs=0.01)
    assert CloudFree.of(layers_of(scene(clouded=False)), Bright()).hidden_share == 0.0


def test_gaps_stay_gaps(cleared):
    for window in WINDOWS:
        _, valid = cleared.read(window)
        np.testing.assert_array_equal(valid, np.isfinite(scene()[(slice(None), *window.slices)]))


def test_no_window_shows(cleared, monkeypatch):
    values, _ = cleared.read(WINDOWS[0])
    hidden = cleared.hidden(WINDOWS[0])
    monkeypatch.setattr(clouds, "TILE", 64)
    again = CloudFree.of(layers_of(scene()), Bright())
    for window in WINDOWS:
        for one in (cleared, again):
            np.testing.assert_array_equal(one.read(window)[0], values[(slice(None), *window.slices)])
            np.testing.assert_array_equal(one.hidden(window), hidden[window.slices])


def test_the_order_of_bands_does_not_matter(cleared):
    swapped = CloudFree.of(layers_of(scene()[::-1]), Bright())
    np.testing.assert_array_equal(swapped.read(WINDOWS[0])[0][::-1], cleared.read(WINDOWS[0])[0])


def test_radar_sees_through():
    bands = (plain_bands(2)[0], Band("VV", modality=Modality.SAR))
    values, _ = CloudFree.of(layers_of(scene(), bands), Bright()).read(CLOUD)
    assert values[0].max() < 0.5
    np.testing.assert_array_equal(values[1], np.float32(0.95))
    radar = tuple(replace(band, modality=Modality.SAR) for band in bands)
    assert not CloudFree.of(layers_of(scene(), radar), Bright()).hidden(CLOUD).any()


def test_where_all_is_hidden_all_stays():
    layers = layers_of(np.full((2, 64, 64), 0.95, np.float32))
    same = CloudFree.of(layers, Bright())
    np.testing.assert_array_equal(same.read(Window(0, 0, 64, 64))[0], np.float32(0.95))
    assert not same.hidden(Window(0, 0, 64, 64)).any()


def test_training_fills_as_inference_does():
    """A whole image whose sides are multiples: opacities are not rounded to bytes in training, which is all."""
    whole = Window(0, 0, 192, 320)
    values = np.nan_to_num(scene()[(slice(None), *whole.slices)], nan=0.2)
    ours, _ = CloudFree.of(layers_of(values), Bright()).read(whole)
    batch, gaps = clear(Bright(), torch.from_numpy(values)[None], [plain_bands(2)], None)
    np.testing.assert_array_equal(gaps[0, 0].numpy(), CloudFree.of(layers_of(values), Bright()).hidden(whole))
    np.testing.assert_array_equal(batch[0].numpy(), ours)


class Blind:
    """Sees no cloud anywhere."""

    halo, multiple = 32, 32

    def cover(self, image, bands, statistics):
        nothing = torch.zeros_like(image[:, :1])
        return Cover(nothing, nothing, nothing)


def test_the_rim_of_a_cloud_found_by_its_brightness_does_not_fill_it():
    bands = get_sensor("sentinel2-l2a").bands[1:4]
    rows, columns = np.mgrid[:160, :160]
    away = np.hypot(rows - 80, columns - 80)
    # Opaque within 30 pixels, and thinning out over the next eight: too thin there to be found by brightness.
    opacity = np.clip((38 - away) / 8, 0, 1) ** 2
    ground = np.full((3, 160, 160), 0.05, np.float32)
    values = (ground * (1 - opacity) + 0.7 * opacity).astype(np.float32)
    layers = Filled.of(ImageSource(values), bands)
    found = CloudFree.of(layers, Blind(), reflectances=[(0.0, 1.0)] * 3)
    filled, _ = found.read(Window(0, 0, 160, 160))
    assert found.hidden(Window(0, 0, 160, 160))[60:100, 60:100].all()
    # Where clouds are opaque, ground: the rim is up to ten times as bright.
    assert np.abs(filled[:, 60:100, 60:100] - 0.05).max() < 0.02
