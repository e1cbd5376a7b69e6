"""Box and median filters do what their windows say."""

import pytest
import torch
from torch.nn import functional

from llars import degrade

# Severities are given in float32.
DIGITS = 1e-7


def noise(*shape: int) -> torch.Tensor:
    return torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("severity", "side"), [(0.25, 3), (0.5, 5), (1.0, 9)])
def test_box_is_the_mean_over_its_square(severity: float, side: int) -> None:
    image = noise(2, 3, 30, 40)
    inner = side // 2
    expected = functional.avg_pool2d(image, side, stride=1)
    result = degrade.get("box_blur")(image, severity)[..., inner:-inner, inner:-inner]
    torch.testing.assert_close(result, expected)


def test_box_covers_pixels_in_part() -> None:
    point = torch.zeros(1, 9, 9, dtype=torch.float64)
    point[0, 4, 4] = 1.0
    taps = degrade.get("box_blur")(point, 0.125)[0]  # a side of 2 pixels
    assert taps[4, 4].item() == pytest.approx(1 / 4)
    assert taps[4, 3].item() == pytest.approx(1 / 8)
    assert taps[3, 5].item() == pytest.approx(1 / 16)


def test_one_pass_is_the_median_of_nine() -> None:
    image = noise(2, 3, 12, 15)
    windows = image.unfold(2, 3, 1).unfold(3, 3, 1).flatten(4)
    result = degrade.get("median_blur")(image, 1 / 3)[..., 1:-1, 1:-1]
    torch.testing.assert_close(result, windows.median(dim=4).values, atol=DIGITS, rtol=0)


def test_passes_follow_each_other() -> None:
    image, median = noise(1, 2, 16, 16), degrade.get("median_blur")
    torch.testing.assert_close(median(image, 2 / 3), median(median(image, 1 / 3), 1 / 3), atol=DIGITS, rtol=0)
    halfway = 0.5 * (median(image, 1 / 3) + median(image, 2 / 3))
    torch.testing.assert_close(median(image, 0.5), halfway, atol=DIGITS, rtol=0)


def test_median_removes_points_and_keeps_edges() -> None:
    image = torch.zeros(1, 16, 16)
    image[..., 8:] = 1.0
    spotted = image.clone()
    spotted[0, 4, 3], spotted[0, 9, 12] = 1.0, 0.0
    torch.testing.assert_close(degrade.get("median_blur")(spotted, 1.0), image, atol=1e-6, rtol=0)
