"""Correlated speckle keeps the gamma law of every pixel, and neighbours share it."""

import pytest
import torch

from llars import degrade
from llars.degrade.radar import correlated_speckle_in_decibels
from llars.degrade.registry import in_decibels
from llars.errors import ConfigError

# Neighbours share their speckle: 2 ** 19 samples count for about a fifth of that.
SHAPE = (8, 1, 256, 256)


def speckled(severity: float) -> torch.Tensor:
    return degrade.get("correlated_speckle")(torch.full(SHAPE, 0.3), severity, torch.Generator().manual_seed(3)) / 0.3


@pytest.mark.parametrize("severity", [0.005, 0.1, 0.45, 1.0])
def test_moments(severity: float) -> None:
    power = speckled(severity).double()
    assert power.min() >= 0
    assert power.mean().item() == pytest.approx(1, rel=0.02)
    assert power.std().item() == pytest.approx(severity, rel=0.02)
    skewness = ((power - power.mean()) / power.std()).pow(3).mean().item()
    assert skewness == pytest.approx(2 * severity, abs=0.15)


def test_a_single_look_is_exponential() -> None:
    power = speckled(1.0)
    for level in (0.01, 0.1, 1.0, 3.0):
        expected = 1 - torch.exp(torch.tensor(-level)).item()
        assert (power < level).double().mean().item() == pytest.approx(expected, abs=0.005)


def test_neighbours_share_their_speckle_and_distant_pixels_do_not() -> None:
    power = speckled(0.5) - 1
    variance = power.var().item()
    for axis in (2, 3):
        correlation = [
            float((power.narrow(axis, 0, 256 - lag) * power.narrow(axis, lag, 256 - lag)).mean()) / variance
            for lag in (1, 2, 8)
        ]
        assert 0.3 < correlation[0] < 0.8
        assert correlation[1] < correlation[0]
        assert abs(correlation[2]) < 0.02


def test_images_differ_in_their_correlation() -> None:
    power = speckled(0.5) - 1
    shared = (power[..., 1:] * power[..., :-1]).mean(dim=(1, 2, 3)) / power.var(dim=(1, 2, 3))
    assert shared.max() - shared.min() > 0.1


def test_decibels_are_speckle_on_intensities() -> None:
    low, high = -30.0, 10.0
    unit = torch.full(SHAPE, 0.5)
    result = correlated_speckle_in_decibels((low, high))(unit, 0.6, torch.Generator().manual_seed(2))
    looks = 10 ** ((result - unit) * (high - low) / 10)
    assert looks.mean().item() == pytest.approx(1, rel=0.02)
    assert looks.std().item() == pytest.approx(0.6, rel=0.02)
    with pytest.raises(ConfigError, match="10 to -30 dB"):
        correlated_speckle_in_decibels((high, low))


def test_only_speckle_has_a_form_of_its_own_in_decibels() -> None:
    for name in degrade.names():
        operator = degrade.get(name)
        assert (in_decibels(operator, (-30.0, 10.0)) is operator) == (name not in ("speckle", "correlated_speckle"))
        assert in_decibels(operator, (-30.0, 10.0)).name == name
