"""Quantiles over valid pixels, and piecewise-linear maps through them."""

import numpy as np
import torch

from llars.curves import LEVELS, apply_curve, quantiles


def test_quantiles_are_numpys() -> None:
    image = torch.randn(2, 3, 17, 23, generator=torch.Generator().manual_seed(0))
    expected = np.quantile(image.numpy().reshape(2, 3, -1), LEVELS, axis=-1).transpose(1, 2, 0)
    np.testing.assert_allclose(quantiles(image).numpy(), expected, atol=1e-6)


def test_invalid_pixels_do_not_count() -> None:
    image = torch.randn(1, 2, 16, 16, generator=torch.Generator().manual_seed(0))
    valid = torch.ones(1, 2, 16, 16, dtype=torch.bool)
    valid[:, 0, :5] = False
    valid[:, 1] = False
    found = quantiles(image.masked_fill(~valid, 99.0), valid)
    torch.testing.assert_close(found[:, 0], quantiles(image[:, 0, 5:]))
    assert found[:, 1].eq(0).all()


def test_a_curve_is_linear_between_its_knots_and_level_beyond() -> None:
    knots, values = torch.tensor([0.0, 1.0, 3.0]), torch.tensor([0.0, 10.0, 20.0])
    image = torch.tensor([[-5.0, 0.0, 0.5], [1.0, 2.0, 9.0]])
    expected = torch.tensor([[0.0, 0.0, 5.0], [10.0, 15.0, 20.0]])
    torch.testing.assert_close(apply_curve(image, knots, values), expected)


def test_knots_at_one_place_meet_in_the_middle_of_their_values() -> None:
    knots, values = torch.tensor([0.0, 0.0, 0.0, 1.0]), torch.tensor([0.0, 0.2, 0.4, 1.0])
    found = apply_curve(torch.tensor([[0.0, 0.5, 1.0]]), knots, values)
    torch.testing.assert_close(found, torch.tensor([[0.2, 0.7, 1.0]]))
