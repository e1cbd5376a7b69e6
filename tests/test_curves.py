"""Quantiles over valid pixels, and piecewise-linear maps through them."""

import pytest
import torch

from llars.curves import LEVELS, apply_curve, quantiles


def skewed(batch: int = 2, bands: int = 3, side: int = 40) -> torch.Tensor:
    """Dark images with a bright tail, as landscapes are."""
    uniform = torch.rand(batch, bands, side, side, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    return 0.6 * uniform.pow(3) + 0.05


def test_levels_rise_from_end_to_end_in_even_steps_but_for_the_ends_of_a_stretch() -> None:
    assert list(LEVELS) == sorted({*LEVELS})
    assert sorted({*LEVELS} - {0.02, 0.98}) == [step / 64 for step in range(65)]


@pytest.mark.parametrize("levels", [LEVELS, (0.02, 0.98), (0.0, 0.5, 1.0)])
def test_quantiles_are_those_of_the_valid_pixels(levels: tuple[float, ...]) -> None:
    image = skewed()
    image[0, 1, :30] = torch.nan
    image[1, 2] = torch.nan
    found = quantiles(image, levels)
    assert found.shape == (2, 3, len(levels))
    expected = torch.nanquantile(image.flatten(2), torch.tensor(levels, dtype=torch.float64), dim=2).permute(1, 2, 0)
    torch.testing.assert_close(found, expected, equal_nan=True)
    assert found[1, 2].isnan().all()


def test_a_curve_passes_its_knots_and_is_level_beyond() -> None:
    knots = torch.tensor([0.2, 0.4, 0.8]).expand(1, 1, 3)
    values = torch.tensor([0.1, 0.5, 0.7])
    image = torch.tensor([0.0, 0.2, 0.3, 0.4, 0.6, 0.8, 0.9, torch.nan]).view(1, 1, 2, 4)
    expected = torch.tensor([0.1, 0.1, 0.3, 0.5, 0.6, 0.7, 0.7, torch.nan]).view(1, 1, 2, 4)
    torch.testing.assert_close(apply_curve(image, knots, values), expected, equal_nan=True)


def test_where_knots_coincide_the_curve_takes_the_middle() -> None:
    knots = torch.tensor([0.1, 0.5, 0.5, 0.5, 0.9]).expand(1, 1, 5)
    values = torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0])
    image = torch.tensor([0.3, 0.4999, 0.5, 0.5001, 0.7]).view(1, 1, 1, 5)
    expected = torch.tensor([0.125, 0.25, 0.5, 0.75, 0.875]).view(1, 1, 1, 5)
    torch.testing.assert_close(apply_curve(image, knots, values), expected, atol=1e-3, rtol=0)


def test_curves_differ_by_band_and_let_gradients_through() -> None:
    image = skewed()
    knots = quantiles(image).requires_grad_()
    values = torch.tensor(LEVELS, dtype=torch.float64).expand_as(knots).clone().requires_grad_()
    curved = apply_curve(image, knots, values)
    for one in range(2):
        for band in range(3):
            alone = apply_curve(
                image[one : one + 1, band : band + 1], knots[one, band][None, None], values[one, band][None, None]
            )
            torch.testing.assert_close(curved[one : one + 1, band : band + 1], alone)
    curved.sum().backward()
    assert values.grad is not None and knots.grad is not None
    # Each pixel is a weighted mean of two values.
    torch.testing.assert_close(values.grad.sum(dim=2), torch.full((2, 3), 1600.0, dtype=torch.float64))
    assert knots.grad.isfinite().all() and (knots.grad != 0).any()
