"""Blur keeps constants and means, and its kernels are as wide as their law says."""

import pytest
import torch

from llars import degrade

BLURS = ("gaussian_blur", "motion_blur", "defocus_blur", "box_blur", "mtf_blur")


def kernel(name: str, severity: float, seed: int = 5, size: int = 41) -> torch.Tensor:
    """What becomes of a point."""
    point = torch.zeros(1, size, size, dtype=torch.float64)
    point[0, size // 2, size // 2] = 1.0
    return degrade.get(name)(point, severity, torch.Generator().manual_seed(seed))[0]


def covariance(taps: torch.Tensor) -> torch.Tensor:
    """Second moments about the centre, (y, x) by (y, x), in pixels squared."""
    side = torch.arange(len(taps), dtype=taps.dtype) - len(taps) // 2
    y, x = torch.meshgrid(side, side, indexing="ij")
    return torch.tensor([[float((taps * a * b).sum()) for b in (y, x)] for a in (y, x)])


@pytest.mark.parametrize("name", BLURS)
def test_kernels_are_symmetric_and_sum_to_one(name: str) -> None:
    taps = kernel(name, 0.8)
    assert taps.sum().item() == pytest.approx(1, abs=1e-12)
    assert taps.min() >= 0
    torch.testing.assert_close(taps, taps.flip(0, 1), atol=1e-12, rtol=0)


@pytest.mark.parametrize("name", BLURS)
@pytest.mark.parametrize("shape", [(2, 9, 5), (1, 64, 130)])
def test_a_constant_stays_constant(name: str, shape: tuple[int, int, int]) -> None:
    image = torch.full(shape, 0.37)
    torch.testing.assert_close(degrade.get(name)(image, 1.0), image, atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", ["gaussian_blur", "defocus_blur", "box_blur", "mtf_blur"])
@pytest.mark.parametrize("shape", [(2, 7, 3), (1, 70, 131)])
def test_the_mean_is_kept(name: str, shape: tuple[int, int, int]) -> None:
    image = torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    blurred = degrade.get(name)(image, 0.9)
    torch.testing.assert_close(blurred.mean(dim=(1, 2)), image.mean(dim=(1, 2)), atol=1e-12, rtol=0)


def test_motion_keeps_the_mean_of_what_stays_inside() -> None:
    assert kernel("motion_blur", 1.0).sum().item() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("severity", [0.4, 0.5, 1.0])
def test_width_of_the_gaussian(severity: float) -> None:
    # A sampled Gaussian narrower than 0.7 pixels loses some of its variance.
    spread = covariance(kernel("gaussian_blur", severity))
    torch.testing.assert_close(spread, torch.eye(2) * (2 * severity) ** 2, rtol=0.02, atol=1e-6)


@pytest.mark.parametrize("severity", [0.5, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_motion_is_a_straight_path(severity: float, seed: int) -> None:
    along, across = torch.linalg.eigvalsh(covariance(kernel("motion_blur", severity, seed))).flip(0).tolist()
    # Variance of a path of length l: l^2 / 12; on top, at most that of linear interpolation between pixels, 1 / 4.
    assert (16 * severity) ** 2 / 12 <= along <= (16 * severity + 1) ** 2 / 12 + 0.25
    assert across <= 0.25


def test_motion_goes_its_own_way_in_every_image() -> None:
    points = torch.zeros(6, 1, 41, 41)
    points[:, :, 20, 20] = 1.0
    blurred = degrade.get("motion_blur")(points, 1.0, torch.Generator().manual_seed(1))
    assert len({tuple(one.flatten().tolist()) for one in blurred}) == len(points)


@pytest.mark.parametrize("severity", [0.5, 1.0])
def test_radius_of_the_disc(severity: float) -> None:
    taps, radius = kernel("defocus_blur", severity), 4 * severity
    # Area of the disc in pixels: the centre's weight is one over it.
    assert 1 / taps.max().item() == pytest.approx(torch.pi * radius**2, rel=0.06)
    assert taps[20, 20 + int(radius) + 1] == 0
    assert taps[20, 20 + int(radius)] > 0


def test_blocks_of_a_large_image_join() -> None:
    image = torch.rand(1, 150, 200, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    blurred = degrade.get("gaussian_blur")(image, 1.0)
    part = degrade.get("gaussian_blur")(image[:, 40:100, 50:140], 1.0)
    # Beyond four standard deviations nothing is taken.
    torch.testing.assert_close(blurred[:, 48:92, 58:132], part[:, 8:-8, 8:-8], atol=1e-12, rtol=0)
