"""One more expert behind every gate: a copy ("twin") of an existing expert, chosen in its place for the user's images.

As the new expert is a copy, tuning starts from what the network does already. The gate's new row is that of the copied
expert plus a linear discriminant (Fisher, 1936) between the conditions of the user's images and those of other tasks:
where the discriminant is negative, the old expert ranks before the new one, and the network behaves as before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

from llars.model.blocks import Block
from llars.model.gating import Gate
from llars.model.network import Network
from llars.sample import Batch
from llars.train.tuning.methods import Changes, expert_axes
from llars.train.validation import restore
from llars.weights.adapters import Change

__all__ = ["appended_experts"]

MARGIN = 0.05
"""Difference of the added logit between the means of the two classes; a small one, as it also shifts the weights."""

RIDGE = 0.1
"""Shrinkage of the pooled covariance, in units of its mean variance: there are few samples and many features."""


def appended_experts(network: Network, own: Iterable[Batch], others: Iterable[Batch]) -> Changes:
    """The appended experts and gate rows, as changes to train.

    Args:
        network: the base network, in evaluation mode.
        own: batches of the user's images.
        others: batches of other tasks; without any, the user's conditions are discriminated from zero.
    """
    own_conditions = _conditions(network, own)
    other_conditions = _conditions(network, others) if (others := list(others)) else torch.zeros_like(own_conditions)
    direction, offset = _discriminant(own_conditions, other_conditions)
    axes = expert_axes(network)
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    changes: Changes = {}
    for gate, experts in _gates_with_experts(network):
        source_expert = _least_ranked_choice(gate, own_conditions)
        for parameter in (*gate.parameters(), *experts.parameters()):
            name = names[id(parameter)]
            if name not in axes:
                continue
            rows = parameter.detach().select(axes[name], source_expert).unsqueeze(axes[name]).clone()
            if parameter is gate.clean.weight:
                rows += MARGIN * direction
            elif parameter is gate.clean.bias:
                rows -= MARGIN * offset
            changes[name] = Change("append", {"rows": rows.requires_grad_()}, axes[name])
    return changes


def _gates_with_experts(network: Network) -> Iterator[tuple[Gate, nn.Module]]:
    """Every gate with the module of the experts behind it."""
    for block in network.modules():
        if isinstance(block, Block):
            for kind, gate in block.gates.items():
                assert isinstance(gate, Gate)
                yield gate, getattr(block, kind)


def _conditions(network: Network, batches: Iterable[Batch]) -> Tensor:
    """``(sample, feature)``: the condition vectors that the gates receive."""
    vectors: list[Tensor] = []
    gate = next(module for module in network.modules() if isinstance(module, Gate))
    hook = gate.register_forward_pre_hook(lambda _, inputs: vectors.append(inputs[0].detach().float()))
    try:
        for batch in batches:
            restore(network, batch)
    finally:
        hook.remove()
    return torch.cat(vectors)


def _discriminant(own: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """Weights and offset of the discriminant: +0.5 at the mean of ``own``, -0.5 at that of ``other``."""
    centred = torch.cat((own - own.mean(0), other - other.mean(0)))
    spread = centred.T @ centred / len(centred)
    spread = spread + RIDGE * (spread.diagonal().mean() + 1e-6) * torch.eye(len(spread))
    between = own.mean(0) - other.mean(0)
    weights = torch.linalg.solve(spread, between)
    weights = weights / (weights @ between).clamp_min(1e-6)
    return weights, weights @ (own.mean(0) + other.mean(0)) / 2


def _least_ranked_choice(gate: Gate, conditions: Tensor) -> int:
    """The expert that is most often the lowest-ranked of the ``top_k`` chosen."""
    last = gate.clean(conditions).topk(gate.top_k, dim=-1).indices[:, -1]
    return int(last.bincount().argmax())
