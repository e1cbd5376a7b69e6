"""Resampling keeps constants, positions and what its kernel passes."""

import pytest
import torch
from torch.nn import functional

from llars import degrade

NAMES = ("nearest_resampling", "bilinear_resampling", "bicubic_resampling", "lanczos_resampling")
WHOLE = ((1 / 3, 2), (2 / 3, 3), (1.0, 4))


def ramps(height: int, width: int) -> torch.Tensor:
    y = ((torch.arange(height, dtype=torch.float64) + 0.5) / height)[:, None].expand(height, width)
    x = ((torch.arange(width, dtype=torch.float64) + 0.5) / width).expand(height, width)
    return torch.stack([y, x])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("severity", [0.1, 0.37, 1.0])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 3), (67, 2011)])
def test_constants_stay_up_to_the_edge(name: str, severity: float, height: int, width: int) -> None:
    constant = torch.full((1, height, width), 0.3)
    torch.testing.assert_close(degrade.get(name)(constant, severity), constant, atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", NAMES[1:])
@pytest.mark.parametrize("severity", [0.1, 0.5, 1.0])
def test_nothing_shifts(name: str, severity: float) -> None:
    image = ramps(96, 201)
    error = (degrade.get(name)(image, severity) - image)[:, 24:-24, 24:-24]
    # Sampled kernels of an odd width do not keep a ramp exactly: a tenth of a pixel is allowed.
    assert error.abs().max() < 0.1 / 96
    assert error.mean().abs() < 1e-4 / 96


@pytest.mark.parametrize(("severity", "factor"), WHOLE)
def test_bicubic_is_what_torch_does(severity: float, factor: int) -> None:
    image = torch.rand(2, 3, 96, 144, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    size = (96 // factor, 144 // factor)
    coarse = functional.interpolate(image, size, mode="bicubic", antialias=True)
    expected = functional.interpolate(coarse, (96, 144), mode="bicubic", antialias=True)
    torch.testing.assert_close(degrade.get("bicubic_resampling")(image, severity), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize(("severity", "factor"), WHOLE)
def test_nearest_repeats_pixels_of_the_image(severity: float, factor: int) -> None:
    image = torch.rand(1, 2, 48, 72, generator=torch.Generator().manual_seed(0))
    result = degrade.get("nearest_resampling")(image, severity)
    cells = result.unfold(2, factor, factor).unfold(3, factor, factor).flatten(4)
    assert torch.equal(cells.amin(dim=4), cells.amax(dim=4))
    source = image.unfold(2, factor, factor).unfold(3, factor, factor).flatten(4)
    torch.testing.assert_close((source - cells).abs().amin(dim=4), torch.zeros(1, 2, 48 // factor, 72 // factor))


def test_better_kernels_keep_more_of_what_is_smooth() -> None:
    y, x = ramps(96, 96)
    smooth = (0.5 + 0.25 * torch.sin(25 * y) + 0.25 * torch.cos(20 * x))[None]
    errors = [float((degrade.get(name)(smooth, 1.0) - smooth)[:, 16:-16, 16:-16].square().mean()) for name in NAMES]
    assert errors == sorted(errors, reverse=True)
