"""Speckle goes, the mean power stays, and so does what is no speckle."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from llars.bands import Band, Modality
from llars.initial.denoising import (
    UNCORRECTED,
    Correctors,
    correction_margin_px,
    denoised,
    find_noise,
    margin_px,
    without_noise,
)
from llars.initial.despeckling import within_local_range
from llars.initial.shrinkage import Noise, shrunk
from llars.initial.speckle import DECIBELS, NEPERS
from llars.model.despeckling import DespecklingNetwork
from llars.weights.estimators import load_speckle

VV = Band("VV", gsd_m=10.0, modality=Modality.SAR)
VH = Band("VH", gsd_m=10.0, modality=Modality.SAR)
RED = Band("red", 665.0, 30.0, 10.0)
DECIBEL = 1.0 / (DECIBELS[1] - DECIBELS[0])


def fields(side: int = 128, bands: int = 2) -> np.ndarray:
    """Even fields of different backscatter: ``(band, y, x)`` unit values of decibels."""
    squares = np.random.default_rng(1).uniform(0.3, 0.8, (side // 16, side // 16)).repeat(16, 0).repeat(16, 1)
    return np.stack([squares - 0.15 * band for band in range(bands)]).astype(np.float32)


def hills(side: int = 128) -> np.ndarray:
    """Backscatter that changes by 5 dB over some 50 pixels: ``(y, x)``."""
    across = np.arange(side) / 8.0
    return (0.5 + 0.07 * np.sin(across)[:, None] * np.cos(0.7 * across)).astype(np.float32)


def speckled(image: np.ndarray, looks: float, seed: int = 2) -> torch.Tensor:
    """``(1, band, y, x)``."""
    power = np.random.default_rng(seed).gamma(looks, 1.0 / looks, image.shape)
    return torch.from_numpy((image + np.log(power) / NEPERS).astype(np.float32))[None]


def noise_of(image: torch.Tensor) -> Noise:
    return find_noise(image.numpy(), np.ones(image.shape, dtype=bool), (VV, VH)[: image.shape[1]])


def error(image: torch.Tensor, truth: np.ndarray) -> float:
    return float((image[0] - torch.from_numpy(truth)).square().mean().sqrt())


def random_network() -> DespecklingNetwork:
    """Changes every pixel by some decibels."""
    torch.manual_seed(3)
    network = DespecklingNetwork().eval().requires_grad_(False)
    torch.nn.init.normal_(network.last.weight, std=0.1)
    return network


SPECKLE, RANDOM = Correctors(radar=load_speckle()), Correctors(radar=random_network())


@pytest.mark.parametrize("looks", [1.0, 4.0])
def test_two_passes_are_nearer_to_the_ground_than_one(looks: float) -> None:
    truth = fields()
    image = speckled(truth, looks)
    noise = noise_of(image)
    assert error(denoised(image, noise), truth) < 0.95 * error(shrunk(image, noise), truth)


@pytest.mark.parametrize("looks", [1.0, 4.0])
@torch.inference_mode()
def test_the_network_is_nearer_to_the_ground_than_two_passes(looks: float) -> None:
    truth = np.stack([hills(), hills() - 0.15])
    image = speckled(truth, looks)
    noise = noise_of(image)
    assert error(denoised(image, noise, SPECKLE), truth) < 0.95 * error(denoised(image, noise), truth)


@pytest.mark.parametrize("correctors", [UNCORRECTED, SPECKLE], ids=["shrinkage", "network"])
@pytest.mark.parametrize("looks", [1.0, 4.0])
@torch.inference_mode()
def test_the_mean_power_of_even_ground_stays(looks: float, correctors: Correctors) -> None:
    image = speckled(np.stack([hills(), hills() - 0.15]), looks)
    restored = without_noise(image, [(VV, VH)], correctors)
    before, after = ((each * NEPERS).exp().mean((0, 2, 3)) for each in (image, restored))
    torch.testing.assert_close(after, before, rtol=0.01, atol=0.0)


@pytest.mark.parametrize("correctors", [UNCORRECTED, SPECKLE, RANDOM], ids=["shrinkage", "network", "random"])
@torch.inference_mode()
def test_what_is_far_too_bright_for_speckle_stays(correctors: Correctors) -> None:
    image = speckled(np.full((1, 64, 64), 0.4, np.float32), 4.0)
    image[..., 32, 32] = 0.4 + np.log(300.0) / NEPERS
    restored = without_noise(image, [(VV,)], correctors)
    # To 1 dB.
    assert float(restored[0, 0, 32, 32]) == pytest.approx(float(image[0, 0, 32, 32]), abs=DECIBEL)


@pytest.mark.parametrize("correctors", [UNCORRECTED, SPECKLE], ids=["shrinkage", "network"])
@torch.inference_mode()
def test_radar_without_speckle_stays_as_it_is(correctors: Correctors) -> None:
    image = torch.from_numpy(hills())[None, None]
    # To a hundredth of a decibel.
    torch.testing.assert_close(without_noise(image, [(VV,)], correctors), image, atol=0.01 * DECIBEL, rtol=0.0)


@pytest.mark.parametrize("correctors", [UNCORRECTED, RANDOM], ids=["shrinkage", "network"])
def test_images_of_a_batch_do_not_touch_each_other(correctors: Correctors) -> None:
    images = torch.cat([speckled(fields(), looks, seed) for looks, seed in ((1.0, 4), (8.0, 5))])
    together = without_noise(images, [(VV, VH)] * 2, correctors)
    alone = torch.cat([without_noise(each[None], [(VV, VH)], correctors) for each in images])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0.0)
    mixed = without_noise(images, [(VV, VH), (RED, RED)], correctors)
    torch.testing.assert_close(mixed[:1], alone[:1], atol=1e-5, rtol=0.0)


@pytest.mark.parametrize("correctors", [UNCORRECTED, RANDOM], ids=["shrinkage", "network"])
def test_no_pixel_beyond_the_margin_matters(correctors: Correctors) -> None:
    image = speckled(fields(288), 4.0)
    noise = noise_of(image)
    other = image.clone()
    other[..., :40, :] = 0.5
    reach = 40 + margin_px(noise, correctors)
    first, second = (denoised(each, noise, correctors)[..., reach:, :] for each in (image, other))
    assert first.shape[2] > 40 and torch.equal(first, second)


@pytest.mark.parametrize("correctors", [UNCORRECTED, RANDOM], ids=["shrinkage", "network"])
def test_a_part_is_the_same_where_the_passes_are_not_needed_beyond_it(correctors: Correctors) -> None:
    image = speckled(fields(288), 4.0)
    noise = noise_of(image)
    margin = correction_margin_px(noise, correctors)
    part = denoised(image, noise, correctors, part=(slice(40, None), slice(None)))
    whole = denoised(image, noise, correctors)
    torch.testing.assert_close(part[..., margin:, :], whole[..., 40 + margin :, :], atol=1e-5, rtol=0.0)


@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (8, 8), (33, 20)])
def test_images_of_any_size_keep_it(shape: tuple[int, int]) -> None:
    image = speckled(fields()[:, : shape[0], : shape[1]], 4.0)
    restored = denoised(image, noise_of(speckled(fields(), 4.0)), RANDOM)
    assert restored.shape == image.shape
    assert bool(restored.isfinite().all())


def test_dark_speckle_of_several_pixels_does_not_hold_the_result_down() -> None:
    image, shift = torch.full((1, 1, 24, 24), 0.5), torch.zeros(1, 1)
    # Correlated speckle 12 dB below the ground, over more than 3 x 3 pixels, and a ship 20 dB above it.
    image[..., 4:8, 4:8] = 0.2
    image[..., 16, 16] = 1.0
    limited = within_local_range(torch.full_like(image, 0.5), image, shift)
    assert limited[..., 5, 5].item() == pytest.approx(0.5, abs=0.08)
    brighter = within_local_range(torch.full_like(image, 1.5), image, shift)
    # Beside the ship as bright as it at most, three pixels away hardly brighter than the ground.
    assert brighter.max() <= 1.0 + 1e-6
    assert brighter[..., 16, 19].item() < 0.57
