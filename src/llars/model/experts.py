"""Three kinds of experts. Each mixes *weights* per scene, so that a mixture is one plain linear map.

Gates depend on the scene and the instruction, not on the pixel. So a weighted sum of linear experts is itself linear;
`matrix` or `kernel` returns it, for training (one per sample of the batch) and for folding alike.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["AttentionExperts", "ChannelExperts", "ConvolutionExperts", "mix_channels"]


def mix_channels(
    image: Float[Tensor, "batch input y x"], matrix: Float[Tensor, "batch output input"]
) -> Float[Tensor, "batch output y x"]:
    """A 1x1 convolution with weights of its own for each sample."""
    batch, channels, height, width = image.shape
    pixels = image.permute(0, 2, 3, 1).reshape(batch, height * width, channels)
    mixed = pixels @ matrix.transpose(-1, -2).to(pixels.dtype)
    return mixed.view(batch, height, width, -1).permute(0, 3, 1, 2)


class ConvolutionExperts(nn.Module):
    """Spatial patterns: 3x3 depthwise kernels beside a shared dense convolution."""

    def __init__(self, width: int, experts: int) -> None:
        super().__init__()
        self.kernels = nn.Parameter(torch.randn(experts, width, 3, 3) * 0.05)

    def kernel(self, gate: Float[Tensor, "batch expert"]) -> Float[Tensor, "batch channel 3 3"]:
        """The mixture's depthwise kernel for each sample."""
        return torch.einsum("be,ecyx->bcyx", gate, self.kernels)

    def forward(
        self, image: Float[Tensor, "batch channel y x"], gate: Float[Tensor, "batch expert"]
    ) -> Float[Tensor, "batch channel y x"]:
        batch, channels, height, width = image.shape
        kernel = self.kernel(gate).reshape(batch * channels, 1, 3, 3).to(image.dtype)
        stacked = image.reshape(1, batch * channels, height, width)
        filtered = nn.functional.conv2d(stacked, kernel, padding=1, groups=batch * channels)
        return filtered.view(batch, channels, height, width)


class ChannelExperts(nn.Module):
    """Spectral fidelity: 1x1 channel mixing, a shared matrix plus the experts'."""

    def __init__(self, width: int, experts: int) -> None:
        super().__init__()
        self.shared = nn.Parameter(torch.randn(width, width) * 0.2 * width**-0.5)
        self.experts = nn.Parameter(torch.randn(experts, width, width) * 0.1 * width**-0.5)
        self.bias = nn.Parameter(torch.zeros(width))

    def matrix(self, gate: Float[Tensor, "batch expert"]) -> Float[Tensor, "batch output input"]:
        """The mixture's matrix for each sample."""
        return self.shared + torch.einsum("be,eoi->boi", gate, self.experts)

    def forward(
        self, image: Float[Tensor, "batch channel y x"], gate: Float[Tensor, "batch expert"]
    ) -> Float[Tensor, "batch channel y x"]:
        return mix_channels(image, self.matrix(gate)) + self.bias.to(image.dtype)[:, None, None]


class AttentionExperts(nn.Module):
    """Global context: channel attention (Restormer, Zamir et al., 2022) with low-rank experts on queries and keys.

    Attention between channels needs only their second moments. They are computed over the sample windows of the whole
    scene, so one attention matrix serves all tiles and no tile borders appear.
    """

    def __init__(self, width: int, head_features: int, experts: int, rank: int) -> None:
        super().__init__()
        self.heads = width // head_features
        scale = width**-0.5
        self.query = nn.Parameter(torch.randn(width, width) * scale)
        self.key = nn.Parameter(torch.randn(width, width) * scale)
        self.value = nn.Parameter(torch.randn(width, width) * scale)
        self.project = nn.Parameter(torch.zeros(width, width))
        self.down = nn.Parameter(torch.randn(2, experts, rank, width) * scale)
        self.up = nn.Parameter(torch.zeros(2, experts, width, rank))
        self.temperature = nn.Parameter(torch.full((self.heads, 1, 1), 4.0))

    @staticmethod
    def moments(image: Float[Tensor, "batch channel y x"], windows: int) -> Float[Tensor, "scene channel channel"]:
        """Second moments of the channels over all pixels of each scene's ``windows`` consecutive samples."""
        batch, channels, height, width = image.shape
        pixels = image.permute(0, 2, 3, 1).reshape(batch // windows, windows * height * width, channels)
        return (pixels.transpose(-1, -2) @ pixels).float() / pixels.shape[1]

    def matrix(
        self, moments: Float[Tensor, "batch channel channel"], gate: Float[Tensor, "batch expert"]
    ) -> Float[Tensor, "batch channel channel"]:
        """Attention, values and projection as one matrix for each sample, in float32."""
        batch, width, _ = moments.shape
        by_head = (batch, self.heads, width // self.heads, width)
        adapters = torch.einsum("be,peor,peri->pboi", gate, self.up, self.down)
        query, key = self.query + adapters[0], self.key + adapters[1]
        query_moments, key_moments = query @ moments, key @ moments
        query_norm = (query_moments * query).sum(-1).clamp_min(1e-6).rsqrt()
        key_norm = (key_moments * key).sum(-1).clamp_min(1e-6).rsqrt()
        products = (query_moments * query_norm[..., None]).view(by_head) @ (
            (key * key_norm[..., None]).view(by_head).transpose(-1, -2)
        )
        attended = (products * self.temperature).softmax(-1) @ self.value.view(by_head[1:])
        return self.project @ attended.reshape(batch, width, width)
