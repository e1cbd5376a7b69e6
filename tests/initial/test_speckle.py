"""Looks and correlation of speckle are measured on the image alone, be the ground level or not."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from llars.degrade.radar import correlated_speckle_in_decibels
from llars.initial.speckle import DECIBELS, NEPERS, bias_of, looks_of, speckle_power


def level(looks: float, side: int = 128, bands: int = 1) -> torch.Tensor:
    """Level ground under white speckle: ``(1, band, y, x)`` unit values."""
    power = np.random.default_rng(3).gamma(looks, 1.0 / looks, (1, bands, side, side))
    return torch.from_numpy(0.6 + np.log(power) / NEPERS).float()


def everywhere(image: torch.Tensor) -> torch.Tensor:
    return torch.ones_like(image, dtype=torch.bool)


@pytest.mark.parametrize("looks", [1.0, 4.4, 30.0])
def test_looks_are_found_in_white_speckle(looks: float) -> None:
    image = level(looks)
    power = speckle_power(image, everywhere(image))
    # Some 2500 independent values tell a variance to 3 %.
    assert looks_of(float(power.mean())) == pytest.approx(looks, rel=0.1)
    assert float(power.max() / power.min()) < 1.3


def test_speckle_that_neighbours_share_has_a_falling_spectrum() -> None:
    flat = np.full((1, 128, 128), 0.6, np.float32)
    operator = correlated_speckle_in_decibels(DECIBELS)
    image = torch.from_numpy(np.asarray(operator(flat, 0.5, generator=torch.Generator().manual_seed(1))))[None]
    power = speckle_power(image, everywhere(image)).view(8, 8)
    torch.testing.assert_close(power, power.T)
    assert float(power[0, 0]) > 3.0 * float(power[4, 4]) > 9.0 * float(power[7, 7])


def test_ground_that_is_not_level_is_no_speckle() -> None:
    image = level(4.0, 256)
    across = torch.arange(256) / 256.0
    hills = 0.1 * torch.sin(40.0 * across[:, None]) * torch.sin(25.0 * across)
    assert looks_of(float(speckle_power(image + hills, everywhere(image)).mean())) == pytest.approx(4.0, rel=0.15)


def test_all_bands_tell_the_same_looks() -> None:
    image = level(4.0, 48, 2)
    both = looks_of(float(speckle_power(image, everywhere(image)).mean()))
    assert both == pytest.approx(4.0, rel=0.2)


def test_looks_and_bias_are_those_of_the_logarithm_of_a_gamma_variable() -> None:
    # At one look the logarithm has the variance pi^2 / 6 and the mean -0.5772 (Euler's constant).
    assert looks_of(math.pi**2 / 6.0 / NEPERS**2) == pytest.approx(1.0, rel=1e-6)
    assert bias_of(1.0) * NEPERS == pytest.approx(0.57721566, rel=1e-6)
