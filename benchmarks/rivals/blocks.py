"""Blocks that several rivals share: of Restormer (Zamir et al., CVPR 2022) and of NAFNet (Chen et al., ECCV 2022).

All inputs and outputs are ``(batch, channel, y, x)``.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = [
    "GDFN",
    "MDTA",
    "CrossMDTA",
    "LayerNorm2d",
    "NAFBlock",
    "TransformerBlock",
    "conv",
    "downsample",
    "last",
    "transformer_blocks",
    "upsample",
]


def conv(inputs: int, outputs: int, side: int = 3, *, bias: bool = True, groups: int = 1) -> nn.Conv2d:
    """A convolution that keeps the size of the image."""
    return nn.Conv2d(inputs, outputs, side, padding=side // 2, bias=bias, groups=groups)


def last(inputs: int, outputs: int, *, bias: bool = True) -> nn.Conv2d:
    """The convolution whose output is added to the image, initialised to zero.

    So the network initially changes nothing, like llars. The papers initialise it randomly, which is negligible in
    their hundreds of thousands of steps, but not in a short contest.
    """
    layer = conv(inputs, outputs, bias=bias)
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


class LayerNorm2d(nn.LayerNorm):
    """Layer norm over the channels of every pixel."""

    def forward(self, image: Tensor) -> Tensor:
        """Normalised, same shape."""
        return super().forward(image.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def transposed_attention(query: Tensor, key: Tensor, value: Tensor, temperature: Tensor) -> Tensor:
    """Attention between channels, with one map of channels by channels for each head; temperatures ``(head, 1, 1)``.

    Restormer, equation 1: its cost is linear in the number of pixels. Queries and keys are normalised to unit length.
    """
    batch, channels, height, width = query.shape
    heads = len(temperature)
    query, key, value = (one.reshape(batch, heads, channels // heads, height * width) for one in (query, key, value))
    scores = functional.normalize(query, dim=-1) @ functional.normalize(key, dim=-1).transpose(-2, -1)
    return ((scores * temperature).softmax(-1) @ value).reshape(batch, channels, height, width)


class MDTA(nn.Module):
    """Multi-Dconv head transposed attention (Restormer, section 3.1)."""

    def __init__(self, channels: int, heads: int, bias: bool = False) -> None:
        super().__init__()
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.expand = nn.Sequential(
            conv(channels, 3 * channels, 1, bias=bias),
            conv(3 * channels, 3 * channels, 3, bias=bias, groups=3 * channels),
        )
        self.project = conv(channels, channels, 1, bias=bias)

    def forward(self, image: Tensor) -> Tensor:
        """The result of the attention, same shape."""
        query, key, value = self.expand(image).chunk(3, 1)
        attended: Tensor = self.project(transposed_attention(query, key, value, self.temperature))
        return attended


class CrossMDTA(nn.Module):
    """Transposed attention with queries from one image, and keys and values from another."""

    def __init__(self, channels: int, heads: int, side: int = 3) -> None:
        """``side`` is the kernel size of the depth-wise convolution of keys and values."""
        super().__init__()
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.query = nn.Sequential(
            conv(channels, channels, 1, bias=False), conv(channels, channels, bias=False, groups=channels)
        )
        self.both = nn.Sequential(
            conv(channels, 2 * channels, 1, bias=False),
            conv(2 * channels, 2 * channels, side, bias=False, groups=2 * channels),
        )
        self.project = conv(channels, channels, 1, bias=False)

    def forward(self, asks: Tensor, answers: Tensor) -> Tensor:
        """Attention with queries from ``asks``, and keys and values from ``answers``; all of the same shape."""
        key, value = self.both(answers).chunk(2, 1)
        attended: Tensor = self.project(transposed_attention(self.query(asks), key, value, self.temperature))
        return attended


class GDFN(nn.Module):
    """Gated-Dconv feed-forward network (Restormer, section 3.2)."""

    def __init__(self, channels: int, expansion: float = 2.66, bias: bool = False) -> None:
        super().__init__()
        hidden = int(channels * expansion)
        self.expand = nn.Sequential(
            conv(channels, 2 * hidden, 1, bias=bias), conv(2 * hidden, 2 * hidden, bias=bias, groups=2 * hidden)
        )
        self.project = conv(hidden, channels, 1, bias=bias)

    def forward(self, image: Tensor) -> Tensor:
        """Same shape."""
        gate, value = self.expand(image).chunk(2, 1)
        passed: Tensor = self.project(functional.gelu(gate) * value)
        return passed


class TransformerBlock(nn.Module):
    """MDTA, then GDFN, each on normalised features and with a residual connection."""

    def __init__(self, channels: int, heads: int, expansion: float = 2.66, bias: bool = False) -> None:
        super().__init__()
        self.norms = nn.ModuleList([LayerNorm2d(channels), LayerNorm2d(channels)])
        self.attention = MDTA(channels, heads, bias)
        self.feed_forward = GDFN(channels, expansion, bias)

    def forward(self, image: Tensor) -> Tensor:
        """Same shape."""
        image = image + self.attention(self.norms[0](image))
        passed: Tensor = image + self.feed_forward(self.norms[1](image))
        return passed


def transformer_blocks(
    count: int, channels: int, heads: int, expansion: float = 2.66, bias: bool = False
) -> nn.Sequential:
    """Several transformer blocks in sequence."""
    return nn.Sequential(*(TransformerBlock(channels, heads, expansion, bias) for _ in range(count)))


def downsample(channels: int) -> nn.Sequential:
    """Half the size and twice the channels."""
    return nn.Sequential(conv(channels, channels // 2, bias=False), nn.PixelUnshuffle(2))


def upsample(channels: int) -> nn.Sequential:
    """Twice the size and half the channels."""
    return nn.Sequential(conv(channels, 2 * channels, bias=False), nn.PixelShuffle(2))


class NAFBlock(nn.Module):
    """Block without nonlinear activations, which are replaced by products of halves (NAFNet, figure 3d)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([LayerNorm2d(channels), LayerNorm2d(channels)])
        self.expand = nn.Sequential(
            conv(channels, 2 * channels, 1), conv(2 * channels, 2 * channels, groups=2 * channels)
        )
        self.attention = nn.Sequential(nn.AdaptiveAvgPool2d(1), conv(channels, channels, 1))
        self.project = conv(channels, channels, 1)
        self.feed_in, self.feed_out = conv(channels, 2 * channels, 1), conv(channels, channels, 1)
        self.scales = nn.ParameterList([torch.zeros(1, channels, 1, 1), torch.zeros(1, channels, 1, 1)])

    def forward(self, image: Tensor) -> Tensor:
        """Same shape."""
        mixed = gate(self.expand(self.norms[0](image)))
        image = image + self.scales[0] * self.project(mixed * self.attention(mixed))
        fed: Tensor = image + self.scales[1] * self.feed_out(gate(self.feed_in(self.norms[1](image))))
        return fed


def gate(features: Tensor) -> Tensor:
    """Product of the two halves of the channels (SimpleGate)."""
    first, second = features.chunk(2, 1)
    return first * second
