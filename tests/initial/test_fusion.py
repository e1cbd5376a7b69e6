"""What is predicted of a later date is the fine image of the earlier one and part of what changed."""

import pytest
import torch
from tests.initial.test_stripes import ground

from llars.bands import Band, Modality
from llars.degrade.resolution import enlarge, reduce
from llars.initial.fusion import CHANGE_SHARE, MAX_RADIUS, averaging_radius, mean_change, predicted, slope

UNMOVED = torch.zeros(1, 1, 1, 1)


def test_without_change_the_earlier_image_is_predicted() -> None:
    fine, coarse = ground(0), ground(1)
    assert torch.equal(predicted(coarse, fine, coarse, slope(fine, coarse), UNMOVED, 3), fine)


def test_change_comes_in_the_units_of_the_fine_sensor() -> None:
    fine = ground(2)
    coarse = 0.5 * fine + 0.1
    gain = slope(fine, coarse)
    assert torch.allclose(gain, torch.full_like(gain, 2.0), atol=1e-4)
    later = predicted(coarse + 0.02, fine, coarse, gain, UNMOVED, 3)
    assert torch.allclose(later - fine, torch.full_like(fine, CHANGE_SHARE * 0.04), atol=1e-5)


def test_unrelated_images_give_no_slope_beyond_the_limits() -> None:
    gain = slope(-ground(3), ground(3))
    assert bool((gain == 0).all())
    flat = torch.full((1, 3, 16, 16), 0.3)
    assert bool(slope(ground(4, side=16), flat).isfinite().all())


def test_a_change_of_temperature_is_believed_in_full() -> None:
    red, thermal = Band("red", 665.0), Band("thermal", 10_900.0, modality=Modality.THERMAL)
    fine, coarse = ground(5)[:, :2], ground(6)[:, :2]
    shift = mean_change(torch.full_like(fine, 0.04), [(red, thermal)])
    torch.testing.assert_close(shift.flatten(), torch.tensor([0.0, 0.04]))
    later = predicted(coarse + 0.04, fine, coarse, torch.ones(1, 2, 1, 1), shift, 3)
    torch.testing.assert_close((later - fine).mean((0, 2, 3)), torch.tensor([CHANGE_SHARE * 0.04, 0.04]))


@pytest.mark.parametrize("factor", [4, 8, 16])
def test_the_width_of_coarse_pixels_is_found(factor: int) -> None:
    fine = ground(7, side=192)
    around = averaging_radius(fine, enlarge(reduce(fine, factor), factor))
    # One to two coarse pixels on the whole: bicubic interpolation makes them look wider than they are.
    assert factor <= 2 * around + 1 <= 3 * factor


def test_images_that_are_not_alike_have_no_more_than_the_widest_surroundings() -> None:
    assert 0 <= averaging_radius(ground(8), ground(9)) <= MAX_RADIUS
    flat = torch.full((1, 3, 64, 64), 0.3)
    assert 0 <= averaging_radius(flat, flat) <= MAX_RADIUS
