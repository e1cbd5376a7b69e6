"""Adapters: what each change does to a layer, files, stacking, merging, and refusals."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from llars.bands import Band
from llars.errors import WeightsError
from llars.model.align import describe
from llars.model.config import preset
from llars.model.network import Network
from llars.model.normalise import Statistics
from llars.weights.adapters import (
    Adapter,
    AdapterInfo,
    Change,
    apply_adapters,
    changed,
    merge,
    read_adapter,
    save_adapter,
)
from llars.weights.registry import load_network, save_weights

HALF = 2e-3
"""Half precision keeps eleven bits: relative differences up to 2 ** -11, with some room for their sum."""


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A weights file of a network in which no parameter is zero."""
    torch.manual_seed(5)
    network = Network(preset("llars-tiny"))
    with torch.no_grad():
        for parameter in network.parameters():
            if not parameter.any():
                parameter.normal_(std=0.05)
    path = tmp_path_factory.mktemp("base") / "base.safetensors"
    save_weights(path, network.state_dict(), network.config, ("denoise",), {"seed": 5})
    return path


@pytest.fixture(scope="module")
def make(base, tmp_path_factory):
    """A function that writes an adapter for ``base`` and returns its path."""
    _, info = load_network(base)
    folder = tmp_path_factory.mktemp("adapters")

    def write(name, changes, **about):
        path = folder / f"{name}.safetensors"
        given = {"base": "tiny", "base_sha256": info.sha256, "method": "lora", "rank": 2, "tasks": ("haze",), **about}
        save_adapter(path, AdapterInfo(**given), changes)
        return path

    return write


@pytest.fixture(scope="module")
def low_rank(make):
    parts = {"up": normal(16, 2, seed=1), "down": 0.1 * normal(2, 24 * 9, seed=2)}
    return make("low_rank", {"stem.weight": Change("low_rank", parts)})


@pytest.fixture(scope="module")
def shifted(make):
    return make("shifted", {"stem.bias": Change("add", {"value": normal(16, seed=3)})}, method="bitfit", rank=0)


def restored(network, uncertainty=None):
    """The network's output for one made-up scene; folded where ``uncertainty`` is told."""
    bands = (Band("B", 490.0), Band("G", 560.0), Band("R", 665.0))
    image = normal(1, 3, 32, 32, seed=4)
    statistics = Statistics(torch.zeros(1, 3), torch.ones(1, 3))
    words = torch.nn.functional.normalize(normal(1, 384, seed=6), dim=1)
    with torch.no_grad():
        conditions = network.condition(image[:, None], describe([bands]), statistics, words)
        run = network if uncertainty is None else network.fold(conditions, uncertainty)
        return run(image).image if uncertainty is not None else run(image, conditions).image


def test_low_rank_adds_the_product_of_its_factors_to_every_expert():
    base, up, down = normal(3, 5, 2, 2), normal(3, 5, 1, seed=1), normal(3, 1, 4, seed=2)
    expected = base + torch.einsum("eor,eri->eoi", up, down).reshape(3, 5, 2, 2)
    torch.testing.assert_close(changed(base, [Change("low_rank", {"up": up, "down": down})]), expected)


def test_directed_sets_the_length_of_every_row():
    base, magnitude = normal(5, 3, 2, 2), normal(5, seed=3)
    base[2] = 0
    parts = {"up": normal(5, 2, seed=1), "down": normal(2, 12, seed=2), "magnitude": magnitude}
    rows = changed(base, [Change("directed", parts)]).flatten(1)
    lengths = base.flatten(1).norm(dim=1) * (1 + magnitude).abs()
    lengths[2] = (parts["up"] @ parts["down"])[2].norm()
    torch.testing.assert_close(rows.norm(dim=1), lengths)


def test_scale_and_shift_do_to_the_weights_what_they_would_do_to_the_output():
    layer, image = torch.nn.Conv2d(3, 4, 3), normal(1, 3, 8, 8)
    factor, shift = normal(4, seed=1), normal(4, seed=2)
    expected = layer(image) * (1 + factor)[:, None, None] + shift[:, None, None]
    weight = changed(layer.weight, [Change("scale", {"value": factor})])
    # The bias is scaled as well, so the same family of maps: here the shift is given as what remains.
    bias = changed(layer.bias, [Change("add", {"value": factor * layer.bias + shift})])
    torch.testing.assert_close(torch.nn.functional.conv2d(image, weight, bias), expected)


def test_a_bottleneck_behind_a_layer_is_a_change_of_the_layer():
    layer, image = torch.nn.Conv2d(3, 4, 3), normal(1, 3, 8, 8)
    up, down = normal(4, 2, seed=1), normal(2, 4, seed=2)
    first = layer(image)
    expected = first + torch.einsum("or,ri,biyx->boyx", up, down, first)
    change = Change("after", {"up": up, "down": down})
    weight, bias = changed(layer.weight, [change]), changed(layer.bias, [change])
    torch.testing.assert_close(torch.nn.functional.conv2d(image, weight, bias), expected)
    experts = normal(3, 4, 4)
    each = torch.stack([changed(expert, [change]) for expert in experts])
    torch.testing.assert_close(changed(experts, [replace(change, axis=1)]), each)


def test_words_add_a_vector_to_those_instructions_alone_that_are_like_them():
    weight, vector = normal(6, 8), normal(8, seed=1)
    own, other = torch.eye(8)[0], torch.eye(8)[1]
    moved = changed(weight, [Change("words", {"vector": vector, "words": own})])
    torch.testing.assert_close(moved @ own, weight @ (own + vector))
    torch.testing.assert_close(moved @ other, weight @ other)


def test_what_was_saved_is_read_and_the_same_adapter_is_the_same_file(low_rank, make):
    adapter = read_adapter(low_rank)
    assert (adapter.info.method, adapter.info.rank, adapter.info.tasks) == ("lora", 2, ("haze",))
    assert adapter.parameters == 16 * 2 + 2 * 24 * 9
    again = make("again", adapter.changes)
    assert again.read_bytes() == low_rank.read_bytes()


def test_adapters_add_up_in_any_order_and_leave_the_base_alone(base, low_rank, shifted):
    network, info = load_network(base)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    first, second = read_adapter(low_rank), read_adapter(shifted)
    one, adapted_info = apply_adapters(network, info, [first, second])
    other, _ = apply_adapters(network, info, [second, first])
    assert adapted_info.tasks == ("denoise", "haze")
    for name, value in one.state_dict().items():
        torch.testing.assert_close(value, other.state_dict()[name], rtol=0, atol=0)
        assert torch.equal(network.state_dict()[name], before[name])
    touched = {name for name, value in one.state_dict().items() if not torch.equal(value, before[name])}
    assert touched == {"stem.weight", "stem.bias"}


def test_a_network_with_adapters_folds(base, low_rank, shifted):
    adapted, _ = apply_adapters(*load_network(base), [read_adapter(low_rank), read_adapter(shifted)])
    plain = restored(adapted)
    torch.testing.assert_close(restored(adapted, uncertainty=False), plain, rtol=1e-4, atol=1e-4)
    assert (plain - restored(load_network(base)[0])).abs().max() > 0.1


def test_merging_gives_a_weights_file_that_restores_alike(base, low_rank, shifted, tmp_path):
    out = tmp_path / "merged.safetensors"
    info = merge(base, [low_rank, shifted], out)
    network, read = load_network(out)
    assert read == info
    assert [one["method"] for one in info.training["adapters"]] == ["lora", "bitfit"]
    adapted, _ = apply_adapters(*load_network(base), [read_adapter(low_rank), read_adapter(shifted)])
    for name, value in adapted.state_dict().items():
        torch.testing.assert_close(network.state_dict()[name], value, rtol=HALF, atol=1e-6)
    with pytest.raises(WeightsError, match="was made for tiny with SHA-256"):
        apply_adapters(network, read, [read_adapter(low_rank)])


def test_appended_experts_stack_up(base, make):
    network, info = load_network(base)
    larger = Network(replace(network.config, experts=network.config.experts + 1)).state_dict()
    changes = {}
    for name, value in network.state_dict().items():
        for axis, (old, new) in enumerate(zip(value.shape, larger[name].shape, strict=True)):
            if old != new:
                changes[name] = Change("append", {"rows": value.narrow(axis, 0, 1).clone()}, axis)
    adapter = read_adapter(make("experts", changes, method="experts", rank=0, experts=1))
    adapted, adapted_info = apply_adapters(network, info, [adapter, adapter])
    assert adapted_info.config.experts == adapted.config.experts == network.config.experts + 2
    assert restored(adapted).isfinite().all()


def test_sentences_of_ones_own_travel_with_the_adapter(base, make, tmp_path):
    path = make("taught", {"stem.bias": Change("add", {"value": torch.ones(16)})}, instructions=("fill the gaps",))
    _, info = apply_adapters(*load_network(base), [read_adapter(path)])
    assert info.training["taught"] == {"fill the gaps": "haze"}
    assert merge(base, [path], tmp_path / "m.safetensors").training["taught"] == {"fill the gaps": "haze"}


def test_wrong_files_are_refused_in_one_line(base, low_rank, tmp_path):
    network, info = load_network(base)
    adapter = read_adapter(low_rank)
    stranger = Adapter(replace(adapter.info, base_sha256="f" * 64), adapter.changes, "mine.safetensors")
    with pytest.raises(WeightsError, match=r"^mine\.safetensors was made for tiny with SHA-256 f{12}.*[^\n]$"):
        apply_adapters(network, info, [stranger])
    misfit = Adapter(adapter.info, {"stem.bias": Change("append", {"rows": torch.ones(1)})})
    with pytest.raises(WeightsError, match="do not fit the weights"):
        apply_adapters(network, info, [misfit])
    with pytest.raises(WeightsError, match="no adapter at"):
        read_adapter(tmp_path / "none.safetensors")
    with pytest.raises(WeightsError, match="is no llars adapter: its format is llars-weights-1"):
        read_adapter(base)
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(low_rank.read_bytes()[:1000])
    with pytest.raises(WeightsError, match="no whole safetensors file"):
        read_adapter(broken)
    save_file({"a": torch.zeros(1)}, broken, {"llars": '{"format": "llars-adapter-1", "changes": {}}'})
    with pytest.raises(WeightsError, match="cannot understand its metadata"):
        read_adapter(broken)


def test_numbers_beyond_half_precision_are_not_written(make):
    with pytest.raises(WeightsError, match="lower the learning rate"):
        make("huge", {"stem.bias": Change("add", {"value": torch.full((16,), 1e6)})})
