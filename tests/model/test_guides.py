"""Guides are bands that help and do not come out."""

import torch
from tests.model.test_network import random_network, scene

from llars.model.align import REFERENCE_BANDS, describe
from llars.model.condition import Conditions
from llars.model.config import preset
from llars.model.filters import likeness
from llars.model.network import Network
from llars.model.normalise import Statistics

TARGETS = 3


def look(network: Network, image: torch.Tensor, statistics: Statistics, order: list[int]) -> Conditions:
    bands = describe([[REFERENCE_BANDS[i] for i in order]])
    instruction = torch.nn.functional.normalize(torch.ones(1, 384), dim=-1)
    return network.condition(image[:, None, :, :64, :64], bands, statistics, instruction, TARGETS)


@torch.no_grad()
def test_only_targets_come_out_and_the_order_of_guides_does_not_matter() -> None:
    network = random_network(preset("llars-tiny"))
    image, statistics = scene(5)
    order = [0, 1, 2, 4, 3]
    shuffled = Statistics(statistics.mean[:, order], statistics.std[:, order])
    straight = network(image, look(network, image, statistics, [0, 1, 2, 3, 4])).image
    swapped = network(image[:, order], look(network, image[:, order], shuffled, order)).image
    assert straight.shape[1] == TARGETS
    torch.testing.assert_close(swapped, straight, atol=1e-4, rtol=0)


@torch.no_grad()
def test_what_a_guide_shows_matters() -> None:
    network = random_network(preset("llars-tiny"))
    image, statistics = scene(5)
    conditions = look(network, image, statistics, [0, 1, 2, 3, 4])
    other = image.clone()
    other[:, TARGETS:] = other[:, TARGETS:].flip(-1)
    assert (network(other, conditions).image - network(image, conditions).image).abs().mean() > 0.01


@torch.no_grad()
def test_folded_equals_unfolded_with_guides() -> None:
    network = random_network(preset("llars-tiny"))
    image, statistics = scene(5)
    conditions = look(network, image, statistics, [0, 1, 2, 3, 4])
    dense = network.fold(conditions)
    torch.testing.assert_close(dense(image).image, network(image, conditions).image, atol=1e-4, rtol=0)


@torch.no_grad()
def test_an_untrained_network_does_not_use_its_guides() -> None:
    network = Network(preset("llars-tiny")).eval()
    image, statistics = scene(5)
    restored = network(image, look(network, image, statistics, [0, 1, 2, 3, 4])).image
    torch.testing.assert_close(restored, image[:, :TARGETS])


@torch.no_grad()
def test_the_direct_path_is_exact_where_the_backbone_is_not() -> None:
    network = Network(preset("llars-tiny")).eval()
    image, statistics = scene(5)
    with torch.autocast("cpu", torch.bfloat16):
        restored = network(image, look(network, image, statistics, [0, 1, 2, 3, 4])).image
    torch.testing.assert_close(restored, image[:, :TARGETS], atol=1e-6, rtol=0)


def test_likeness_is_the_correlation() -> None:
    generator = torch.Generator().manual_seed(3)
    windows = torch.randn(2, 4, 3, 16, 16, generator=generator)
    windows[:, :, 2] = 3 - 2 * windows[:, :, 0]
    found = likeness(windows, 2)
    torch.testing.assert_close(found[:, 0, 0], torch.full((2, 2), -1.0), atol=1e-5, rtol=0)
    pixels = windows[1].transpose(0, 1).flatten(1)
    assert abs(found[1, 1, 0, 0] - torch.corrcoef(pixels[1:3])[0, 1]) < 1e-5
