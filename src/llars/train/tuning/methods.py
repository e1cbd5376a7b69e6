"""The changes to the network that each tuning method trains; at the start they have no effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from llars.model.align import Alignment
from llars.model.condition import InstructionEncoder
from llars.model.experts import AttentionExperts, ChannelExperts
from llars.model.network import Network
from llars.weights.adapters import Change

__all__ = ["LOW_RANK", "expert_axes", "initial_changes", "words_key"]

LOW_RANK = frozenset({"lora", "dora", "bottleneck"})
"""Methods that have a rank."""

KEY_RIDGE = 1e-2
"""Ridge that keeps the key to the user's sentences small, so that unseen sentences respond little to it."""

Changes = dict[str, Change]


def expert_axes(network: Network) -> dict[str, int]:
    """The axis along which a tensor holds one entry per expert, for all tensors that have one.

    Found by building the network with one more expert, so that no names of tensors are needed here.
    """
    with torch.random.fork_rng():
        larger = Network(replace(network.config, experts=network.config.experts + 1)).state_dict()
    axes = {}
    for name, tensor in network.state_dict().items():
        changed_axes = [
            axis for axis, (old, new) in enumerate(zip(tensor.shape, larger[name].shape, strict=True)) if old != new
        ]
        if changed_axes:
            axes[name] = changed_axes[0]
    return axes


def initial_changes(method: str, rank: int, network: Network, generator: torch.Generator, key: Tensor) -> Changes:
    """The initial changes of a method; not for ``experts``, whose changes depend on the data.

    Args:
        method: one of ``METHODS``.
        rank: rank of the low-rank methods.
        network: the base network.
        generator: source of the random numbers.
        key: result of ``words_key``, used by ``prompt``.
    """
    parameters = dict(network.named_parameters())
    if method == "prompt":
        return _prompt(network, key)
    if method == "bottleneck":
        return _bottlenecks(network, rank, generator)
    if method == "bitfit":
        return {name: _whole(value) for name, value in parameters.items() if value.ndim == 1}
    if method == "full":
        return {name: _whole(value) for name, value in parameters.items()}
    axes = expert_axes(network)
    build: dict[str, Callable[[str, Tensor], Change | None]] = {
        "lora": lambda name, value: _low_rank(value, axes.get(name), rank, generator, directed=False),
        "dora": lambda name, value: _low_rank(value, axes.get(name), rank, generator, directed=True),
        "ssf": lambda name, value: _scale(value, axes.get(name)),
    }
    built = {name: build[method](name, value) for name, value in parameters.items()}
    return {name: change for name, change in built.items() if change is not None}


def _trained(value: Tensor) -> Tensor:
    return value.requires_grad_()


def _whole(value: Tensor) -> Change:
    return Change("add", {"value": _trained(torch.zeros_like(value, memory_format=torch.contiguous_format))})


def _matrix(value: Tensor, axis: int | None) -> tuple[tuple[int, ...], int, int]:
    """Views a tensor as a stack of matrices, one per expert: the stack's shape, rows, columns."""
    # Where each expert has a single vector (the rows of a gate), the experts are the rows of one matrix.
    lead = 0 if axis is None or value.ndim - axis < 3 else axis + 1
    rows = value.shape[lead]
    return tuple(value.shape[:lead]), rows, value[(0,) * lead].numel() // rows


def _low_rank(value: Tensor, axis: int | None, rank: int, generator: torch.Generator, directed: bool) -> Change | None:
    """A low-rank change; None for vectors, and the full tensor where it is no larger than the two factors."""
    if value.ndim < 2:
        return None
    stack, rows, columns = _matrix(value, axis)
    if rank * (rows + columns) >= rows * columns:
        return _whole(value)
    down = torch.randn(*stack, rank, columns, generator=generator) * columns**-0.5
    parts = {"up": _trained(torch.zeros(*stack, rows, rank)), "down": _trained(down)}
    if directed:
        parts["magnitude"] = _trained(torch.zeros(*stack, rows))
    return Change("directed" if directed else "low_rank", parts)


def _scale(value: Tensor, axis: int | None) -> Change | None:
    """A scale for every row of a matrix; a shift for a vector."""
    if value.ndim == 1:
        return _whole(value)
    stack, rows, _ = _matrix(value, axis)
    return Change("scale", {"value": _trained(torch.zeros(*stack, rows))})


def _bottlenecks(network: Network, rank: int, generator: torch.Generator) -> Changes:
    """A linear bottleneck after every layer that mixes channels, experts included; weight and bias share it."""
    changes: Changes = {}
    for stem, module in network.named_modules():
        tensors: Mapping[str, int]
        if isinstance(module, nn.Linear) or (isinstance(module, nn.Conv2d) and module.groups == 1):
            tensors = {name: 0 for name, _ in module.named_parameters()}
        elif isinstance(module, ChannelExperts):
            tensors = {"shared": 0, "experts": 1, "bias": 0}
        elif isinstance(module, AttentionExperts):
            tensors = {"project": 0}
        else:
            continue
        first = getattr(module, next(iter(tensors)))
        rows = first.shape[0]
        if 2 * rank * rows >= first.numel():
            continue
        down = torch.randn(rank, rows, generator=generator) * rows**-0.5
        parts = {"up": _trained(torch.zeros(rows, rank)), "down": _trained(down)}
        changes |= {f"{stem}.{name}": Change("after", parts, axis, stem) for name, axis in tensors.items()}
    return changes


def _prompt(network: Network, key: Tensor) -> Changes:
    """A vector added to the user's instruction, and a change to the slots."""
    reading = next(module for module in network.modules() if isinstance(module, InstructionEncoder))
    alignment = next(module for module in network.modules() if isinstance(module, Alignment))
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    weight = next(reading.layers.parameters())
    return {
        names[id(weight)]: Change("words", {"vector": _trained(torch.zeros(weight.shape[1])), "words": key}),
        names[id(alignment.slots)]: _whole(alignment.slots),
    }


def words_key(own: Tensor, others: Tensor) -> Tensor:
    """The vector whose dot product with the user's sentences is about 1, and with those of other tasks about 0.

    Args:
        own: ``(n, 384)`` sentence vectors that ask for the user's task.
        others: ``(m, 384)`` sentence vectors that ask for other tasks.
    """
    vectors = torch.cat((own, others)).double()
    responses = torch.cat((torch.ones(len(own)), torch.zeros(len(others)))).double()
    gram = vectors @ vectors.T + KEY_RIDGE * torch.eye(len(vectors), dtype=torch.float64)
    key: Tensor = vectors.T @ torch.linalg.solve(gram, responses)
    return key.float()
