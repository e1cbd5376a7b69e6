"""Denoised layers are the same in every window, with networks and without them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.initial.test_denoising import GREEN, RADAR, RED, fields, noisy
from tests.initial.test_despeckling import DECIBEL, RANDOM, SPECKLE, speckled

from llars.bands import Band
from llars.degrade import get
from llars.infer.initial.denoising import Denoised
from llars.infer.reading.layers import Filled
from llars.infer.reading.sources import ImageSource
from llars.infer.tiles import Window
from llars.initial.denoising import UNCORRECTED, Correctors
from llars.model.correction import CorrectionNetwork


def random_network() -> CorrectionNetwork:
    """A network that corrects at random."""
    torch.manual_seed(0)
    network = CorrectionNetwork().eval().requires_grad_(False)
    torch.nn.init.normal_(network.last.weight, std=0.02)
    return network


OPTICAL, RADARS = (RED, GREEN), (RADAR, RADAR)
KINDS = {
    "optical": (OPTICAL, UNCORRECTED),
    "radar": (RADARS, UNCORRECTED),
    "optical, corrected": (OPTICAL, Correctors(random_network())),
    "radar, corrected": (RADARS, RANDOM),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("side", [40, 96])
def test_windows_of_a_scene_show_nowhere(kind: str, side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    bands, correctors = KINDS[kind]
    image = noisy(fields(512), 0.03)[:, :503, :477]
    held = Denoised.of(Filled.of(ImageSource(image), bands), correctors)
    whole, _ = held.read(Window(0, 0, 503, 477))
    monkeypatch.setattr("llars.infer.initial.denoising.BLOCK_SIDE", side)
    for window in (Window(233, 250, 260, 301), Window(400, 0, 503, 60)):
        part, valid = replace(held, whole=None).read(window)
        # Where the network computes in bfloat16, estimates that differ in the last digit may be rounded apart.
        close = 3e-4 if correctors.optical else 1e-5
        np.testing.assert_allclose(part, whole[(slice(None), *window.slices)], atol=close)
        assert valid.shape == part.shape
    part[:] = 0.0
    assert held.read(window)[0].any()


@pytest.mark.parametrize("side", [40, 96])
@pytest.mark.parametrize("degradation", ["impulse_noise", "resampled_noise"])
def test_no_kind_of_noise_shows_windows(degradation: str, side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    image = np.asarray(get(degradation)(noisy(fields(512), 0.01), 0.4, np.random.default_rng(1)))[:, :503, :477]
    held = Denoised.of(Filled.of(ImageSource(image), OPTICAL))
    assert (held.noise.impulses is not None) == (degradation == "impulse_noise")
    assert (held.noise.spectrum.std() > 0) == (degradation == "resampled_noise")
    whole, _ = held.read(Window(0, 0, 503, 477))
    monkeypatch.setattr("llars.infer.initial.denoising.BLOCK_SIDE", side)
    for window in (Window(233, 250, 260, 301), Window(400, 0, 503, 60)):
        part, _ = replace(held, whole=None).read(window)
        np.testing.assert_allclose(part, whole[(slice(None), *window.slices)], atol=1e-5)


@pytest.mark.parametrize("bands", [OPTICAL, RADARS], ids=["optical", "radar"])
def test_each_network_is_for_its_own_bands(bands: tuple[Band, ...]) -> None:
    layers, window = Filled.of(ImageSource(noisy(fields(64), 0.03)), bands), Window(0, 0, 64, 64)
    correctors = UNCORRECTED, Correctors(optical=random_network()), RANDOM
    plain, optical, radar = (Denoised.of(layers, one).read(window)[0] for one in correctors)
    assert np.array_equal(plain, optical) == (bands is RADARS)
    assert np.array_equal(plain, radar) == (bands is OPTICAL)


@pytest.mark.parametrize("correctors", [UNCORRECTED, SPECKLE], ids=["shrinkage", "network"])
def test_gaps_do_not_spread(correctors: Correctors) -> None:
    """What is missing is filled before speckle is removed: beside a gap, the ground is as elsewhere."""
    image = speckled(np.full((2, 128, 128), 0.5, np.float32), 4.0)[0].numpy()
    image[:, 50:60, 70:90] = np.nan
    held = Denoised.of(Filled.of(ImageSource(image), RADARS), correctors)
    values, valid = held.read(Window(0, 0, 128, 128))
    np.testing.assert_array_equal(valid, np.isfinite(image))
    errors = np.where(valid, np.abs(values - 0.5), 0.0)
    # A gap of the value 0 would be 20 dB below.
    assert np.isfinite(values).all() and errors[:, 44:66, 64:96].max() < 2.5 * DECIBEL
    assert errors[:, 44:66, 64:96].sum() / valid[:, 44:66, 64:96].sum() < 0.5 * DECIBEL
