"""Laws of the estimator of clouds: any bands in any order, no tile shows, small."""

import pytest
import torch

from llars.bands import Band, Modality, plain_bands
from llars.model.normalise import Statistics
from llars.model.opacity import CELL, FEATURES, FINE, OpacityNetwork, seen_bands
from llars.sensors import get_sensor

SENTINEL = get_sensor("sentinel2-l1c").bands


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(4)
    return OpacityNetwork().eval()


def picture(count, height=128, width=128, seed=0):
    return torch.rand(1, count, height, width, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("bands", [plain_bands(1), plain_bands(3), SENTINEL[:4], SENTINEL], ids=len)
@torch.inference_mode()
def test_any_number_of_bands(network, bands):
    image = picture(len(bands), 64, 128)
    cover = network.cover(image, [bands], Statistics.of(image))
    for share in (cover.opacity, cover.touched, cover.shadow):
        assert share.shape == (1, 1, 64, 128)
        assert 0.0 <= share.min() <= share.max() <= 1.0


@torch.inference_mode()
def test_the_order_of_bands_does_not_matter(network):
    image, order = picture(13), torch.randperm(13, generator=torch.Generator().manual_seed(3))
    cover = network.cover(image, [SENTINEL], Statistics.of(image))
    mixed = image[:, order]
    other = network.cover(mixed, [[SENTINEL[index] for index in order]], Statistics.of(mixed))
    # Sums over bands are rounded in another order.
    assert torch.allclose(cover.opacity, other.opacity, atol=1e-5)
    assert torch.allclose(cover.touched, other.touched, atol=1e-5)
    assert torch.allclose(cover.shadow, other.shadow, atol=1e-5)


@torch.inference_mode()
def test_wavelengths_are_used_where_they_are_known(network):
    image = picture(13)
    told = network.features(image, [SENTINEL], Statistics.of(image))
    untold = network.features(image, [plain_bands(13)], Statistics.of(image))
    for one, other in zip(told, untold, strict=True):
        assert not torch.equal(one, other)
        assert torch.equal(one[:, :8], other[:, :8])


@torch.inference_mode()
def test_a_batch_is_its_images(network):
    image = torch.cat((picture(4, seed=1), picture(4, seed=2)))
    bands = [SENTINEL[:4], SENTINEL[9:13]]
    both = network.features(image, bands, Statistics.of(image))
    for row in range(2):
        one = image[row : row + 1]
        alone = network.features(one, bands[row : row + 1], Statistics.of(one))
        for ours, theirs in zip(alone, both, strict=True):
            assert torch.allclose(ours[0], theirs[row], atol=1e-6)


def test_nothing_beyond_the_halo_has_influence(network):
    """By derivatives, so that it holds for any picture: with weights of one sign no path cancels another."""
    positive = OpacityNetwork()
    with torch.no_grad():
        for parameter in positive.parameters():
            parameter.copy_(parameter.abs() + 1e-3)
    side, halo = network.multiple, network.halo
    shown = [
        torch.rand(1, FEATURES, (2 * halo + side) // cell, side // cell, requires_grad=True) for cell in (CELL, FINE)
    ]
    for pixel in (halo, halo + side - 1):
        gradients = torch.autograd.grad(positive(*shown)[0, :, pixel].sum(), shown)
        for gradient, cell in zip(gradients, (CELL, FINE), strict=True):
            rows = gradient.abs().sum((0, 1, 3)).nonzero().flatten() * cell
            # Less than all of it: what reached as far as the first or last cell might go on.
            assert rows.min() > 0
            assert rows.max() + cell < halo + side + halo


@torch.inference_mode()
def test_a_tile_is_a_part_of_the_whole(network):
    image = picture(2, 704, 64)
    bands, statistics = [plain_bands(2)], Statistics.of(image)
    whole = network.cover(image, bands, statistics).opacity
    start, stop = network.halo, network.halo + 64
    tile = image[:, :, start - network.halo : stop + network.halo]
    part = network.cover(tile, bands, statistics).opacity
    # Convolutions of other sizes add up in another order.
    assert torch.allclose(part[:, :, network.halo : network.halo + 64], whole[:, :, start:stop], atol=1e-5)


def test_radar_and_heat_show_no_clouds():
    bands = (*SENTINEL[:2], Band("VV", modality=Modality.SAR), Band("T", modality=Modality.THERMAL), *plain_bands(1))
    assert seen_bands(bands) == [0, 1, 4]


def test_it_is_small(network):
    assert sum(parameter.numel() for parameter in network.parameters()) <= 250_000
