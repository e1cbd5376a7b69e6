"""The laws of the network, on random weights: bands are a set, folding changes nothing, halos suffice."""

from dataclasses import replace

import pytest
import torch

from llars.errors import ConfigError
from llars.model.align import REFERENCE_BANDS, describe
from llars.model.condition import Conditions
from llars.model.config import PRESETS, ModelConfig, preset
from llars.model.network import Network
from llars.model.normalise import Statistics

SIDE = 128


def random_network(config: ModelConfig, seed: int = 0) -> Network:
    """A network in which every path is open: no parameter is left at zero."""
    torch.manual_seed(seed)
    network = Network(config).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.03 * torch.randn_like(parameter))
    return network


def scene(bands: int) -> tuple[torch.Tensor, Statistics]:
    """A normalised scene with bands of different brightness and contrast."""
    generator = torch.Generator().manual_seed(bands)
    image = torch.rand(1, bands, SIDE, SIDE, generator=generator)
    image = image * torch.linspace(0.1, 1, bands)[:, None, None] + torch.linspace(0, 0.5, bands)[:, None, None]
    statistics = Statistics.of(image)
    return statistics.apply(image), statistics


def look(network: Network, image: torch.Tensor, statistics: Statistics, order: list[int]) -> Conditions:
    """Conditions from the scene's four windows."""
    side = network.window
    windows = torch.stack([image[..., y : y + side, x : x + side] for y in (0, side) for x in (0, side)], 1)
    instruction = torch.nn.functional.normalize(torch.randn(1, 384, generator=torch.Generator().manual_seed(5)), dim=-1)
    return network.condition(windows, describe([[REFERENCE_BANDS[i] for i in order]]), statistics, instruction)


@pytest.fixture(params=["llars-tiny", "llars-small"])
def network(request: pytest.FixtureRequest) -> Network:
    return random_network(preset(request.param))


@torch.no_grad()
def test_permuting_the_bands_permutes_the_output_and_nothing_else(network: Network) -> None:
    image, statistics = scene(5)
    order = [3, 0, 4, 2, 1]
    shuffled = Statistics(statistics.mean[:, order], statistics.std[:, order])
    straight = network(image, look(network, image, statistics, [0, 1, 2, 3, 4]))
    permuted = network(image[:, order], look(network, image[:, order], shuffled, order))
    torch.testing.assert_close(permuted.image, straight.image[:, order], atol=1e-4, rtol=0)
    torch.testing.assert_close(permuted.log_scale, straight.log_scale[:, order], atol=1e-4, rtol=0)
    assert (straight.image - image).abs().mean() > 0.01


@torch.no_grad()
@pytest.mark.parametrize("bands", [1, 3, 13])
def test_folded_equals_unfolded(network: Network, bands: int) -> None:
    image, statistics = scene(bands)
    conditions = look(network, image, statistics, list(range(bands)))
    plain, dense = network(image, conditions), network.fold(conditions)(image)
    torch.testing.assert_close(dense.image, plain.image, atol=1e-4, rtol=0)
    torch.testing.assert_close(dense.log_scale, plain.log_scale, atol=1e-4, rtol=0)
    assert (plain.image - image).abs().mean() > 0.01


@torch.no_grad()
def test_a_band_of_zeros_is_a_band() -> None:
    network = random_network(preset("llars-tiny"))
    image, statistics = scene(3)
    image[:, 1] = 0
    conditions = look(network, image, statistics, [0, 1, 2])
    assert conditions.plan.mass[0].sum(0)[1].item() == pytest.approx(1 / 3, abs=1e-3)
    assert network(image, conditions).image.shape == image.shape


@torch.no_grad()
def test_nothing_beyond_the_halo_matters() -> None:
    network = random_network(
        replace(preset("llars-tiny"), widths=(16, 16, 16), encoder_blocks=(1, 2, 1), decoder_blocks=(1, 1))
    )
    image, statistics = scene(2)
    dense = network.fold(look(network, image, statistics, [0, 1]))
    far = torch.nn.functional.pad(image, [network.halo] * 4, mode="constant", value=0.0)
    farther = far.clone()
    farther[..., 0, :], farther[..., :, -1] = 9.0, -9.0
    inner = slice(network.halo + network.multiple, -network.halo - network.multiple)
    torch.testing.assert_close(
        dense(farther).image[..., inner, inner], dense(far).image[..., inner, inner], atol=1e-6, rtol=0
    )
    edge = dense(farther).image - dense(far).image
    assert edge.abs().max() > 0.1


@torch.no_grad()
def test_an_untrained_network_returns_its_input() -> None:
    network = Network(preset("llars-tiny")).eval()
    image, statistics = scene(4)
    torch.testing.assert_close(network(image, look(network, image, statistics, [0, 1, 2, 3])).image, image)


@torch.no_grad()
def test_uncertainty_may_be_left_out_of_the_fold() -> None:
    network = random_network(preset("llars-tiny"))
    image, statistics = scene(3)
    conditions = look(network, image, statistics, [0, 1, 2])
    lean, full = network.fold(conditions, uncertainty=False)(image), network.fold(conditions)(image)
    torch.testing.assert_close(lean.image, full.image, atol=1e-5, rtol=0)
    with pytest.raises(ValueError, match="without uncertainty"):
        _ = lean.log_scale


@torch.no_grad()
@pytest.mark.parametrize("trust", [0.0, 0.25])
def test_a_network_that_is_trusted_less_changes_the_target_by_that_share(network: Network, trust: float) -> None:
    image, statistics = scene(3)
    conditions = look(network, image, statistics, [0, 1, 2])
    full, cautious = network.fold(conditions)(image), network.fold(conditions, trust=trust)(image)
    torch.testing.assert_close(cautious.image, image + trust * (full.image - image), atol=1e-5, rtol=0)
    torch.testing.assert_close(cautious.log_scale, full.log_scale, atol=1e-6, rtol=0)


def test_fold_wants_one_scene() -> None:
    network = Network(preset("llars-tiny")).train()
    image, statistics = scene(3)
    with pytest.raises(ValueError, match="eval mode"):
        network.fold(look(network, image, statistics, [0, 1, 2]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"decoder_blocks": (1, 1)}, "2 widths need 2 encoder_blocks and 1 decoder_blocks"),
        ({"top_k": 9}, "top_k must lie in 1..experts=3"),
        ({"widths": (16, 24)}, "width 24 must be a multiple of head_features=16"),
        ({"window": 62}, "window=62 must be a multiple of 4"),
        ({"kernel_size": 4}, "kernel_size must be odd"),
    ],
)
def test_contradictions_in_the_config_name_both_numbers(change: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        replace(preset("llars-tiny"), **change)  # type: ignore[arg-type]


def test_a_config_survives_its_dictionary() -> None:
    for config in PRESETS.values():
        assert (
            ModelConfig.from_dict({k: list(v) if isinstance(v, tuple) else v for k, v in config.to_dict().items()})
            == config
        )
    with pytest.raises(ConfigError, match="unknown model settings"):
        ModelConfig.from_dict({"name": "x", "heads": 3})


def test_every_parameter_is_trained() -> None:
    network = random_network(preset("llars-tiny")).train()
    image, statistics = scene(3)
    image, statistics = image[..., :64, :64], statistics
    bands = describe([REFERENCE_BANDS[:3]])
    channels = torch.cat((image, torch.randn_like(image[:, :2])), 1)
    conditions = network.condition(channels[:, None], bands, statistics, torch.randn(1, 384), targets=2)
    output = network(channels, conditions)
    total = (output.image.square() + output.log_scale).mean() + conditions.balance
    total = total + conditions.task_from_text.square().sum() + conditions.severity_from_text.sum()
    (total + conditions.task_from_image.square().sum()).backward()
    idle = [name for name, parameter in network.named_parameters() if parameter.grad is None]
    assert idle == []


def test_what_is_computed_anew_gives_the_same_gradient_and_is_not_kept() -> None:
    network = random_network(preset("llars-tiny")).train()
    image, statistics = scene(3)

    def gradient(recompute: bool) -> tuple[torch.Tensor, int]:
        network.backbone.recompute, kept = recompute, 0

        def keep(value: torch.Tensor) -> torch.Tensor:
            nonlocal kept
            kept += value.numel()
            return value

        torch.manual_seed(1)
        network.zero_grad()
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value):
            loss = network(image, look(network, image, statistics, [0, 1, 2])).image.square().mean()
        loss.backward()  # type: ignore[no-untyped-call]
        return torch.cat([one.grad.flatten() for one in network.parameters() if one.grad is not None]), kept

    (straight, all_of_it), (anew, rest) = gradient(False), gradient(True)
    torch.testing.assert_close(anew, straight, atol=1e-6, rtol=1e-4)
    assert rest < 0.6 * all_of_it
