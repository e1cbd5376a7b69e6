"""MoCE-IR: Complexity Experts are Task-Discriminative Learners for Any Image Restoration (Zamfir et al., CVPR 2025)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.rivals import blocks as parts
from benchmarks.rivals.blocks import GDFN, MDTA, CrossMDTA, LayerNorm2d, conv

__all__ = ["MoCEIR"]

EXPERTS = 4
"""Complexity experts of every layer, of which one is chosen."""

NOISE = 1.0 / EXPERTS
"""Standard deviation of the noise on the gating logits in training."""


class SpectralAttention(nn.Module):
    """Convolves queries and keys with each other within windows, in the Fourier domain; values gate the result."""

    def __init__(self, channels: int, window: int) -> None:
        super().__init__()
        self.window = window
        self.query = nn.Sequential(conv(channels, channels, 1, bias=False), conv(channels, channels, groups=channels))
        self.both = nn.Sequential(
            conv(channels, 2 * channels, 1, bias=False), conv(2 * channels, 2 * channels, 7, groups=2 * channels)
        )
        self.norm = LayerNorm2d(channels)
        self.project = conv(channels, channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Same shape."""
        key, value = self.both(features).chunk(2, 1)
        height, width = features.shape[-2:]
        query, key = (self.windows(one.float()) for one in (self.query(features), key))
        product = torch.fft.rfft2(query) * torch.fft.rfft2(key)
        mixed = torch.fft.irfft2(product, query.shape[-2:]).transpose(3, 4).flatten(4, 5).flatten(2, 3)
        attended: Tensor = self.project(self.norm(mixed[..., :height, :width].to(value.dtype)) * value)
        return attended

    def windows(self, features: Tensor) -> Tensor:
        """``(batch, channel, row, column, y, x)``, padded with zeros to whole windows."""
        side = self.window
        batch, channels, height, width = features.shape
        side, rows, columns = self.window, -(-height // self.window), -(-width // self.window)
        padded = functional.pad(features, (0, columns * side - width, 0, rows * side - height))
        return padded.reshape(batch, channels, rows, side, columns, side).transpose(3, 4)


class Expert(nn.Module):
    """One complexity expert: spectral attention at its own rank, gated by the features of the shared path."""

    def __init__(self, channels: int, rank: int, window: int) -> None:
        super().__init__()
        self.down, self.gate = conv(channels, rank, 1, bias=False), conv(channels, rank, 1, bias=False)
        self.attention = SpectralAttention(rank, window)
        self.up = conv(rank, channels, 1, bias=False)

    def forward(self, features: Tensor, shared: Tensor) -> Tensor:
        """Same shape as both inputs."""
        changed: Tensor = self.up(self.attention(self.down(features)) * functional.silu(self.gate(shared)))
        return features + changed


class Mixture(nn.Module):
    """Experts of growing rank and window, one of which processes each image; the loss favours the cheap ones."""

    cost: Tensor

    def __init__(self, channels: int, spectrum: int) -> None:
        super().__init__()
        self.experts = nn.ModuleList(
            Expert(channels, channels >> (EXPERTS - 1 - index), 4 << index) for index in range(EXPERTS)
        )
        self.by_content = nn.Linear(channels, EXPERTS, bias=False)
        self.by_spectrum = nn.Linear(spectrum, EXPERTS, bias=False)
        self.project = conv(channels, channels, 1, bias=False)
        sizes = torch.tensor([float(sum(one.numel() for one in expert.parameters())) for expert in self.experts])
        self.register_buffer("cost", sizes / sizes.max(), persistent=False)

    def forward(self, features: Tensor, shared: Tensor, spectrum: Tensor) -> tuple[Tensor, Tensor]:
        """The mixture, and the loss on the choice: variation of the experts' use, with importance weighted by cost."""
        logits = (self.by_content(features.mean((-2, -1))) + self.by_spectrum(spectrum)).float()
        noisy = logits + NOISE * torch.randn_like(logits) if self.training else logits
        weight, chosen = noisy.softmax(-1).max(-1)
        mixed = torch.zeros_like(features)
        for index, expert in enumerate(self.experts):
            rows = torch.nonzero(chosen == index).flatten()
            if len(rows):
                mixed = mixed.index_copy(0, rows, expert(features[rows], shared[rows]).to(mixed.dtype))
        return self.project(mixed * weight[:, None, None, None].to(mixed.dtype)), self.balance(logits, noisy)

    def balance(self, logits: Tensor, noisy: Tensor) -> Tensor:
        """Mean of the squared coefficients of variation of importance and of load (Shazeer et al., ICLR 2017)."""
        needed = (noisy.amax(-1, keepdim=True) - logits) / NOISE
        load = (1 - 0.5 * (1 + torch.erf(needed / 2**0.5))).mean(0)
        importance = logits.softmax(-1).sum(0) * self.cost
        return 0.5 * _variation(importance) + 0.5 * _variation(load)


class MixtureBlock(nn.Module):
    """Decoder block: shared attention, a mixture of experts beside it, and cross attention that joins the two."""

    def __init__(self, channels: int, heads: int, expansion: float, spectrum: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([LayerNorm2d(channels), LayerNorm2d(channels)])
        self.to_shared, self.to_mixture = conv(channels, channels, 1), conv(channels, channels, 1)
        self.shared = MDTA(channels, heads)
        self.mixture = Mixture(channels, spectrum)
        self.join = CrossMDTA(channels, heads, 7)
        self.feed_forward = GDFN(channels, expansion)

    def forward(self, features: Tensor, spectrum: Tensor) -> tuple[Tensor, Tensor]:
        """The features, and the loss of the mixture's choice."""
        normalised = self.norms[0](features)
        shared = self.shared(self.to_shared(normalised))
        mixed, loss = self.mixture(self.to_mixture(normalised), shared, spectrum)
        features = features + self.join(mixed, shared)
        return features + self.feed_forward(self.norms[1](features)), loss


class MoCEIR(nn.Module):
    """Restormer's encoder with a decoder of mixture blocks; the input is added at the end."""

    multiple = 8

    def __init__(
        self,
        bands: tuple[int, int] = (3, 3),
        width: int = 48,
        blocks: Sequence[int] = (4, 6, 6, 8),
        decoder: Sequence[int] = (2, 4, 4),
        refinement: int = 4,
        expansion: float = 2.0,
        heads: Sequence[int] = (1, 2, 4, 8),
    ) -> None:
        """The defaults are the paper's: 25.4 M parameters; its small version has a width of 32 and 11.5 M.

        Args:
            bands: numbers of channels in and out.
            width: channels at full resolution; twice as many on every coarser level.
            blocks: transformer blocks of the encoder's levels, finest first.
            decoder: mixture blocks of the decoder's levels, finest first.
            refinement: transformer blocks after the decoder.
            expansion: how many times wider the feed-forward networks are.
            heads: heads of attention on each level.
        """
        super().__init__()
        widths = [width << level for level in range(4)]
        inputs, self.outputs = bands
        self.embed = conv(inputs, width, bias=False)
        self.encoders = nn.ModuleList(
            parts.transformer_blocks(*level, expansion, bias=True) for level in zip(blocks, widths, heads, strict=True)
        )
        self.downs = nn.ModuleList(parts.downsample(wide) for wide in widths[:3])
        self.ups = nn.ModuleList(parts.upsample(wide) for wide in widths[:0:-1])
        self.merges = nn.ModuleList(conv(2 * wide, wide, 1, bias=False) for wide in widths[2::-1])
        self.decoders = nn.ModuleList(
            nn.ModuleList(
                MixtureBlock(widths[level], heads[level], expansion, widths[3]) for _ in range(decoder[level])
            )
            for level in (2, 1, 0)
        )
        self.sharpen = conv(widths[3], widths[3], bias=False, groups=widths[3])
        self.spectrum = nn.Sequential(
            nn.Linear(widths[3], 2 * widths[3]), nn.GELU(), nn.Linear(2 * widths[3], widths[3])
        )
        self.refine = parts.transformer_blocks(refinement, width, heads[0], expansion, bias=True)
        self.head = parts.last(width, self.outputs, bias=False)
        with torch.no_grad():
            # Initially a high-pass filter, so that experts are chosen by the amount of detail.
            self.sharpen.weight.fill_(-1)
            self.sharpen.weight[:, :, 1, 1] = 8

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """``(batch, band, y, x)`` restored, and the mean loss of the mixtures; sides are multiples of ``multiple``."""
        features = self.embed(image)
        skips, losses = [], []
        for encode, down in zip(self.encoders, self.downs, strict=False):
            skips.append(encode(features))
            features = down(skips[-1])
        features = self.encoders[3](features)
        spectrum = self.spectrum(functional.gelu(self.sharpen(features)).mean((-2, -1)))
        for up, merge, decoder in zip(self.ups, self.merges, self.decoders, strict=True):
            features = merge(torch.cat((up(features), skips.pop()), 1))
            for block in decoder.children():
                features, loss = block(features, spectrum)
                losses.append(loss)
        return self.head(self.refine(features)) + image[:, : self.outputs], torch.stack(losses).mean()


def _variation(amounts: Tensor) -> Tensor:
    """Squared coefficient of variation."""
    return (amounts.std() / (amounts.mean() + 1e-8)) ** 2
