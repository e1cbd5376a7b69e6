"""Examples of speckle are what they say, and the network learns from them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.packing import pack

import llars.train.speckle
from llars.bands import Band
from llars.data.corpus import Corpus
from llars.initial.speckle import DECIBELS, NEPERS
from llars.model.despeckling import DespecklingNetwork
from llars.sample import Sample
from llars.sensors import get_sensor
from llars.train.speckle import HELD_OUT, batch_of, gain_on, loss, mean_squares, part, train
from llars.train.speckle_examples import DECIBEL, Dates, Grounds, decibels, draw, draw_pairs, power, read_dates

BANDS = tuple(Band(name, wavelength_nm=nm, gsd_m=10.0) for name, nm in (("B", 490.0), ("R", 665.0)))
RADAR = get_sensor("sentinel1-grd-db")


def optical(index: int, rng: np.random.Generator) -> Sample:
    y, x = np.mgrid[:96, :96] / rng.uniform(4, 12)
    waves = 0.2 + 0.1 * np.sin(y) * np.cos(x) + 0.01 * rng.standard_normal((2, 96, 96))
    return Sample(
        scene=f"waves_{index}",
        sensor="sentinel2-l2a",
        split="train",
        bands=BANDS,
        values=(10_000 * waves).astype(np.uint16),
        scale=1e-4,
        offset=0.0,
        valid=np.ones((96, 96), dtype=bool),
    )


def radar(name: str, rng: np.random.Generator) -> Sample:
    values = -12.0 + 10.0 * np.log10(rng.gamma(4.0, 0.25, (2, 128, 128)))
    sample = optical(0, rng)
    bands = (RADAR.band("VV"), RADAR.band("VH"))
    extra = {"scale": 1.0, "value_range": RADAR.valid_range, "clean": False, "group": name}
    valid = np.ones((128, 128), bool)
    return replace(
        sample, scene=name, sensor=RADAR.name, bands=bands, values=values.astype(np.float32), valid=valid, **extra
    )


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    rng = np.random.default_rng(0)
    path: Path = tmp_path_factory.mktemp("corpus") / "train"
    pack([*(optical(index, rng) for index in range(3)), radar("plain", rng), radar(HELD_OUT[0], rng)], path)
    return Corpus.open(path)


@pytest.fixture(scope="module")
def dates(tmp_path_factory: pytest.TempPathFactory) -> list[Dates]:
    """Two orbits of 6 and 5 dates over a place that brightens by half a decibel from date to date."""
    rng = np.random.default_rng(1)
    ground = -12.0 + 2.0 * np.sin(np.arange(32) / 3.0)
    speckle = 10.0 * np.log10(rng.gamma(8.0, 1.0 / 8.0, (11, 2, 32, 32)))
    seasons = 0.5 * np.arange(11)[:, None, None, None]
    path = tmp_path_factory.mktemp("series") / "site.npz"
    days = np.arange(11) * 12 * 86400 + np.where(np.arange(11) % 2, 40_000, 3)
    np.savez(path, s1_20m=(100 * (ground + seasons + speckle)).round().astype(np.int16), s1_20m_days=days)
    return read_dates(path)


def test_speckle_is_multiplicative_of_mean_one_and_examples_repeat(corpus: Corpus) -> None:
    grounds = Grounds(corpus)
    first, again = (draw(grounds, 2, 64, 24, np.random.default_rng(5)) for _ in range(2))
    assert torch.equal(first.image, again.image) and torch.equal(first.second, again.second)
    ratio = ((first.image - first.truth) * NEPERS).exp()
    # The mean of a million of them, of which the speckle of one look makes the most.
    assert float(ratio.mean()) == pytest.approx(1.0, abs=0.03)
    deviations = ratio.std((1, 2, 3))
    assert deviations.min() < 0.4 and 0.9 < float(deviations.max()) < 1.2
    assert len(first.noise.looks) == 24


def test_ground_comes_from_radar_and_from_optical_images(corpus: Corpus) -> None:
    grounds = Grounds(part(corpus, left_out=False))
    assert [image.shape for image in grounds.radar] == [(2, 42, 42), (2, 32, 32)]
    # Sixteen pixels of four looks, so nearly without speckle.
    assert 0.4 < grounds.radar[1].std() / DECIBEL < 0.7
    drawn = torch.cat([grounds.draw(2, 24, 8, np.random.default_rng(seed)) for seed in range(12)])
    spread = drawn.std((2, 3)) / DECIBEL
    assert spread.min() < 1.0 and 2.0 < spread.max() < 10.0
    assert drawn.mean((2, 3)).min() > 0 and drawn.mean((2, 3)).max() < 1


def test_places_that_are_left_out_are_not_among_the_others(corpus: Corpus) -> None:
    assert {scene.group for scene in part(corpus, left_out=True).scenes} == {HELD_OUT[0]}
    assert HELD_OUT[0] not in {scene.group for scene in part(corpus, left_out=False).scenes}
    assert len(part(corpus, left_out=False)) == 4


def test_dates_of_an_orbit_are_compared_with_the_mean_of_the_others(corpus: Corpus, dates: list[Dates]) -> None:
    assert [len(orbit.images) for orbit in dates] == [6, 5]
    image, others = dates[0].pair(0)
    assert np.array_equal(image, dates[0].images[0])
    # The level is that of the date, 2.5 dB below that of the others; their speckle is averaged away.
    np.testing.assert_allclose(power(others).mean((1, 2)), power(image).mean((1, 2)), rtol=1e-3)
    ground = (others - others.mean((1, 2), keepdims=True)) / DECIBEL
    expected = 2.0 * np.sin(np.arange(32) / 3.0)
    # Four standard deviations of the mean over 32 rows, two bands and five dates of 8 looks.
    np.testing.assert_allclose(ground.mean((0, 1)), expected - expected.mean(), atol=0.36)
    examples = draw_pairs(Grounds(corpus), dates, 2, 24, 40, np.random.default_rng(0))
    assert examples.image.shape == examples.truth.shape == (40, 2, 24, 24)
    # Speckle of 8 looks, and what is left of it in the mean of the others, on ground of any contrast.
    assert float((examples.image - examples.truth).std()) == pytest.approx(1.56 * DECIBEL * 1.2**0.5, rel=0.1)
    spread = examples.truth.std((2, 3)) / DECIBEL
    assert spread.min() < 1.0 < 2.5 < spread.max()


def test_decibels_and_power_are_inverse() -> None:
    image = np.linspace(0.0, 1.0, 9, dtype=np.float32).reshape(1, 3, 3)
    np.testing.assert_allclose(decibels(power(image)), image, atol=1e-6)
    assert power(image).max() == pytest.approx(10.0 ** (DECIBELS[1] / 10.0))


def test_training_learns_resumes_and_repeats(
    corpus: Corpus, dates: list[Dates], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(llars.train.speckle, "PIXELS", 16 * 24**2)
    monkeypatch.setattr(llars.train.speckle, "WARM_UP", 10)
    grounds = Grounds(corpus)
    whole = train(grounds, dates, batches=3, side=24, seed=1, run=tmp_path)
    again = train(grounds, dates, batches=3, side=24, seed=1, run=tmp_path)
    other = train(grounds, dates, batches=3, side=24, seed=1)
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]) and torch.equal(tensor, other.state_dict()[name]), name
    held_out = [batch_of(grounds, (), np.random.default_rng((9, number)), 24) for number in range(8)]
    taught = train(grounds, batches=30, side=24, seed=1, rate=5e-4)
    with torch.inference_mode():
        before, after = (
            sum(float(loss(network, each)) for each in held_out) for network in (DespecklingNetwork(), taught)
        )
    # A few seconds of training, from where it changes nothing.
    assert after < 0.95 * before


def test_figures_of_a_network_that_changes_nothing(corpus: Corpus) -> None:
    grounds, untrained = Grounds(corpus), DespecklingNetwork()
    examples = draw(grounds, 1, 48, 4, np.random.default_rng(2))
    squares = mean_squares(None, examples)
    torch.testing.assert_close(mean_squares(untrained, examples), squares)
    assert squares.shape == (4,) and 0.05 < float(squares.mean()) < 20.0
    gains = gain_on(untrained, grounds, batches=1, sides=(32, 64))
    assert gains == {32: 0.0, 64: 0.0}
