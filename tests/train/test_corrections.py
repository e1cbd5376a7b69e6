"""Networks are trained that correct the classical estimates of noisy and of striped images."""

import numpy as np
import pytest
import torch
from tests.shapes import discs

from llars.bands import Band
from llars.data.patches import Patches
from llars.model.correction import CorrectionNetwork
from llars.train import correction_examples, corrections
from llars.train.corrections import FAULTS, gains


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
    for name, value in {"NOISY_SIDES": {64: 1.0}, "STRIPED_SIDES": {64: 1.0}, "COUNTS": {1: 0.5, 2: 0.5}}.items():
        monkeypatch.setattr(correction_examples, name, value)
    monkeypatch.setattr(correction_examples, "NOISES", {"gaussian_noise": 1.0})  # correlation needs larger images
    monkeypatch.setattr(correction_examples, "VALUES", 4 * 64**2)
    monkeypatch.setattr(corrections, "WARM_UP", 10)
    monkeypatch.setattr(corrections, "DECAY", 0.9)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_the_same_batch_has_the_same_fault(small, fault) -> None:
    one, other = (fault.draw(Discs(), np.random.default_rng((0, 5))) for _ in "12")
    torch.testing.assert_close(one.image, other.image, rtol=0, atol=0)
    assert (one.image - one.truth).std() > 1e-3
    assert one.scale.shape == one.image.shape and float(one.scale.min()) > 0
    # The estimate is not the degraded image.
    assert (one.estimate - one.truth).square().mean() < 0.8 * (one.image - one.truth).square().mean()


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_trained_network_is_nearer_to_the_truth(small, fault) -> None:
    untrained, network = CorrectionNetwork(), corrections.train(fault, Discs(), batches=60)
    assert gains(fault, network, Discs(), batches=6) > gains(fault, untrained, Discs(), batches=6) + 0.1
