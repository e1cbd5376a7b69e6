"""The detail of a finer grid."""

import pytest
import torch
from tests.shapes import discs

from llars.degrade.resolution import reduce
from llars.model.upsampling import FACTORS, REACH, UpsamplingNetwork

pytestmark = pytest.mark.parametrize("factor", FACTORS)


@pytest.fixture
def network() -> UpsamplingNetwork:
    """Random weights, also in the last layers."""
    torch.manual_seed(0)
    network = UpsamplingNetwork()
    for parameter in network.parameters():
        torch.nn.init.kaiming_normal_(parameter)
    return network.requires_grad_(False)


def test_a_new_network_adds_nothing(factor: int) -> None:
    assert not UpsamplingNetwork()(discs(5, 48), factor).any()


def test_detail_leaves_area_means_alone(factor: int, network: UpsamplingNetwork) -> None:
    detail = network(discs(5, 48), factor)
    assert detail.shape == (1, 1, 48 * factor, 48 * factor)
    assert detail.std() > 0.1
    assert reduce(detail, factor).abs().max() < 1e-6 * detail.abs().max()


def test_detail_grows_with_contrast_and_ignores_brightness(factor: int, network: UpsamplingNetwork) -> None:
    image = discs(3, 64)
    detail, stronger = network(image, factor), network(3.0 * image + 0.25, factor)
    # bfloat16 has eight binary digits.
    torch.testing.assert_close(stronger, 3.0 * detail, rtol=0.0, atol=0.02 * float(stronger.abs().max()))


def test_detail_depends_on_no_pixel_beyond_the_reach(factor: int, network: UpsamplingNetwork) -> None:
    image = discs(3, 64)
    changed = image.clone()
    changed[..., 30, 30] += 0.5
    moved = (network(changed, factor) - network(image, factor)).abs().amax((0, 1)) > 0
    rows, columns = (torch.nonzero(moved.any(1 - axis)).flatten() // factor for axis in (0, 1))
    for places in (rows, columns):
        assert 30 - REACH <= int(places.min()) <= 30 <= int(places.max()) <= 30 + REACH
