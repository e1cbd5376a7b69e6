"""Laws of filling: what is seen stays, what is hidden is a blend of what is trusted, and no window shows."""

import numpy as np
import pytest
import torch

from llars.initial.filling import BLOCK, LEVELS, MARGIN, finer, pull, push


@pytest.fixture
def image():
    return torch.randn(2, 3, 117, 90, generator=torch.Generator().manual_seed(1))


def fill_under(image, gaps, trust=None):
    """The image with its gaps filled; a band in which nothing is trusted stays."""
    weight = torch.where(gaps, 0.0, torch.ones(()) if trust is None else trust)
    known = weight.amax((-2, -1), keepdim=True) > 0
    return torch.where(gaps & known, pull(image, weight), image)


def hole(size, top, left, bottom, right):
    gaps = torch.zeros(1, 1, *size, dtype=torch.bool)
    gaps[..., top:bottom, left:right] = True
    return gaps


def test_without_gaps_nothing_changes(image):
    assert torch.equal(fill_under(image, torch.zeros(2, 1, 117, 90, dtype=torch.bool)), image)


def test_what_is_seen_stays_and_what_is_hidden_does_not_matter(image):
    gaps = hole(image.shape[-2:], 20, 30, 80, 70).expand(2, 1, -1, -1)
    filled = fill_under(image, gaps)
    assert torch.equal(filled.masked_select(~gaps), image.masked_select(~gaps))
    assert torch.equal(fill_under(image.masked_fill(gaps, 1e6), gaps), filled)
    # A blend of what surrounds it: means lie between the extremes.
    assert filled.abs().max() <= image.masked_fill(gaps, 0.0).abs().max()


def test_a_constant_is_filled_with_itself():
    gaps = hole((70, 131), 0, 10, 64, 131)
    assert torch.allclose(fill_under(torch.full((1, 1, 70, 131), 0.3), gaps), torch.tensor(0.3), atol=1e-6)


def test_a_slope_goes_on_under_a_hole():
    slope = torch.linspace(0.0, 1.0, 128).expand(1, 1, 128, 128).contiguous()
    gaps = hole((128, 128), 40, 44, 88, 84)
    error = (fill_under(slope, gaps) - slope).abs()
    # The mean of the surroundings would be off by up to half the hole, 0.16.
    assert error.max() < 0.08
    assert error[gaps].mean() < 0.03


def test_filling_is_smooth():
    """No block shows: neighbours inside the hole differ by no more than the hole's width asks for."""
    slope = torch.linspace(0.0, 1.0, 256).expand(1, 1, 256, 256).contiguous()
    filled = fill_under(slope, hole((256, 256), 60, 60, 190, 190))
    steps = filled[..., 70:180, 70:180].diff(dim=-1).abs()
    assert steps.max() < 0.05


def test_what_is_not_trusted_is_not_spread():
    picture = torch.full((1, 1, 64, 64), 0.2)
    picture[..., 16:48, 16:48] = 0.9
    trust = torch.ones(1, 1, 64, 64)
    trust[..., 16:48, 16:48] = 1e-3
    gaps = hole((64, 64), 24, 24, 40, 40)
    assert fill_under(picture, gaps)[gaps].mean() > 0.8
    filled = fill_under(picture, gaps, trust)
    assert filled[gaps].mean() < 0.25
    assert torch.equal(filled[~gaps], picture[~gaps])


def test_a_band_of_which_nothing_is_known_stays(image):
    gaps = torch.zeros(image.shape, dtype=torch.bool)
    gaps[0, 1] = True
    assert torch.equal(fill_under(image, gaps), image)


@pytest.mark.parametrize("box", [(32, 16, 64, 64), (0, 0, 117, 90), (64, 32, 117, 90), (48, 48, 64, 64)])
def test_a_window_is_filled_as_the_whole(image, box):
    trust = torch.rand(2, 1, 117, 90, generator=torch.Generator().manual_seed(2))
    trust[trust < 0.6] = 0.0
    whole = pull(image, trust)
    means, weights = image, trust
    for _ in range(LEVELS):
        means, weights = push(means, weights)
    coarse = pull(means, weights)
    top, left, bottom, right = box
    above, before = max(top - MARGIN, 0), max(left - MARGIN, 0)
    below, behind = min(-(-bottom // BLOCK) * BLOCK + MARGIN, 117), min(-(-right // BLOCK) * BLOCK + MARGIN, 90)
    around = (..., slice(above, below), slice(before, behind))
    of_part = coarse[..., above // BLOCK : -(-below // BLOCK), before // BLOCK : -(-behind // BLOCK)]
    part = pull(image[around], trust[around], of_part, LEVELS)
    assert torch.equal(
        part[..., top - above : bottom - above, left - before : right - before], whole[..., top:bottom, left:right]
    )


def test_finer_is_bilinear():
    coarse = torch.arange(5.0).expand(3, 5)
    expected = np.clip((np.arange(10) + 0.5) / 2 - 0.5, 0, 4)
    np.testing.assert_allclose(finer(coarse).numpy(), np.broadcast_to(expected, (6, 10)), atol=1e-6)
    assert torch.equal(finer(coarse.T.contiguous()), finer(coarse).T)
