"""Noise is measured on the image alone, and what does not stand out from it is taken out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from llars.bands import Band, Modality
from llars.initial.denoising import find_noise, without_noise
from llars.initial.noise import noise_law
from llars.initial.shrinkage import MARGIN_PX, shrunk

RED, GREEN = Band("red", 665.0, 30.0, 10.0), Band("green", 560.0, 30.0, 10.0)
RADAR = Band("VV", gsd_m=10.0, modality=Modality.SAR)


def fields(side: int = 128, bands: int = 2) -> np.ndarray:
    """Even fields of different brightness, alike in all bands: ``(band, y, x)``."""
    rng = np.random.default_rng(1)
    squares = rng.uniform(0.1, 0.7, (side // 16, side // 16)).repeat(16, 0).repeat(16, 1)
    return np.stack([squares * (1.0 - 0.2 * band) for band in range(bands)]).astype(np.float32)


def noisy(image: np.ndarray, sigma: float) -> np.ndarray:
    return (image + sigma * np.random.default_rng(2).standard_normal(image.shape)).astype(np.float32)


def error(image: torch.Tensor, truth: np.ndarray) -> float:
    return float((image[0] - torch.from_numpy(truth)).square().mean().sqrt())


def test_most_of_the_noise_goes_and_edges_stay() -> None:
    truth = fields()
    image = torch.from_numpy(noisy(truth, 0.03))[None]
    assert error(image, truth) == pytest.approx(0.03, rel=0.02)
    assert error(without_noise(image, [(RED, GREEN)]), truth) < 0.012


def test_a_clean_image_stays_as_it_is() -> None:
    image = torch.from_numpy(fields())[None]
    torch.testing.assert_close(without_noise(image, [(RED, GREEN)]), image, atol=2e-5, rtol=0)


def test_a_band_that_is_alike_helps() -> None:
    truth = fields()
    image = torch.from_numpy(noisy(truth, 0.05))[None]
    alone = torch.cat([without_noise(image[:, i : i + 1], [(RED,)]) for i in (0, 1)], 1)
    assert error(without_noise(image, [(RED, GREEN)]), truth) < 0.9 * error(alone, truth)


def test_noise_that_does_not_change_with_brightness_is_told_from_that_of_photons() -> None:
    truth, there = fields(256), np.ones((1, 2, 256, 256), dtype=bool)
    constant, slope = noise_law(noisy(truth, 0.02)[None], there)
    assert constant == pytest.approx([0.02**2] * 2, rel=0.25)
    assert slope == pytest.approx([0.0, 0.0], abs=0.25 * 0.02**2)
    photons = 2500.0
    counted = (np.random.default_rng(3).poisson(truth * photons) / photons).astype(np.float32)
    constant, slope = noise_law(counted[None], there)
    assert slope == pytest.approx([1.0 / photons] * 2, rel=0.3)
    assert constant == pytest.approx([0.0, 0.0], abs=0.1 / photons)


@pytest.mark.parametrize("looks", [1, 4])
def test_speckle_is_taken_out_of_decibels_without_moving_the_mean_power(looks: int) -> None:
    factor = np.random.default_rng(4).gamma(looks, 1.0 / looks, (1, 128, 128))
    low, high = -30.0, 5.0
    decibels = (-10.0 + 10.0 * np.log10(factor) - low) / (high - low)
    image = torch.from_numpy(decibels.astype(np.float32))[None]
    restored = without_noise(image, [(RADAR,)])[0] * (high - low) + low
    assert float(restored.std()) < 0.25 * decibels.std() * (high - low)
    assert float(restored.mean()) == pytest.approx(-10.0, abs=0.3)


def test_filled_gaps_of_radar_are_not_taken_for_level_ground() -> None:
    factor = np.random.default_rng(5).gamma(4, 0.25, (1, 1, 128, 128))
    image = (0.6 + 10.0 * np.log10(factor) / 35.0).astype(np.float32)
    there = np.ones(image.shape, dtype=bool)
    whole = find_noise(image, there, (RADAR,))
    there[..., 40:, :] = False
    part = find_noise(np.where(there, image, 0.6).astype(np.float32), there, (RADAR,))
    torch.testing.assert_close(part.constant, whole.constant, rtol=0.3, atol=0.0)
    assert not find_noise(image, np.zeros_like(there), (RADAR,)).constant.any()


def test_no_pixel_beyond_the_margin_matters() -> None:
    image = noisy(fields(), 0.03)
    noise = find_noise(image[None], np.ones((1, *image.shape), dtype=bool), (RED, GREEN))
    other = image.copy()
    other[:, :40] = 0.0
    first, second = (shrunk(torch.from_numpy(each)[None], noise) for each in (image, other))
    assert torch.equal(first[..., 40 + MARGIN_PX :, :], second[..., 40 + MARGIN_PX :, :])


@pytest.mark.parametrize("shape", [(16, 16), (17, 31), (8, 40)])
def test_small_and_odd_images_keep_their_shape(shape: tuple[int, int]) -> None:
    image = torch.from_numpy(noisy(fields()[:, : shape[0], : shape[1]], 0.05))[None]
    restored = without_noise(image, [(RED, GREEN)])
    assert restored.shape == image.shape
    assert bool(restored.isfinite().all())
