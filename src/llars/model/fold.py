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
from llars.model.output import PLANES, Output, assemble
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

    def forward(self, image: Float[Tensor, "1 band y x"]) -> Output:
        """Restores a normalised tile; height and width are multiples of the network's ``multiple``."""
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
def fold(network: Network, conditions: Conditions, uncertainty: bool) -> DenseNetwork:
    """Merges the plan into stem and head, and the experts into each block's two convolutions."""
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
    stem = fold_stem(network.stem, plan.to_slots[0])
    head = fold_head(network.head, plan.to_bands[0, : conditions.direct.targets], PLANES if uncertainty else PLANES - 1)
    dense = DenseNetwork(stem, copy.deepcopy(network.strips), shape, head, conditions.direct)
    return dense.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload, no-any-return]


def fold_stem(stem: nn.Conv2d, to_slots: Float[Tensor, "slot band"]) -> nn.Conv2d:
    """The stem on bands instead of slots."""
    slots, bands = to_slots.shape
    weight = stem.weight.view(stem.out_channels, slots, 4, 3, 3)
    folded = nn.Conv2d(4 * bands, stem.out_channels, 3, padding=1).to(stem.weight)
    folded.weight.copy_(torch.einsum("oksyx,kc->ocsyx", weight, to_slots).reshape(folded.weight.shape))
    folded.bias.copy_(stem.bias)  # type: ignore[union-attr, arg-type]
    return folded


def fold_head(head: nn.Conv2d, to_bands: Float[Tensor, "band slot"], planes: int) -> nn.Conv2d:
    """The head for bands instead of slots, its first ``planes`` outputs plane by plane."""
    bands, slots = to_bands.shape
    folded = nn.Conv2d(head.in_channels, planes * 4 * bands, 1).to(head.weight)
    for name in ("weight", "bias"):
        by_slot = getattr(head, name).view(slots, PLANES, 4, -1)[:, :planes]
        carried = torch.einsum("ck,kpsf->pcsf", to_bands, by_slot)
        getattr(folded, name).copy_(carried.reshape(getattr(folded, name).shape))
    return folded
