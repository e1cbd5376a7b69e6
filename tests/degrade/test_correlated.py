"""Noise from before a resampling is shared by neighbours, and as strong as its severity says."""

from __future__ import annotations

import pytest
import torch

from llars import degrade
from llars.degrade.correlated import MAX_ENLARGEMENT

SHAPE = (6, 2, 160, 160)


def noise(severity: float = 0.5, seed: int = 4) -> torch.Tensor:
    level = torch.full(SHAPE, 0.5)
    return degrade.get("resampled_noise")(level, severity, torch.Generator().manual_seed(seed)) - level


def shared(noise: torch.Tensor, axis: int) -> torch.Tensor:
    """Correlation of neighbours along an axis, of each image."""
    size = noise.shape[axis]
    pairs = noise.narrow(axis, 1, size - 1) * noise.narrow(axis, 0, size - 1)
    return pairs.mean((1, 2, 3)) / noise.var((1, 2, 3))


@pytest.mark.parametrize("severity", [0.1, 0.5, 1.0])
def test_every_image_has_noise_of_that_deviation(severity: float) -> None:
    found = noise(severity)
    assert found.std((1, 2, 3)).tolist() == pytest.approx([0.1 * severity] * len(found), rel=0.01)
    assert found.mean((1, 2, 3)).abs().max() < 0.02 * severity


def test_neighbours_share_it_by_an_amount_of_each_image_and_direction() -> None:
    down, across = shared(noise(), 2), shared(noise(), 3)
    for along in (down, across):
        # On a grid of the same size, shifted by half a pixel at most, neighbours share up to a half; on one of half
        # the size, three quarters.
        assert (along > -0.02).all()
        assert (along < 1.0 - 0.4 / MAX_ENLARGEMENT).all()
        assert along.max() - along.min() > 0.1
    assert (down - across).abs().max() > 0.1


def test_bands_do_not_share_it() -> None:
    first, second = noise().unbind(1)
    assert ((first * second).mean((1, 2)) / (first.std((1, 2)) * second.std((1, 2)))).abs().max() < 0.05
