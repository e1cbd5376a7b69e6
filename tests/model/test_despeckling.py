"""The network corrects single bands in any number, and nothing that lies far away or has no speckle."""

import pytest
import torch

import llars.model.despeckling
from llars.model.despeckling import DespecklingNetwork

CORRELATION = torch.tensor([0.3])


@pytest.fixture
def network() -> DespecklingNetwork:
    torch.manual_seed(0)
    network = DespecklingNetwork().eval().requires_grad_(False)
    torch.nn.init.normal_(network.last.weight, std=0.1)
    return network


def images(bands: int, height: int, width: int) -> list[torch.Tensor]:
    """Observed, first and second pass, ``(1, band, y, x)``."""
    generator = torch.Generator().manual_seed(1)
    return [0.5 + width_ * torch.randn(1, bands, height, width, generator=generator) for width_ in (0.1, 0.03, 0.02)]


def deviation(bands: int, value: float = 0.06) -> torch.Tensor:
    return torch.full((1, bands), value)


def test_a_new_one_corrects_nothing() -> None:
    assert not DespecklingNetwork().correction(*images(2, 16, 16), deviation(2), CORRELATION).any()


def test_the_order_and_the_brightness_of_bands_do_not_matter(network: DespecklingNetwork) -> None:
    given = images(3, 32, 24)
    found = network.correction(*given, deviation(3), CORRELATION)
    order = [2, 0, 1]
    shift = torch.tensor([0.2, -0.1, 0.0])[:, None, None]
    turned = network.correction(*(one[:, order] + shift for one in given), deviation(3), CORRELATION)
    assert found.abs().mean() > 1e-3
    torch.testing.assert_close(turned, found[:, order], atol=1e-5, rtol=0.0)


def test_without_speckle_nothing_is_corrected(network: DespecklingNetwork) -> None:
    assert not network.correction(*images(2, 16, 16), deviation(2, 0.0), CORRELATION).any()


def test_no_pixel_beyond_the_halo_matters(network: DespecklingNetwork) -> None:
    given = images(1, 200, 32)
    others = [one.clone() for one in given]
    for one in others:
        one[..., :40, :] = 0.9
    first, second = (network.correction(*each, deviation(1), CORRELATION) for each in (given, others))
    assert torch.equal(first[..., 40 + network.halo :, :], second[..., 40 + network.halo :, :])
    assert not torch.equal(first[..., 40 + network.halo // 2 :, :], second[..., 40 + network.halo // 2 :, :])


def test_a_window_that_starts_at_a_multiple_is_the_same_as_in_the_whole(network: DespecklingNetwork) -> None:
    given = images(2, 216, 24)
    start = 5 * network.multiple
    whole = network.correction(*given, deviation(2), CORRELATION)[..., start + network.halo :, :]
    window = network.correction(*(one[..., start:, :] for one in given), deviation(2), CORRELATION)
    torch.testing.assert_close(window[..., network.halo :, :], whole, atol=1e-6, rtol=0.0)


@pytest.mark.parametrize("size", [(1, 1), (5, 19)])
def test_images_of_any_size_are_taken(network: DespecklingNetwork, size: tuple[int, int]) -> None:
    found = network.correction(*images(2, *size), deviation(2), CORRELATION)
    assert found.shape == (1, 2, *size) and found.isfinite().all()


def test_bands_in_one_go_or_one_by_one(network: DespecklingNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    given = images(3, 16, 16)
    together = network.correction(*given, deviation(3), CORRELATION)
    monkeypatch.setattr(llars.model.despeckling, "MAX_PIXELS", 1)
    torch.testing.assert_close(network.correction(*given, deviation(3), CORRELATION), together, atol=1e-6, rtol=0.0)
