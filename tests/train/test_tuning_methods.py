"""Every way of tuning starts where the base is, and learns."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from llars.model.network import Network
from llars.train.tuning import trainer
from llars.train.tuning.batches import Batches, Words
from llars.train.tuning.config import METHODS, settings
from llars.train.tuning.examples import read_examples
from llars.train.tuning.tune import _changes
from llars.train.validation import restore
from llars.weights.registry import load_network

QUICK = {"task": "denoise", "steps": 40, "batch_size": 2, "patch": 32, "rank": 2, "keep": 0.0}
Pairs = Callable[..., dict[str, Path]]


def initial_pair(method: str, given: dict[str, Any]) -> tuple[trainer.Tuner, Network]:
    """A run before its first step, and its base."""
    config = settings(None, {**QUICK, "out": "x.safetensors", "method": method, **given})
    network, info = load_network(config.base)
    examples, _ = read_examples(config)
    words = Words(config, info.tasks, [1])
    batches = Batches(examples, config, words, network.multiple)
    return trainer.Tuner(config, network, _changes(config, network, words, batches), batches), network


@pytest.mark.parametrize("method", METHODS)
def test_every_method_starts_where_the_base_is_and_learns(method: str, pairs: Pairs, moved_weights: Path) -> None:
    tuner, network = initial_pair(method, {**pairs(), "base": moved_weights})
    tuner.evaluation_network.load_state_dict(tuner.tensors())
    # What the base does to the faults of other tasks is done exactly alike; a twin expert shows in its own task only.
    other = tuner.batches.other(0)
    torch.testing.assert_close(restore(tuner.evaluation_network, other), restore(network, other), rtol=0, atol=1e-6)
    with torch.no_grad():
        before = tuner._loss(20).item()
    for _ in range(6):
        tuner.step = 20  # The same batch, at the full learning rate.
        tuner.train_step()
    with torch.no_grad():
        assert tuner._loss(20).item() < before


def test_expert_tensors_are_adapted_by_low_rank_methods(pairs: Pairs, moved_weights: Path) -> None:
    for method in ("lora", "dora", "ssf"):
        tuner, _ = initial_pair(method, {**pairs(), "base": moved_weights})
        names = {name.rpartition(".")[2] for name in tuner.changes}
        assert {"kernels", "experts", "down", "up", "query", "key"} <= names


def test_tensors_without_a_part_in_the_output_are_left_out(pairs: Pairs, moved_weights: Path) -> None:
    tuner, network = initial_pair("full", {**pairs(), "base": moved_weights})
    left = set(network.state_dict()) - set(tuner.changes)
    # No guides, and nothing here learns to diagnose.
    assert {"guides.basis", "scene.faults.weight"} <= left
    assert "stem.weight" in tuner.changes
