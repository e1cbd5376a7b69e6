"""A network is trained that corrects the classical estimate of noisy images."""

import numpy as np
import pytest
import torch
from tests.shapes import discs

from llars.bands import Band
from llars.data.patches import Patches
from llars.model.denoising import DenoisingNetwork
from llars.train import noise


class Discs:
    """Patches of discs, in place of a corpus."""

    def draw(self, count, side, size, rng, **_):
        first = int(rng.integers(10**6))
        clean = torch.cat([discs(first + n, side) for n in range(size)]).expand(-1, count, -1, -1)
        bands = tuple(Band(f"B{index}") for index in range(count))
        return Patches(clean, [bands] * size, [(0.0, 1.0)] * size)


@pytest.fixture
def small(monkeypatch):
    """Batches of small images, which are just large enough for their noise to be measured."""
    monkeypatch.setattr(noise, "SIDES", {64: 1.0})
    monkeypatch.setattr(noise, "VALUES", 4 * 64**2)
    monkeypatch.setattr(noise, "COUNTS", {1: 0.5, 2: 0.5})
    monkeypatch.setattr(noise, "WARM_UP", 10)
    monkeypatch.setattr(noise, "DECAY", 0.9)


def test_the_same_batch_has_the_same_noise(small) -> None:
    one, other = (noise.draw(Discs(), np.random.default_rng((0, 5))) for _ in "12")
    torch.testing.assert_close(one.image, other.image, rtol=0, atol=0)
    assert (one.image - one.truth).std() > 1e-3
    # The estimate is not the noisy image.
    assert (one.estimate - one.truth).square().mean() < 0.5 * (one.image - one.truth).square().mean()


def test_a_trained_network_is_nearer_to_the_truth(small) -> None:
    untrained, network = DenoisingNetwork(), noise.train(Discs(), batches=60)
    assert noise.gains(network, Discs(), batches=6) > noise.gains(untrained, Discs(), batches=6) + 0.1
