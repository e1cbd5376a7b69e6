"""The network also sees what an initial estimate took from its targets, and can give it back."""

import pytest
import torch
from tests.model.test_network import random_network, scene

from llars.model.align import REFERENCE_BANDS, describe
from llars.model.condition import Conditions
from llars.model.config import preset
from llars.model.network import Network
from llars.model.normalise import MAX_RESIDUAL, Statistics
from llars.model.output import OUTPUTS_PER_BAND

TARGETS = 2


@pytest.fixture
def channels() -> tuple[torch.Tensor, Statistics]:
    """Two targets, a guide, and the residuals of the targets."""
    image, statistics = scene(3)
    residual = torch.randn(1, TARGETS, *image.shape[2:], generator=torch.Generator().manual_seed(3))
    return torch.cat((image, residual), 1), statistics


def look(network: Network, channels: torch.Tensor, statistics: Statistics) -> Conditions:
    windows = channels[:, None, :, : network.window, : network.window]
    instruction = torch.nn.functional.normalize(torch.ones(1, 384), dim=-1)
    return network.condition(windows, describe([REFERENCE_BANDS[:3]]), statistics, instruction, TARGETS)


@torch.no_grad()
def test_folded_equals_unfolded(channels: tuple[torch.Tensor, Statistics]) -> None:
    network = random_network(preset("llars-tiny"))
    conditions = look(network, *channels)
    plain, dense = network(channels[0], conditions), network.fold(conditions)(channels[0])
    torch.testing.assert_close(dense.image, plain.image, atol=1e-4, rtol=0)
    torch.testing.assert_close(dense.log_scale, plain.log_scale, atol=1e-4, rtol=0)
    certain = network.fold(conditions, uncertainty=False)(channels[0])
    torch.testing.assert_close(certain.image, plain.image, atol=1e-4, rtol=0)


@torch.no_grad()
def test_the_residual_matters_beyond_its_own_pixels(channels: tuple[torch.Tensor, Statistics]) -> None:
    network = random_network(preset("llars-tiny"))
    image, conditions = channels[0], look(network, *channels)
    other = image.clone()
    other[:, -TARGETS:, :, :60] = 0.0
    changed = (network(other, conditions).image - network(image, conditions).image).abs().mean((0, 1, 2))
    assert changed[60:64].min() > 1e-4


@torch.no_grad()
def test_an_untrained_network_gives_the_estimate_and_may_give_back_all_that_was_taken(
    channels: tuple[torch.Tensor, Statistics],
) -> None:
    network = Network(preset("llars-tiny")).eval()
    image = channels[0]
    torch.testing.assert_close(network(image, look(network, *channels)).image, image[:, :TARGETS])
    bias = network.head.bias
    assert bias is not None
    # The gate of the residual is the third of four planes with four pixels each.
    bias.view(-1, OUTPUTS_PER_BAND)[:, 8:12] = 1.0
    restored = network(image, look(network, *channels)).image
    carried = look(network, *channels).plan.to_bands[0, :TARGETS].sum(-1)[:, None, None]
    torch.testing.assert_close(restored, image[:, :TARGETS] + carried * image[:, -TARGETS:], atol=1e-4, rtol=0)


def test_residuals_are_in_standard_deviations_and_bounded() -> None:
    statistics = Statistics(torch.tensor([[0.2, 0.4]]), torch.tensor([[0.1, 0.01]]))
    estimate, guide = torch.full((1, 1, 4, 4), 0.3), torch.full((1, 1, 4, 4), 0.4)
    observed = torch.full((1, 1, 4, 4), 0.5)
    observed[..., 0, 0] = 100.0
    found = statistics.network_input(torch.cat((estimate, guide, observed), 1))
    assert found[0, :, 1, 1].tolist() == pytest.approx([1.0, 0.0, 2.0], abs=1e-5)
    assert found[0, 2, 0, 0] == MAX_RESIDUAL
    assert statistics.network_input(torch.cat((estimate, guide), 1)).shape[1] == 2
