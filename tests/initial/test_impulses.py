"""Samples that have nothing to do with the ground are replaced; what is bright in every band, or an edge, stays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch

from llars.degrade import get
from llars.initial.impulses import MARGIN_PX, find_impulses, without_impulses


@pytest.fixture(scope="module")
def ground(example: Path) -> torch.Tensor:
    """Three bands of the example: ``(1, band, y, x)`` unit values."""
    with rasterio.open(example) as source:
        values = source.read((1, 2, 3)).astype(np.float32)
    return torch.from_numpy(values / values.max())[None, :, :192, :192]


def spoiled(image: torch.Tensor, severity: float, name: str = "impulse_noise") -> torch.Tensor:
    return torch.as_tensor(get(name)(image, severity, torch.Generator().manual_seed(8)))


def found(image: torch.Tensor) -> torch.Tensor:
    """The usual differences of a batch."""
    usual = [find_impulses(one[None].numpy(), np.ones(one[None].shape, dtype=bool)) for one in image]
    return torch.from_numpy(np.stack(usual))


def psnr(image: torch.Tensor, truth: torch.Tensor) -> float:
    return float(-10.0 * (image - truth).square().mean().log10())


@pytest.mark.parametrize("bands", [1, 2, 3])
@pytest.mark.parametrize("severity", [0.05, 0.3, 1.0])
@pytest.mark.parametrize("name", ["impulse_noise", "random_impulse_noise"])
def test_impulses_are_replaced(ground: torch.Tensor, bands: int, severity: float, name: str) -> None:
    truth = ground[:, :bands]
    image = spoiled(truth, severity, name)
    assert psnr(without_impulses(image, found(image)), truth) > psnr(image, truth) + 12.0


@pytest.mark.parametrize("name", [None, "gaussian_noise", "resampled_noise", "detector_stripes"])
def test_clean_scenes_and_other_faults_have_no_impulses(ground: torch.Tensor, name: str | None) -> None:
    image = ground if name is None else spoiled(ground, 0.3, name)
    assert not found(image).any()


def test_the_peaks_of_noise_that_is_clipped_at_zero_are_no_impulses(ground: torch.Tensor) -> None:
    assert not found(spoiled(0.1 * ground, 1.0, "gaussian_noise")).any()
    assert not found(spoiled(ground, 0.3, "dead_lines")).any()


def test_only_bands_with_impulses_change(ground: torch.Tensor) -> None:
    image = ground.clone()
    image[:, 1:2] = spoiled(ground[:, 1:2], 0.4)
    usual = found(image)
    assert (usual > 0).tolist() == [[False, True, False]]
    result = without_impulses(image, usual)
    assert torch.equal(result[:, ::2], image[:, ::2])
    assert psnr(result, ground) > psnr(image, ground) + 12.0


def test_what_is_bright_in_all_bands_stays(ground: torch.Tensor) -> None:
    image = ground.clone()
    roofs = torch.zeros(192, 192, dtype=torch.bool)
    roofs[10::12, 10::12] = True
    image[..., roofs] = 0.95
    assert not found(image).any()
    image[..., roofs] = ground[..., roofs] + 0.1
    usual = torch.full((1, 3), 0.01)
    changed = without_impulses(image, usual)[..., roofs] != image[..., roofs]
    assert changed.float().mean() < 0.1
    alone = without_impulses(image[:, :1], usual[:, :1])[..., roofs] != image[:, :1, roofs]
    assert alone.float().mean() > 0.9, "a single band cannot tell"


def test_maps_and_gaps_have_no_impulses() -> None:
    squares = torch.rand((1, 2, 12, 12), generator=torch.Generator().manual_seed(2))
    assert not found(squares.repeat_interleave(16, 2).repeat_interleave(16, 3)).any()
    assert not find_impulses(np.zeros((1, 2, 40, 40), np.float32), np.zeros((1, 2, 40, 40), dtype=bool)).any()


def test_the_margin_is_wide_enough(ground: torch.Tensor) -> None:
    image = spoiled(ground, 1.0)
    usual = found(image)
    whole = without_impulses(image, usual)[..., 40:90, 40:90]
    part = without_impulses(image[..., 40 - MARGIN_PX : 90 + MARGIN_PX, 40 - MARGIN_PX : 90 + MARGIN_PX], usual)
    torch.testing.assert_close(part[..., MARGIN_PX:-MARGIN_PX, MARGIN_PX:-MARGIN_PX], whole, atol=1e-6, rtol=0)
