"""Moments of the noise are those of theory, to 2 %."""

import math

import pytest
import torch

from llars import degrade
from llars.degrade.noise import speckle_in_decibels
from llars.errors import ConfigError

# 2 ** 18 samples: the standard error of a standard deviation is below 0.3 % even for exponential noise.
SHAPE = (1, 4, 256, 256)


def noisy(name: str, value: float, severity: float) -> torch.Tensor:
    return degrade.get(name)(torch.full(SHAPE, value), severity, torch.Generator().manual_seed(11))


def four_errors(share: float) -> float:
    """Four standard errors of a share of that many samples."""
    return float(4 * (share * (1 - share) / torch.Size(SHAPE).numel()) ** 0.5)


@pytest.mark.parametrize("name", ["gaussian_noise", "uniform_noise"])
@pytest.mark.parametrize("severity", [0.1, 0.5, 1.0])
def test_additive_noise(name: str, severity: float) -> None:
    result = noisy(name, 0.5, severity)
    assert result.std().item() == pytest.approx(0.1 * severity, rel=0.02)
    assert result.mean().item() == pytest.approx(0.5, abs=0.001)


def test_uniform_noise_has_an_end() -> None:
    assert (noisy("uniform_noise", 0.5, 1.0) - 0.5).abs().max().item() == pytest.approx(0.1 * 3**0.5, rel=0.001)


@pytest.mark.parametrize("value", [0.002, 0.02, 0.039, 0.041, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("severity", [0.2, 1.0])
def test_poisson_noise(value: float, severity: float) -> None:
    result = noisy("poisson_noise", value, severity)
    photons = 1 / (0.1 * severity) ** 2
    assert result.mean().item() == pytest.approx(value, rel=0.02)
    assert result.var().item() == pytest.approx(value / photons, rel=0.02)
    counts = result * photons
    assert (counts - counts.round()).abs().max() < 1e-2
    skewness = ((result - result.mean()) / result.std()).pow(3).mean().item()
    assert skewness == pytest.approx((value * photons) ** -0.5, abs=0.05, rel=0.05)


@pytest.mark.parametrize("mean", [0.5, 3.9, 4.1, 12.0])
def test_photon_counts_have_the_shares_of_the_law(mean: float) -> None:
    counts = (noisy("poisson_noise", mean / 100, 1.0) * 100).round()
    for count in range(7):
        share = mean**count * math.exp(-mean) / math.factorial(count)
        # The expansion from 4 counts on is off by a few thousandths in all.
        assert (counts == count).double().mean().item() == pytest.approx(share, abs=four_errors(share) + 0.0015)


def test_dark_samples_hold_no_photons() -> None:
    image = torch.tensor([[[-0.1, 0.0]]])
    assert torch.equal(degrade.get("poisson_noise")(image, 1.0), image)


@pytest.mark.parametrize("severity", [0.002, 0.01, 0.1, 0.5, 1.0])
def test_speckle(severity: float) -> None:
    result = noisy("speckle", 0.3, severity) / 0.3
    assert result.min() >= 0
    assert result.mean().item() == pytest.approx(1, rel=0.02)
    assert result.std().item() == pytest.approx(severity, rel=0.02)
    # The skewness of a gamma law with L looks is 2 / sqrt(L).
    skewness = ((result - result.mean()) / result.std()).pow(3).mean().item()
    assert skewness == pytest.approx(2 * severity, abs=0.08)


def test_speckle_of_one_look_is_exponential() -> None:
    result = noisy("speckle", 0.3, 1.0) / 0.3
    for level in (0.01, 0.1, 1.0, 3.0):
        expected = 1 - torch.exp(torch.tensor(-level)).item()
        assert (result < level).double().mean().item() == pytest.approx(expected, abs=four_errors(expected))


def test_speckle_in_decibels_is_speckle_on_intensities() -> None:
    low, high = -30.0, 10.0
    unit = torch.full(SHAPE, 0.5)
    result = speckle_in_decibels((low, high))(unit, 0.6, torch.Generator().manual_seed(2))
    looks = 10 ** ((result - unit) * (high - low) / 10)
    assert looks.mean().item() == pytest.approx(1, rel=0.02)
    assert looks.std().item() == pytest.approx(0.6, rel=0.02)
    with pytest.raises(ConfigError, match="10 to -30 dB"):
        speckle_in_decibels((high, low))


@pytest.mark.parametrize("severity", [0.2, 1.0])
def test_impulse_noise_is_salt_and_pepper(severity: float) -> None:
    result = noisy("impulse_noise", 0.5, severity)
    share = 0.05 * severity
    for stuck in (0.0, 1.0):
        assert (result == stuck).double().mean().item() == pytest.approx(share, abs=four_errors(share))
    assert set(result.unique().tolist()) == {0.0, 0.5, 1.0}


def test_noise_of_neighbours_is_independent() -> None:
    for name in ("gaussian_noise", "uniform_noise", "poisson_noise", "speckle"):
        noise = noisy(name, 0.5, 0.5) - 0.5
        for along in (noise[..., 1:] * noise[..., :-1], noise[:, 1:] * noise[:, :-1]):
            assert abs(along.mean().item()) < 0.01 * noise.var().item()
