"""Route once, then fold: with gates fixed for the scene, every mixture is one plain convolution."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from llars.model.backbone import Backbone, UShape
from llars.model.condition import Conditions
from llars.model.config import ModelConfig
from llars.model.filters import BandFilter
from llars.model.output import OUTPUTS_PER_BAND, PLANES, Output, assemble

__all__ = ["DenseNetwork", "fold"]


class DenseNetwork(nn.Module):
    """One scene's network: plain convolutions, no gates, no experts, no transport."""

    def __init__(self, stem: nn.Conv2d, shape: UShape, head: nn.Conv2d, filters: BandFilter) -> None:
        super().__init__()
        self.stem, self.shape, self.head = stem, shape, head
        self.kernel: Tensor
        self.shift: Tensor
        self.register_buffer("kernel", filters.kernel)
        self.register_buffer("shift", filters.shift)

    def forward(self, image: Float[Tensor, "1 band y x"]) -> Output:
        """Restores a normalised tile; height and width are multiples of the network's ``multiple``."""
        halves = nn.functional.pixel_unshuffle(image, 2).contiguous(memory_format=torch.channels_last)
        outputs = self.head(self.shape(self.stem(halves)))
        return assemble(
            image.contiguous(memory_format=torch.channels_last), outputs, BandFilter(self.kernel, self.shift)
        )


@torch.no_grad()
def fold(
    config: ModelConfig, stem: nn.Conv2d, backbone: Backbone, head: nn.Conv2d, conditions: Conditions
) -> DenseNetwork:
    """Composes the plan into stem and head, and the experts into each block's two convolutions."""
    plan, attention = conditions.plan, conditions.attention
    if attention is None or plan.mass.shape[0] != 1:
        raise ValueError("fold needs the conditions of one scene from a network in eval mode")
    blocks = [
        block.fold(gates, matrix)
        for block, gates, matrix in zip(backbone.shape.blocks(), conditions.gates, attention, strict=True)
    ]
    shape = UShape(config, blocks).to(stem.weight)
    shape.down.load_state_dict(backbone.shape.down.state_dict())
    shape.up.load_state_dict(backbone.shape.up.state_dict())
    dense = DenseNetwork(
        fold_stem(stem, plan.to_slots[0]), shape, fold_head(head, plan.to_bands[0]), conditions.filters
    )
    return dense.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload, no-any-return]


def fold_stem(stem: nn.Conv2d, to_slots: Float[Tensor, "slot band"]) -> nn.Conv2d:
    """The stem on bands instead of slots."""
    slots, bands = to_slots.shape
    weight = stem.weight.view(stem.out_channels, slots, 4, 3, 3)
    folded = nn.Conv2d(4 * bands, stem.out_channels, 3, padding=1).to(stem.weight)
    folded.weight.copy_(torch.einsum("oksyx,kc->ocsyx", weight, to_slots).reshape(folded.weight.shape))
    folded.bias.copy_(stem.bias)  # type: ignore[union-attr, arg-type]
    return folded


def fold_head(head: nn.Conv2d, to_bands: Float[Tensor, "band slot"]) -> nn.Conv2d:
    """The head for bands instead of slots, its outputs plane by plane."""
    bands, slots = to_bands.shape
    folded = nn.Conv2d(head.in_channels, OUTPUTS_PER_BAND * bands, 1).to(head.weight)
    for name in ("weight", "bias"):
        by_slot = getattr(head, name).view(slots, PLANES, 4, -1)
        getattr(folded, name).copy_(
            torch.einsum("ck,kpsf->pcsf", to_bands, by_slot).reshape(getattr(folded, name).shape)
        )
    return folded
