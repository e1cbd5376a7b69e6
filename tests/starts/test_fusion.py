"""What is predicted of a later date is the fine image of the earlier one and part of what changed."""

import torch
from tests.starts.test_stripes import ground

from llars.starts.fusion import TRUST, predicted, slope


def test_without_change_the_earlier_image_is_predicted() -> None:
    fine, coarse = ground(0), ground(1)
    assert torch.equal(predicted(coarse, fine, coarse, slope(fine, coarse)), fine)


def test_change_comes_in_the_units_of_the_fine_sensor() -> None:
    fine = ground(2)
    coarse = 0.5 * fine + 0.1
    gain = slope(fine, coarse)
    assert torch.allclose(gain, torch.full_like(gain, 2.0), atol=1e-4)
    later = predicted(coarse + 0.02, fine, coarse, gain)
    assert torch.allclose(later - fine, torch.full_like(fine, TRUST * 0.04), atol=1e-5)


def test_unrelated_images_give_no_slope_beyond_the_limits() -> None:
    gain = slope(-ground(3), ground(3))
    assert bool((gain == 0).all())
    flat = torch.full((1, 3, 16, 16), 0.3)
    assert bool(slope(ground(4, side=16), flat).isfinite().all())
