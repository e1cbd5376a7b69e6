"""Weights files: written whole, read strictly, verified."""

import pickle

import pytest
import torch
from safetensors.torch import save_file

from llars.errors import InstructionError, OutputError, WeightsError
from llars.model.config import preset
from llars.model.network import Network
from llars.weights import registry

CONFIG = preset("llars-tiny")


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(3)
    return Network(CONFIG).eval()


@pytest.fixture
def saved(network, tmp_path):
    path = tmp_path / "tiny.safetensors"
    registry.save_weights(path, network.state_dict(), CONFIG, ("denoise", "haze"), {"seed": 3, "steps": 10})
    return path


def test_what_was_saved_is_loaded_to_half_precision(network, saved):
    loaded, info = registry.load_network(saved)
    assert not loaded.training
    assert loaded.state_dict().keys() == network.state_dict().keys()
    for name, tensor in loaded.state_dict().items():
        torch.testing.assert_close(tensor, network.state_dict()[name].half().to(tensor.dtype), rtol=0, atol=0)
    assert (info.config, info.tasks) == (CONFIG, ("denoise", "haze"))
    assert info.training == {"seed": 3, "steps": 10}
    assert info.parameters == sum(tensor.numel() for tensor in network.state_dict().values())


def test_file_is_half_precision_and_alone_in_its_folder(network, saved):
    numbers = sum(tensor.numel() for tensor in network.state_dict().values())
    assert 2 * numbers < saved.stat().st_size < 2 * numbers + 50_000
    assert list(saved.parent.iterdir()) == [saved]


def test_same_weights_give_the_same_file(network, saved, tmp_path):
    again = tmp_path / "again.safetensors"
    registry.save_weights(again, network.state_dict(), CONFIG, ("denoise", "haze"), {"seed": 3, "steps": 10})
    assert again.read_bytes() == saved.read_bytes()


def test_numbers_beyond_half_precision_are_refused(network, tmp_path):
    state = network.state_dict() | {"head.bias": torch.full_like(network.state_dict()["head.bias"], 1e6)}
    with pytest.raises(WeightsError, match=r"head\.bias"):
        registry.save_weights(tmp_path / "bad.safetensors", state, CONFIG, ("denoise",))
    assert not list(tmp_path.iterdir())


def test_unknown_tasks_and_places_are_refused(network, tmp_path):
    with pytest.raises(InstructionError, match="unknown task"):
        registry.save_weights(tmp_path / "a.safetensors", network.state_dict(), CONFIG, ("cook",))
    with pytest.raises(OutputError, match="cannot write"):
        registry.save_weights(tmp_path / "none" / "a.safetensors", network.state_dict(), CONFIG, ("denoise",))


@pytest.mark.parametrize("damage", ["truncated", "text", "pickle", "foreign", "empty"])
def test_damaged_and_foreign_files_are_refused_in_one_line(saved, damage):
    if damage == "truncated":
        saved.write_bytes(saved.read_bytes()[:-100])
    elif damage == "foreign":
        save_file({"a": torch.zeros(2)}, saved)
    else:
        saved.write_bytes({"text": b"not weights", "pickle": pickle.dumps({"a": 1}), "empty": b""}[damage])
    with pytest.raises(WeightsError) as refused:
        registry.load_network(saved)
    assert "\n" not in str(refused.value)
    assert str(saved) in str(refused.value)


def test_tensors_must_be_those_of_the_configuration(network, tmp_path):
    state = dict(network.state_dict())
    del state["head.bias"]
    path = tmp_path / "lacking.safetensors"
    registry.save_weights(path, state, CONFIG, ("denoise",))
    with pytest.raises(WeightsError, match=r"does not fit.*head\.bias"):
        registry.load_network(path)


@pytest.fixture
def bundled(saved, tmp_path_factory, monkeypatch):
    """The saved file as the only bundled weights."""
    folder = tmp_path_factory.mktemp("package")
    (folder / "registry.json").write_text("{}")
    monkeypatch.setattr(registry, "FOLDER", folder)
    registry.bundle(saved, "llars-test", "for tests")
    return folder / "llars-test.safetensors"


def test_bundling_adds_to_what_is_there(bundled, saved):
    first = registry.models()
    added = registry.bundle(saved, "llars-other", "another")
    assert registry.models() == (*first, added)
    assert registry.find("llars-other").read_bytes() == saved.read_bytes()
    assert {path.name for path in bundled.parent.iterdir()} == {
        "registry.json",
        "llars-test.safetensors",
        "llars-other.safetensors",
    }


def test_bundled_weights_are_found_by_name_and_verified(bundled):
    assert registry.find("llars-test") == bundled
    assert registry.models()[0].tasks == ("denoise", "haze")
    content = bytearray(bundled.read_bytes())
    content[-1] ^= 1
    bundled.write_bytes(content)
    with pytest.raises(WeightsError, match="damaged"):
        registry.find("llars-test")
    bundled.unlink()
    with pytest.raises(WeightsError, match="reinstall"):
        registry.find("llars-test")


def test_near_names_are_suggested(bundled):
    with pytest.raises(WeightsError, match="did you mean 'llars-test'"):
        registry.find("lars-test")


@pytest.mark.parametrize("nothing", [None, 3])
def test_what_is_no_name_is_refused(nothing):
    with pytest.raises(WeightsError, match="in place of weights, expected their name or the path"):
        registry.find(nothing)


@pytest.mark.parametrize("entry", registry.models(), ids=lambda entry: entry.name)
def test_every_bundled_file_is_what_its_entry_says(entry):
    loaded, info = registry.load_network(registry.find(entry.name))
    assert (info.sha256, info.tasks, info.parameters) == (entry.sha256, entry.tasks, entry.parameters)
    assert all(torch.isfinite(tensor).all() for tensor in loaded.state_dict().values())
    assert (registry.FOLDER / entry.file).stat().st_size <= 16e6
