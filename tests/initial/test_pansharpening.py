"""The start of pansharpening: wide pixels are found out, and the detail of the PAN is given to the bands."""

import pytest
import torch
from tests.initial.test_stripes import ground

from llars.degrade.resolution import enlarge_exactly, reduce
from llars.initial.pansharpening import Transfer, find_injection

WEIGHTS = torch.tensor([0.2, 0.5, 0.3]).view(1, 3, 1, 1)


def fine_and_pan(seed: int = 0, side: int = 192) -> tuple[torch.Tensor, torch.Tensor]:
    own = ground(seed, side=side)
    # Bands of one scene are much alike.
    fine = 0.3 * own + 0.7 * own[:, :1]
    return fine, (WEIGHTS * fine).sum(1, keepdim=True)


@pytest.mark.parametrize("factor", [2, 3, 4])
@pytest.mark.parametrize("nyquist", [None, 0.2, 0.4])
def test_how_wide_pixels_see_is_found(factor: int, nyquist: float | None) -> None:
    fine, pan = fine_and_pan()
    transfer = Transfer(factor, nyquist)
    assert find_injection(transfer(fine), pan).transfer == transfer


def test_without_a_likeness_pixels_are_area_means() -> None:
    bands, pan = ground(1, side=64), ground(2, side=128)[:, :1]
    assert find_injection(bands, pan).transfer == Transfer(2)
    assert find_injection(torch.full((1, 2, 32, 32), 0.3), torch.full((1, 1, 64, 64), 0.3)).transfer == Transfer(2)


@pytest.mark.parametrize("nyquist", [None, 0.3])
def test_bands_take_the_detail_that_they_lack(nyquist: float | None) -> None:
    fine, pan = fine_and_pan(3)
    coarse = Transfer(2, nyquist)(fine)
    error = [
        (image - fine).square().mean()
        for image in (find_injection(coarse, pan)(coarse, pan), enlarge_exactly(coarse, 2))
    ]
    # Most of what the enlargement lacks is in the PAN.
    assert error[0] < 0.5 * error[1]


def test_a_band_that_is_the_pan_becomes_the_pan() -> None:
    pan = fine_and_pan(4)[1]
    coarse = reduce(pan, 4)
    torch.testing.assert_close(find_injection(coarse, pan)(coarse, pan), pan, atol=1e-4, rtol=0)


@pytest.mark.parametrize("nyquist", [None, 0.25])
def test_the_result_is_seen_as_the_image_that_was_given(nyquist: float | None) -> None:
    fine, pan = fine_and_pan(5)
    transfer = Transfer(2, nyquist)
    coarse = transfer(fine)
    left = transfer(find_injection(coarse, pan)(coarse, pan)) - coarse
    # Means are held exactly; of a blur three back-projections leave some percent of what one leaves.
    once = transfer(enlarge_exactly(coarse, 2)) - coarse
    assert left.abs().max() < 1e-5 if nyquist is None else left.square().mean() < 0.05 * once.square().mean()


def test_what_is_not_valid_has_no_say() -> None:
    fine, pan = fine_and_pan(6)
    coarse, valid = reduce(fine, 2), torch.ones(1, 1, 96, 96, dtype=torch.bool)
    valid[..., :40] = False
    spoilt, other = coarse.clone(), pan.clone()
    spoilt[..., :38], other[..., :76] = torch.rand(1, 3, 96, 38), torch.rand(1, 1, 192, 76)
    found = find_injection(spoilt, other, valid)
    right = find_injection(coarse, pan, valid)
    assert found.transfer == right.transfer
    torch.testing.assert_close(found.gain, right.gain)
