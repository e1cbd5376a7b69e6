"""Route once, then fold: with gates fixed for the scene, every mixture is one plain convolution."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor, nn

from llars.model.backbone import UShape
from llars.model.condition import Conditions
from llars.model.direct import DirectPath
from llars.model.output import LOG_SCALE, PLANES, Output, assemble, planes_used
from llars.model.strips import Strips

if TYPE_CHECKING:
    from llars.model.network import Network

__all__ = ["DenseNetwork", "fold"]


class DenseNetwork(nn.Module):
    """One scene's network: plain convolutions, no gates, no experts, no transport."""

    def __init__(self, stem: nn.Conv2d, strips: Strips, shape: UShape, head: nn.Conv2d, direct: DirectPath) -> None:
        super().__init__()
        self.stem, self.strips, self.shape, self.head = stem, strips, shape, head
        self.direct = Held(direct.tensors())

    def forward(self, image: Float[Tensor, "1 channel y x"]) -> Output:
        """Restores a tile, with the channels that ``Network.forward`` takes."""
        image = image.contiguous(memory_format=torch.channels_last)
        features = self.shape(self.strips(self.stem(nn.functional.pixel_unshuffle(image, 2))))
        return assemble(image, self.head(features), DirectPath.of(dict(self.direct.named_buffers())))


class Held(nn.Module):
    """Tensors that a module takes along between devices."""

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        super().__init__()
        for name, tensor in tensors.items():
            self.register_buffer(name, tensor)


@torch.no_grad()
def fold(network: Network, conditions: Conditions, uncertainty: bool, trust: float = 1.0) -> DenseNetwork:
    """Merges the plan into stem and head, and the experts into each block's two convolutions.

    The dense network changes the target by a share ``trust`` of what ``network`` does.
    """
    plan, attention = conditions.plan, conditions.attention
    if attention is None or plan.mass.shape[0] != 1:
        raise ValueError("fold needs the conditions of one scene from a network in eval mode")
    trained = network.backbone.shape
    blocks = [
        block.fold(gates, matrix)
        for block, gates, matrix in zip(trained.blocks(), conditions.gates, attention, strict=True)
    ]
    shape = UShape(network.config, blocks).to(network.stem.weight)
    shape.down.load_state_dict(trained.down.state_dict())
    shape.up.load_state_dict(trained.up.state_dict())
    targets = conditions.direct.targets
    stem = fold_stem(network, plan.to_slots[0], targets if conditions.residual else 0)
    planes = planes_used(conditions.residual, uncertainty)
    head, direct = fold_head(network.head, plan.to_bands[0, :targets], planes, trust), conditions.direct
    if trust < 1.0:
        direct = direct.towards_target(trust)
    dense = DenseNetwork(stem, copy.deepcopy(network.strips), shape, head, direct)
    return dense.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload, no-any-return]


def fold_stem(network: Network, to_slots: Float[Tensor, "slot band"], residuals: int) -> nn.Conv2d:
    """Both stems on bands instead of slots, the second on the residuals of the first ``residuals`` bands."""
    slots, bands = to_slots.shape
    stem, width = network.stem, network.stem.out_channels
    folded = nn.Conv2d(4 * (bands + residuals), width, 3, padding=1).to(stem.weight)
    parts = [
        torch.einsum("oksyx,kc->ocsyx", part.weight.view(width, slots, 4, 3, 3), carried).reshape(width, -1, 3, 3)
        for part, carried in ((stem, to_slots), (network.residual_stem, to_slots[:, :residuals]))
    ]
    folded.weight.copy_(torch.cat(parts, 1))
    folded.bias.copy_(stem.bias)  # type: ignore[union-attr, arg-type]
    return folded


def fold_head(head: nn.Conv2d, to_bands: Float[Tensor, "band slot"], planes: list[int], trust: float) -> nn.Conv2d:
    """The head for bands instead of slots, the outputs of some ``planes`` one after the other.

    All but the log-scale are multiplied by ``trust``.
    """
    bands, slots = to_bands.shape
    folded = nn.Conv2d(head.in_channels, len(planes) * 4 * bands, 1).to(head.weight)
    shares = head.weight.new_tensor([1.0 if plane == LOG_SCALE else trust for plane in planes]).view(-1, 1, 1, 1)
    for name in ("weight", "bias"):
        by_slot = getattr(head, name).view(slots, PLANES, 4, -1)[:, planes]
        carried = shares * torch.einsum("ck,kpsf->pcsf", to_bands, by_slot)
        getattr(folded, name).copy_(carried.reshape(getattr(folded, name).shape))
    return folded
