"""The block that the backbone is built of, and its dense form."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from llars.model.config import ModelConfig
from llars.model.experts import AttentionExperts, ChannelExperts, ConvolutionExperts, mix_channels
from llars.model.gating import Gate

__all__ = ["Block", "BlockGates", "DenseBlock"]


@dataclass(frozen=True)
class BlockGates:
    """Weights of each kind of expert in one block."""

    attention: Float[Tensor, "batch expert"]
    convolution: Float[Tensor, "batch expert"]
    channel: Float[Tensor, "batch expert"]


class DenseBlock(nn.Module):
    """A block whose mixtures are fixed: one 3x3 and one 1x1 convolution with a residual."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.spatial = nn.Conv2d(width, width, 3, padding=1)
        self.channel = nn.Conv2d(width, width, 1)

    def forward(self, image: Float[Tensor, "batch channel y x"]) -> Float[Tensor, "batch channel y x"]:
        change: Tensor = self.channel(nn.functional.relu(self.spatial(image)))
        return image + change


class Block(nn.Module):
    """Attention over channels, a 3x3 convolution, channel mixing: each with experts behind the same kind of gate."""

    def __init__(self, width: int, config: ModelConfig) -> None:
        super().__init__()
        self.gates = nn.ModuleDict(
            {
                kind: Gate(config.condition_features, config.experts, config.top_k)
                for kind in ("attention", "convolution", "channel")
            }
        )
        self.attention = AttentionExperts(width, config.head_features, config.experts, config.attention_rank)
        self.spatial = nn.Conv2d(width, width, 3, padding=1)
        self.convolution = ConvolutionExperts(width, config.experts)
        self.channel = ChannelExperts(width, config.experts)

    def route(self, condition: Float[Tensor, "batch feature"]) -> BlockGates:
        """Gates of this block."""
        return BlockGates(**{kind: gate(condition) for kind, gate in self.gates.items()})

    def attend(
        self, image: Float[Tensor, "sample channel y x"], gates: BlockGates, windows: int
    ) -> Float[Tensor, "scene channel channel"]:
        """The attention matrix of each scene, from the ``windows`` samples of it in ``image``."""
        with torch.autocast(image.device.type, enabled=False):
            return self.attention.matrix(self.attention.moments(image.float(), windows), gates.attention[::windows])

    def forward(
        self,
        image: Float[Tensor, "batch channel y x"],
        gates: BlockGates,
        attention: Float[Tensor, "batch channel channel"],
    ) -> Float[Tensor, "batch channel y x"]:
        attended = image + mix_channels(image, attention)
        patterns = nn.functional.relu(self.spatial(attended) + self.convolution(attended, gates.convolution))
        change: Tensor = self.channel(patterns, gates.channel)
        return image + change

    @torch.no_grad()
    def fold(self, gates: BlockGates, attention: Float[Tensor, "1 channel channel"]) -> DenseBlock:
        """The same mapping for one scene as plain convolutions."""
        width = self.spatial.out_channels
        dense = DenseBlock(width).to(self.spatial.weight)
        kernel = self.spatial.weight + torch.diag_embed(
            self.convolution.kernel(gates.convolution)[0].permute(1, 2, 0)
        ).permute(2, 3, 0, 1)
        identity = torch.eye(width, device=kernel.device)
        dense.spatial.weight.copy_(torch.einsum("ojyx,ji->oiyx", kernel, identity + attention[0]))
        dense.spatial.bias.copy_(self.spatial.bias)  # type: ignore[union-attr, arg-type]
        dense.channel.weight.copy_(self.channel.matrix(gates.channel)[0][..., None, None])
        dense.channel.bias.copy_(self.channel.bias)  # type: ignore[union-attr]
        return dense
