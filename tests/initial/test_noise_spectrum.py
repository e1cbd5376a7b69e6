"""Noise that neighbouring pixels share is measured with its full variance, and texture is not taken for it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from scipy import ndimage

from llars.bands import Band
from llars.degrade import get
from llars.initial.denoising import find_noise, without_noise
from llars.initial.noise import noise_sigma
from llars.initial.noise_spectrum import WHITE, noise_spectrum

BANDS = tuple(Band(name, wavelength, 30.0, 10.0) for name, wavelength in (("green", 560.0), ("red", 665.0)))
SIGMA = 0.03


@pytest.fixture(scope="module")
def ground(example: Path) -> np.ndarray:
    """Two bands of the example, as one window of unit values: ``(1, band, y, x)``."""
    with rasterio.open(example) as source:
        values = source.read((2, 3)).astype(np.float32)
    return (values / values.max())[None, :, :224, :224]


def noise(shape: tuple[int, ...], down: float, across: float) -> np.ndarray:
    """Normal noise of standard deviation ``SIGMA``, smoothed by Gaussians of these widths in pixels."""
    values = ndimage.gaussian_filter(np.random.default_rng(5).standard_normal(shape), (0, 0, down, across))
    return (values * (SIGMA / values.std())).astype(np.float32)


def everywhere(image: np.ndarray) -> np.ndarray:
    return np.ones(image.shape, dtype=bool)


def test_independent_noise_is_white(ground: np.ndarray) -> None:
    image = ground + noise(ground.shape, 0.0, 0.0)
    assert noise_spectrum(image, everywhere(image)) is WHITE


def test_ground_without_noise_is_not_taken_for_correlated_noise(ground: np.ndarray) -> None:
    assert noise_spectrum(ground, everywhere(ground)) is WHITE


@pytest.mark.parametrize("widths", [(0.5, 0.5), (0.8, 0.8), (0.0, 0.7)])
def test_correlated_noise_has_its_full_deviation(ground: np.ndarray, widths: tuple[float, float]) -> None:
    image = ground + noise(ground.shape, *widths)
    found = noise_spectrum(image, everywhere(image))
    seen = noise_sigma(image, everywhere(image))
    assert (seen < 0.8 * SIGMA).all(), "second differences miss a part"
    assert seen * math.sqrt(found.variance_ratio) == pytest.approx([SIGMA] * 2, rel=0.25)


def test_directions_are_told_apart(ground: np.ndarray) -> None:
    image = ground + noise(ground.shape, 0.0, 0.7)
    power = noise_spectrum(image, everywhere(image)).power.view(8, 8)
    assert float(power.mean()) == pytest.approx(1.0, rel=1e-4)
    assert float(power[0, 6]) < 0.3 * float(power[6, 0])


def test_small_images_and_gaps_are_no_evidence(ground: np.ndarray) -> None:
    image = ground + noise(ground.shape, 0.8, 0.8)
    small = np.ascontiguousarray(image[..., :64, :64])
    assert noise_spectrum(small, everywhere(small)) is WHITE
    assert noise_spectrum(image[..., :6, :6], everywhere(image[..., :6, :6])) is WHITE
    assert noise_spectrum(image, np.zeros(image.shape, dtype=bool)) is WHITE
    constant = np.full_like(image, 0.2)
    assert noise_spectrum(constant, everywhere(constant)) is WHITE
    valid = everywhere(image)
    valid[..., :100] = False
    filled = np.where(valid, image, 0.0).astype(np.float32)
    whole = noise_spectrum(np.ascontiguousarray(image[..., 100:]), valid[..., 100:]).variance_ratio
    assert noise_spectrum(filled, valid).variance_ratio == pytest.approx(whole, rel=0.1)
    scattered = np.random.default_rng(6).random(image.shape) > 0.01
    full = noise_spectrum(image, everywhere(image)).variance_ratio
    assert noise_spectrum(image, scattered).variance_ratio == pytest.approx(full, rel=0.1)


def test_half_of_resampled_noise_goes(ground: np.ndarray) -> None:
    truth = torch.from_numpy(ground)
    errors = {}
    for name in ("gaussian_noise", "resampled_noise"):
        image = get(name)(truth, 0.5, torch.Generator().manual_seed(3))
        errors[name] = float((without_noise(image, [BANDS]) - truth).square().mean().sqrt())
    # Its long waves look more like ground than those of independent noise; as such, only a seventh of it would go.
    assert errors["gaussian_noise"] < errors["resampled_noise"] < 0.03


def test_the_noise_of_a_scene_has_that_spectrum(ground: np.ndarray) -> None:
    image = ground + noise(ground.shape, 0.8, 0.8)
    found, correlation = find_noise(image, everywhere(image), BANDS), noise_spectrum(image, everywhere(image))
    torch.testing.assert_close(found.spectrum[0], correlation.power)
    variance = found.constant + found.slope * torch.from_numpy(image.mean((0, 2, 3)))
    assert variance[0].sqrt().tolist() == pytest.approx([SIGMA] * 2, rel=0.3)
