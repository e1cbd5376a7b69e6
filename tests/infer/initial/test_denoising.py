"""Denoised layers are the same in every window, with the despeckling network and without it."""

from dataclasses import replace

import numpy as np
import pytest
from tests.initial.test_denoising import GREEN, RADAR, RED, fields, noisy
from tests.initial.test_despeckling import DECIBEL, random_network, speckled

from llars.bands import Band
from llars.infer.initial.denoising import Denoised
from llars.infer.initial.estimates import initial_estimate
from llars.infer.reading.layers import Filled
from llars.infer.reading.sources import ImageSource
from llars.infer.tiles import Window
from llars.model.despeckling import DespecklingNetwork
from llars.weights.estimators import load_speckle

KINDS = {"optical": ((RED, GREEN), False), "radar": ((RADAR, RADAR), False), "network": ((RADAR, RADAR), True)}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("side", [40, 96])
def test_windows_of_a_scene_show_nowhere(kind: str, side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    bands, corrected = KINDS[kind]
    image = noisy(fields(512), 0.03)[:, :503, :477]
    held = Denoised.of(Filled.of(ImageSource(image), bands), random_network() if corrected else None)
    whole, _ = held.read(Window(0, 0, 503, 477))
    monkeypatch.setattr("llars.infer.initial.denoising.BLOCK_SIDE", side)
    for window in (Window(233, 250, 260, 301), Window(400, 0, 503, 60)):
        part, valid = replace(held, whole=None).read(window)
        np.testing.assert_allclose(part, whole[(slice(None), *window.slices)], atol=1e-5)
        assert valid.shape == part.shape
    part[:] = 0.0
    assert held.read(window)[0].any()


@pytest.mark.parametrize("bands", [(RADAR, RADAR), (RED, GREEN)], ids=["radar", "optical"])
def test_the_bundled_network_is_for_radar_alone(bands: tuple[Band, ...]) -> None:
    layers = Filled.of(ImageSource(noisy(fields(64), 0.03)), bands)
    estimate, without = initial_estimate("denoise", layers, []), Denoised.of(layers)
    assert isinstance(estimate, Denoised)
    window = Window(0, 0, 64, 64)
    same = np.array_equal(estimate.read(window)[0], without.read(window)[0])
    assert same == (bands[0] is RED)


@pytest.mark.parametrize("network", [None, load_speckle()], ids=["shrinkage", "network"])
def test_gaps_do_not_spread(network: DespecklingNetwork | None) -> None:
    """What is missing is filled before speckle is removed: beside a gap, the ground is as elsewhere."""
    image = speckled(np.full((2, 128, 128), 0.5, np.float32), 4.0)[0].numpy()
    image[:, 50:60, 70:90] = np.nan
    held = Denoised.of(Filled.of(ImageSource(image), (RADAR, RADAR)), network)
    values, valid = held.read(Window(0, 0, 128, 128))
    np.testing.assert_array_equal(valid, np.isfinite(image))
    errors = np.where(valid, np.abs(values - 0.5), 0.0)
    # A gap of the value 0 would be 20 dB below.
    assert np.isfinite(values).all() and errors[:, 44:66, 64:96].max() < 2.5 * DECIBEL
    assert errors[:, 44:66, 64:96].sum() / valid[:, 44:66, 64:96].sum() < 0.5 * DECIBEL
