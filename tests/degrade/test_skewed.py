"""Moments of skewed noise are those of theory, to 2 %; lost samples are lost evenly."""

import pytest
import torch

from llars import degrade

# 2 ** 19 samples: four standard errors of a standard deviation are below 1 %.
SHAPE = (1, 8, 256, 256)


def noisy(name: str, value: float, severity: float) -> torch.Tensor:
    return degrade.get(name)(torch.full(SHAPE, value), severity, torch.Generator().manual_seed(11))


@pytest.mark.parametrize(("name", "skewness"), [("rayleigh_noise", 0.6311), ("gamma_noise", 2**0.5)])
@pytest.mark.parametrize("severity", [0.1, 0.6])
def test_moments(name: str, skewness: float, severity: float) -> None:
    # At 0.3 and severity 0.6 the detector's ends lie five and more standard deviations away.
    noise = noisy(name, 0.3, severity).double() - 0.3
    assert noise.mean().item() == pytest.approx(0, abs=0.002 * severity)
    assert noise.std().item() == pytest.approx(0.1 * severity, rel=0.02)
    assert (noise / noise.std()).pow(3).mean().item() == pytest.approx(skewness, rel=0.05)


@pytest.mark.parametrize("name", ["rayleigh_noise", "gamma_noise"])
def test_noise_has_a_lower_end(name: str) -> None:
    least = {"rayleigh_noise": -1.9131, "gamma_noise": -(2**0.5)}[name]
    assert (noisy(name, 0.5, 0.5).min().item() - 0.5) / 0.05 == pytest.approx(least, abs=0.02)


@pytest.mark.parametrize("name", ["rayleigh_noise", "gamma_noise"])
def test_noise_of_neighbours_is_independent(name: str) -> None:
    noise = noisy(name, 0.5, 0.5) - 0.5
    for along in (noise[..., 1:] * noise[..., :-1], noise[:, 1:] * noise[:, :-1]):
        assert abs(along.mean().item()) < 0.01 * noise.var().item()


@pytest.mark.parametrize("severity", [0.2, 1.0])
def test_lost_samples_are_anything(severity: float) -> None:
    result = noisy("random_impulse_noise", 0.5, severity)
    lost = result[result != 0.5]
    assert lost.numel() / result.numel() == pytest.approx(0.1 * severity, rel=0.03)
    assert lost.mean().item() == pytest.approx(0.5, rel=0.02)
    assert lost.std().item() == pytest.approx(12**-0.5, rel=0.02)
