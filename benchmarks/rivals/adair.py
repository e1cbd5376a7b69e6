"""AdaIR: Adaptive All-in-One Image Restoration via Frequency Mining and Modulation (Cui et al., ICLR 2025)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.rivals.blocks import CrossMDTA, conv
from benchmarks.rivals.ushape import UShape

__all__ = ["AdaIR"]


class Mined(nn.Module):
    """Adaptive frequency learning block, figure 2: the image's low and high frequencies guide the features.

    The published mask is binary, so that no gradient reaches the layers that set its size, and it covers less than
    1/128 of the frequencies, which is none in a patch of 64 pixels. Here its edge is one frequency wide, and it may be
    larger: neither needs a parameter.
    """

    LARGEST = 1 / 8
    """Largest half side of the square of low frequencies, in cycles per pixel."""

    FEWEST = 4
    """Smallest number of features between pooled channels and their weights: a single one may die in small networks."""

    def __init__(self, bands: int, channels: int, heads: int) -> None:
        super().__init__()
        fewer = max(self.FEWEST, channels // 16)
        self.embed = conv(bands, channels, bias=False)
        self.extent = nn.Sequential(
            conv(channels, channels // 8, 1, bias=False), nn.GELU(), conv(channels // 8, 2, 1, bias=False)
        )
        self.mine_low, self.mine_high, self.merge = (CrossMDTA(channels, heads) for _ in range(3))
        self.to_low = conv(2, 1, 7)
        self.to_high = nn.Sequential(
            conv(channels, fewer, 1, bias=False), nn.ReLU(), conv(fewer, channels, 1, bias=False)
        )
        self.project = conv(channels, channels, 1)
        self.old, self.new = nn.Parameter(torch.ones(channels, 1, 1)), nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, features: Tensor, image: Tensor) -> Tensor:
        """Same shape as ``features``."""
        low, high = self.split(functional.interpolate(image, features.shape[-2:], mode="bilinear"))
        low, high = self.mine_low(low.to(features.dtype), features), self.mine_high(high.to(features.dtype), features)
        # High frequencies give the spatial weights of the low ones, low ones the channel weights of the high ones.
        place = self.to_low(torch.cat((high.mean(1, keepdim=True), high.amax(1, keepdim=True)), 1)).sigmoid()
        pooled = low.mean((-2, -1), keepdim=True), low.amax((-2, -1), keepdim=True)
        channel = (self.to_high(pooled[0]) + self.to_high(pooled[1])).sigmoid()
        modulated = self.project(low * place + high * channel)
        merged: Tensor = self.merge(features, modulated)
        return features * self.old + merged * self.new

    def split(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Magnitudes of the low and of the high frequencies of the embedded image, float32."""
        embedded = self.embed(image).float()
        height, width = embedded.shape[-2:]
        extent = self.extent(embedded.mean((-2, -1), keepdim=True)).float().sigmoid() * self.LARGEST
        mask = _within(height, extent[:, 0:1])[..., None] * _within(width, extent[:, 1:2])[..., None, :]
        spectrum = torch.fft.fft2(embedded)
        low, high = torch.fft.ifft2(spectrum * mask), torch.fft.ifft2(spectrum * (1 - mask))
        return low.abs(), high.abs()


def _within(size: int, extent: Tensor) -> Tensor:
    """``(batch, 1, size)``: 1 for frequencies below ``extent`` in cycles per pixel, with an edge one frequency wide."""
    frequency = torch.fft.fftfreq(size, device=extent.device).abs()
    within: Tensor = ((extent[..., 0] - frequency) * size + 1).clamp(0, 1)
    return within


class AdaIR(UShape):
    """Restormer with an adaptive frequency learning block before every upsampling."""

    def __init__(
        self,
        bands: tuple[int, int] = (3, 3),
        width: int = 48,
        blocks: tuple[int, int, int, int] = (4, 6, 6, 8),
        refinement: int = 4,
        heads: tuple[int, int, int, int] = (1, 2, 4, 8),
    ) -> None:
        """The defaults are the paper's: 28.8 M parameters."""
        bridges = [Mined(bands[0], width << level, heads[level]) for level in (3, 2, 1)]
        super().__init__(bands, width, blocks, refinement, bridges, heads=heads)
