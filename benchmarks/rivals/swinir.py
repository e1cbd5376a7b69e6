"""SwinIR: Image Restoration Using Swin Transformer (Liang et al., ICCV workshops 2021)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.rivals.blocks import conv, last

__all__ = ["SwinIR"]

BIAS_WIDTH = 0.02
"""Standard deviation of the relative position biases at the start (Swin Transformer, Liu et al., 2021)."""


class WindowAttention(nn.Module):
    """Attention within windows, shifted by half a window in every second layer; ``(batch, y, x, channel)``."""

    offsets: Tensor

    def __init__(self, channels: int, heads: int, window: int, shift: int) -> None:
        super().__init__()
        self.heads, self.window, self.shift = heads, window, shift
        self.expand, self.project = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)
        self.biases = nn.Parameter(BIAS_WIDTH * torch.randn((2 * window - 1) ** 2, heads))
        place = torch.cartesian_prod(torch.arange(window), torch.arange(window))
        steps = place[:, None] - place[None] + window - 1
        self.register_buffer("offsets", steps[..., 0] * (2 * window - 1) + steps[..., 1], persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """Same shape."""
        batch, height, width, channels = image.shape
        side, heads = self.window, self.heads
        rows, columns = height // side, width // side
        if self.shift:
            image = image.roll((-self.shift, -self.shift), (1, 2))
        tokens = self.expand(image).view(batch, rows, side, columns, side, 3, heads, channels // heads)
        query, key, value = tokens.permute(5, 0, 1, 3, 6, 2, 4, 7).flatten(5, 6).unbind()
        mask = self.biases[self.offsets].permute(2, 0, 1).to(query.dtype)
        if self.shift:
            mask = mask + self.strangers(rows, columns).to(query)[:, :, None]
        attended = functional.scaled_dot_product_attention(query, key, value, mask.expand(rows, columns, -1, -1, -1))
        attended = attended.reshape(batch, rows, columns, heads, side, side, -1).permute(0, 1, 4, 2, 5, 3, 6)
        image = self.project(attended.reshape(batch, height, width, channels))
        return image.roll((self.shift, self.shift), (1, 2)) if self.shift else image

    def strangers(self, rows: int, columns: int) -> Tensor:
        """``(row, column, pixel, pixel)``: -100 between pixels that share a window only because of the shift."""
        side = self.window
        inside = torch.arange(side) >= side - self.shift
        below = (torch.arange(rows) == rows - 1)[:, None, None, None] & inside[:, None]
        in_last_column = (torch.arange(columns) == columns - 1)[:, None, None] & inside
        part = (2 * below + in_last_column).expand(rows, columns, side, side).flatten(2)
        return -100.0 * (part[..., :, None] != part[..., None, :])


class SwinLayer(nn.Module):
    """Attention, then a perceptron, each on normalised features and residual; ``(batch, y, x, channel)``."""

    def __init__(self, channels: int, heads: int, window: int, shift: int, expansion: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.LayerNorm(channels), nn.LayerNorm(channels)])
        self.attention = WindowAttention(channels, heads, window, shift)
        self.perceptron = nn.Sequential(
            nn.Linear(channels, expansion * channels), nn.GELU(), nn.Linear(expansion * channels, channels)
        )

    def forward(self, image: Tensor) -> Tensor:
        """Same shape."""
        image = image + self.attention(self.norms[0](image))
        passed: Tensor = image + self.perceptron(self.norms[1](image))
        return passed


class ResidualGroup(nn.Module):
    """Residual Swin transformer block, figure 2a: layers, a convolution, and the input added."""

    def __init__(self, channels: int, depth: int, heads: int, window: int, expansion: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(SwinLayer(channels, heads, window, window // 2 * (at % 2), expansion) for at in range(depth))
        )
        self.mix = conv(channels, channels)

    def forward(self, features: Tensor) -> Tensor:
        """``(batch, channel, y, x)``, same shape."""
        mixed: Tensor = self.mix(self.layers(features.permute(0, 2, 3, 1)).permute(0, 3, 1, 2))
        return features + mixed


class SwinIR(nn.Module):
    """Residual groups at full resolution; the input is added at the end."""

    def __init__(
        self,
        bands: tuple[int, int] = (3, 3),
        width: int = 180,
        depths: Sequence[int] = (6, 6, 6, 6, 6, 6),
        heads: int = 6,
        window: int = 8,
        expansion: int = 2,
    ) -> None:
        """The defaults are those of the paper's denoiser (section 4.1).

        Args:
            bands: numbers of channels in and out.
            width: channels of the features.
            depths: layers of each group.
            heads: heads of attention.
            window: side of the windows, in pixels.
            expansion: how many times wider the perceptrons are.
        """
        super().__init__()
        inputs, self.outputs = bands
        self.multiple = window
        self.embed, self.head = conv(inputs, width), last(width, self.outputs)
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.groups = nn.Sequential(*(ResidualGroup(width, depth, heads, window, expansion) for depth in depths))
        self.mix = conv(width, width)

    def forward(self, image: Tensor) -> Tensor:
        """``(batch, band, y, x)`` restored; sides are multiples of ``multiple``."""
        shallow = self.embed(image)
        deep = self.groups(self._normalised(0, shallow))
        restored: Tensor = self.head(shallow + self.mix(self._normalised(1, deep))) + image[:, : self.outputs]
        return restored

    def _normalised(self, index: int, features: Tensor) -> Tensor:
        normalised: Tensor = self.norms[index](features.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return normalised
