"""Ground under clouds with the detail of a radar guide: nearer to the truth, and the same in every window."""

import numpy as np
import pytest
import torch
from tests.infer.initial.test_clouds import Bright

from llars.bands import Band, Modality, plain_bands
from llars.infer.initial import clouds
from llars.infer.initial.clouds import CloudFree
from llars.infer.reading.layers import Filled
from llars.infer.reading.sources import ImageSource
from llars.infer.tiles import Window
from llars.initial.clearing import clear
from llars.model.normalise import Statistics

SIZE = (192, 320)
WHOLE = Window(0, 0, *SIZE)
WINDOWS = (Window(37, 11, 90, 320), Window(150, 200, 192, 320), Window(80, 100, 81, 101))
CLOUD = Window(64, 96, 128, 192)
RADAR = (Band("VV", modality=Modality.SAR), Band("VH", modality=Modality.SAR))


def ground():
    """Two bands of fields below 0.4."""
    fields = np.random.default_rng(0).uniform(size=(SIZE[0] // 8, SIZE[1] // 8)).repeat(8, 0).repeat(8, 1)
    return np.stack([0.1 + 0.25 * fields, 0.2 - 0.15 * fields]).astype(np.float32)


def cloudy():
    image = ground()
    image[(slice(None), *CLOUD.slices)] = 0.95
    return image


def radar(gap=None):
    image = np.stack([0.3 + ground()[0], 0.3 - 0.5 * ground()[1]])
    if gap is not None:
        image[(slice(None), *gap.slices)] = np.nan
    return Filled.of(ImageSource(image), RADAR)


def cleared(guide=None):
    layers = Filled.of(ImageSource(cloudy()), plain_bands(2))
    return CloudFree.of(layers, Bright(), radar=guide)


def error(values):
    return np.abs(values - ground())[(slice(None), *CLOUD.slices)].mean()


def test_fields_are_seen_through_the_cloud():
    assert error(cleared(radar()).read(WHOLE)[0]) < 0.4 * error(cleared().read(WHOLE)[0])


def test_no_window_shows(monkeypatch):
    whole = cleared(radar())
    values = whole.read(WHOLE)[0]
    monkeypatch.setattr(clouds, "TILE", 64)
    again = cleared(radar())
    for window in WINDOWS:
        part = values[(slice(None), *window.slices)]
        # Means over pixels are rounded differently in windows of another width.
        np.testing.assert_allclose(whole.read(window)[0], part, atol=1e-5)
        np.testing.assert_allclose(again.read(window)[0], part, atol=1e-5)


def test_where_radar_has_a_gap_the_fill_is_as_without():
    gap = Window(64, 96, 128, 144)
    with_gap, without = (cleared(guide).read(WHOLE)[0] for guide in (radar(gap), None))
    inside = (slice(None), *gap.slices)
    np.testing.assert_array_equal(with_gap[inside], without[inside])
    assert error(with_gap) < 0.8 * error(without)


def test_radar_is_not_read_where_nothing_is_hidden(monkeypatch):
    monkeypatch.setattr(clouds.RadarDetail, "of", lambda *_: pytest.fail("the radar was read"))
    unread = CloudFree.of(Filled.of(ImageSource(ground()), plain_bands(2)), Bright(), radar=radar())
    np.testing.assert_array_equal(unread.read(WHOLE)[0], ground())


def test_training_fills_as_inference_does():
    image, guide = torch.from_numpy(cloudy())[None], torch.from_numpy(radar().read(WHOLE)[0])[None]
    ours, _ = clear(Bright(), image, [plain_bands(2)], Statistics.of(image), guide)
    np.testing.assert_allclose(ours[0].numpy(), cleared(radar()).read(WHOLE)[0], atol=5e-3)
