"""Errors in terms of PSNR."""

import pytest
import torch

from llars.train.accuracy import FLOOR, log_error, mean_gain, mean_squares

TRUTH = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def test_edges_do_not_count() -> None:
    spoiled = TRUTH.clone()
    spoiled[..., :4, :] = spoiled[..., -4:] = 9.0
    assert not mean_squares(spoiled, TRUTH).any()


def test_each_image_counts_alike() -> None:
    gain = mean_gain(TRUTH + 0.2, TRUTH + torch.tensor([0.02, 0.1]).view(2, 1, 1, 1), TRUTH)
    assert gain == pytest.approx((20.0 + 6.02) / 2, abs=0.02)


def test_errors_below_the_floor_are_no_loss_worth_having() -> None:
    assert log_error(TRUTH + 1e-6, TRUTH).exp() == pytest.approx(FLOOR**2, rel=1e-3)
    assert log_error(TRUTH + 0.1, TRUTH).exp() == pytest.approx(0.01, rel=1e-3)
