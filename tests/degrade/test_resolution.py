"""Coarser and finer grids keep means, bounds and positions."""

import pytest
import torch

from llars import degrade
from llars.degrade import enlarge, reduce
from llars.errors import DataError

FACTORS = (1, 2, 3, 4)


def ramps(height: int, width: int) -> torch.Tensor:
    """Two bands that rise by 1 over the image, along y and along x, as means over pixels."""
    y = ((torch.arange(height, dtype=torch.float64) + 0.5) / height)[:, None].expand(height, width)
    x = ((torch.arange(width, dtype=torch.float64) + 0.5) / width).expand(height, width)
    return torch.stack([y, x])


@pytest.mark.parametrize("factor", FACTORS)
def test_reduce_takes_means_of_blocks(factor: int) -> None:
    image = torch.rand(2, 3, 5 * factor, 7 * factor, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    coarse = reduce(image, factor)
    assert coarse.shape == (2, 3, 5, 7)
    expected = image[1, 2, 2 * factor : 3 * factor, 4 * factor : 5 * factor].mean()
    assert coarse[1, 2, 2, 4].item() == pytest.approx(expected.item(), abs=1e-12)
    torch.testing.assert_close(reduce(image[0], factor), coarse[0])


@pytest.mark.parametrize("factor", FACTORS)
def test_both_keep_positions(factor: int) -> None:
    fine, coarse = ramps(12 * factor, 10 * factor), ramps(12, 10)
    torch.testing.assert_close(reduce(fine, factor), coarse)
    inner = slice(2 * factor, -2 * factor)  # the kernel reaches two pixels
    torch.testing.assert_close(enlarge(coarse, factor)[:, inner, inner], fine[:, inner, inner])


@pytest.mark.parametrize("factor", FACTORS)
def test_enlarging_keeps_constants_up_to_the_edge(factor: int) -> None:
    image = torch.full((2, 3, 4), 0.3)
    torch.testing.assert_close(enlarge(image, factor), torch.full((2, 3 * factor, 4 * factor), 0.3))


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_reducing_undoes_enlarging_of_what_is_smooth(factor: int) -> None:
    y, x = ramps(24, 24)
    smooth = (torch.sin(6 * y) + torch.cos(5 * x))[None]
    back = reduce(enlarge(smooth, factor), factor)
    assert (back - smooth)[:, 2:-2, 2:-2].abs().max() < 0.01


def test_enlarging_by_one_changes_nothing() -> None:
    image = torch.rand(2, 6, 5, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(enlarge(image, 1), image)


@pytest.mark.parametrize(("severity", "factor"), [(1 / 3, 2), (2 / 3, 3), (1.0, 4)])
def test_at_whole_factors_the_operator_is_reduce_then_enlarge(severity: float, factor: int) -> None:
    image = torch.rand(2, 3, 96, 144, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected = enlarge(reduce(image, factor), factor)
    torch.testing.assert_close(degrade.get("sr")(image, severity), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("severity", [0.1, 0.25, 0.77, 1.0])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 3), (64, 64), (67, 20_011)])
def test_the_operator_keeps_constants_up_to_the_edge(severity: float, height: int, width: int) -> None:
    constant = torch.full((1, height, width), 0.3)
    torch.testing.assert_close(degrade.get("sr")(constant, severity), constant, atol=1e-6, rtol=0)


@pytest.mark.parametrize("severity", [0.1, 0.25, 0.77, 1.0])
def test_the_operator_does_not_shift(severity: float) -> None:
    image = ramps(67, 201)
    inner = slice(12, -12)  # three coarse pixels
    error = (degrade.get("sr")(image, severity) - image)[:, inner, inner]
    # A cell that cuts a pixel takes it for flat: that alone moves its mean, by less than a quarter of a pixel's step.
    assert error[0].abs().max() < 0.25 / 67
    assert error[1].abs().max() < 0.25 / 201
    assert error.mean(dim=(1, 2)).abs().max() < 0.02 / 67


@pytest.mark.parametrize(("shape", "factor"), [((1, 5, 4), 2), ((1, 4, 4), 0)])
def test_blocks_must_fill_the_image(shape: tuple[int, int, int], factor: int) -> None:
    with pytest.raises(DataError, match=f"{shape[1]} x {shape[2]} pixels in blocks of {factor}"):
        reduce(torch.zeros(shape), factor)


def test_nothing_enlarges_by_less_than_one() -> None:
    with pytest.raises(DataError, match="at least 1"):
        enlarge(torch.zeros(1, 4, 4), 0)
