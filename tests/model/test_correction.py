"""The correction of a denoised optical image."""

import pytest
import torch
from tests.shapes import discs

from llars.model.correction import CorrectionNetwork

DEVIATION = 0.04


@pytest.fixture
def network() -> CorrectionNetwork:
    """A network that corrects at random."""
    torch.manual_seed(0)
    network = CorrectionNetwork().eval().requires_grad_(False)
    torch.nn.init.normal_(network.last.weight, std=0.05)
    return network


def images(bands: int, height: int, width: int) -> tuple[torch.Tensor, ...]:
    """An image, an estimate of it, and the deviation of its noise."""
    truth = torch.cat([discs(seed, max(height, width)) for seed in range(bands)], 1)[..., :height, :width]
    noise = DEVIATION * torch.randn(truth.shape, generator=torch.Generator().manual_seed(1))
    return truth + noise, truth + 0.1 * noise, torch.full_like(truth, DEVIATION)


def test_a_new_network_corrects_nothing() -> None:
    assert not CorrectionNetwork().correction(*images(2, 16, 16)).any()


def test_bands_of_any_order_strength_and_brightness_are_corrected_alike(network: CorrectionNetwork) -> None:
    given = images(3, 64, 64)
    plain = network.correction(*given)
    assert plain.std() > 0.1 * DEVIATION
    # bfloat16 has eight binary digits, in each of a dozen layers.
    close = {"rtol": 0.0, "atol": 0.05 * float(plain.abs().max())}
    torch.testing.assert_close(network.correction(*(one.flip(1) for one in given)), plain.flip(1), **close)
    brighter = [one + 0.3 for one in given[:2]]
    torch.testing.assert_close(network.correction(*brighter, given[2]), plain, **close)
    stronger = [2.0 * one for one in given]
    torch.testing.assert_close(network.correction(*stronger), 2.0 * plain, rtol=0.0, atol=2.0 * close["atol"])


def test_no_pixel_beyond_the_halo_matters(network: CorrectionNetwork) -> None:
    given = images(1, 160, 160)
    changed = given[0].clone()
    changed[..., 80:84, 80:84] += 1.0
    moved = (network.correction(changed, *given[1:]) - network.correction(*given)).abs()[0, 0] > 0
    assert moved[80, 80]
    rows, columns = (torch.nonzero(moved.any(1 - axis)).flatten() for axis in (0, 1))
    for places in (rows, columns):
        assert 80 - network.halo <= int(places.min()) and int(places.max()) < 84 + network.halo


@pytest.mark.parametrize("size", [(17, 30), (64, 33)])
def test_images_of_any_size_are_taken(network: CorrectionNetwork, size: tuple[int, int]) -> None:
    assert network.correction(*images(2, *size)).shape == (1, 2, *size)
