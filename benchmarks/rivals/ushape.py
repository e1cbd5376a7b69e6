"""The encoder and decoder of Restormer, into which PromptIR and AdaIR insert their own parts."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from benchmarks.rivals.blocks import conv, downsample, last, transformer_blocks, upsample

__all__ = ["Pass", "UShape"]


class Pass(nn.Module):
    """The identity bridge."""

    def forward(self, features: Tensor, image: Tensor) -> Tensor:  # noqa: ARG002 - other bridges look at the image
        """``features``."""
        return features


class UShape(nn.Module):
    """Restormer's figure 2: four levels of transformer blocks, skips, and refinement; the input is added at the end.

    Before each of the three upsamplings, coarsest first, there is a bridge, which gets the features and the image.
    """

    multiple = 8

    def __init__(
        self,
        bands: tuple[int, int] = (3, 3),
        width: int = 48,
        blocks: Sequence[int] = (4, 6, 6, 8),
        refinement: int = 4,
        bridges: Sequence[nn.Module] | None = None,
        bridged: Sequence[int] | None = None,
        heads: Sequence[int] = (1, 2, 4, 8),
    ) -> None:
        """Builds the network.

        Args:
            bands: numbers of channels in, the restored ones first, and out.
            width: channels at full resolution; twice as many on every coarser level.
            blocks: transformer blocks of the levels, finest first.
            refinement: transformer blocks after the decoder.
            bridges: three modules ``(features, image) -> features``; None: identity.
            bridged: output channels of the bridges; None: as many as their inputs.
            heads: heads of attention on each level.
        """
        super().__init__()
        widths = [width << level for level in range(4)]
        bridged = bridged or widths[:0:-1]
        inputs, self.outputs = bands
        self.embed = conv(inputs, width, bias=False)
        self.encoders = nn.ModuleList(
            transformer_blocks(blocks[level], widths[level], heads[level]) for level in range(4)
        )
        self.downs = nn.ModuleList(downsample(channels) for channels in widths[:3])
        self.bridges = nn.ModuleList(bridges or [Pass() for _ in range(3)])
        self.ups = nn.ModuleList(upsample(channels) for channels in bridged)
        # On the finest level skip and upsampled features stay concatenated, so the decoder is twice as wide there.
        decoded = [widths[2], widths[1], 2 * width]
        self.merges = nn.ModuleList(
            conv(bridged[0] // 2 + widths[2], decoded[0], 1, bias=False)
            if level == 2
            else conv(bridged[1] // 2 + widths[1], decoded[1], 1, bias=False)
            if level == 1
            else nn.Identity()
            for level in (2, 1, 0)
        )
        self.decoders = nn.ModuleList(
            transformer_blocks(blocks[level], channels, heads[level])
            for level, channels in zip((2, 1, 0), decoded, strict=True)
        )
        self.refine = transformer_blocks(refinement, 2 * width, heads[0])
        self.head = last(2 * width, self.outputs, bias=False)

    def forward(self, image: Tensor) -> Tensor:
        """``(batch, band, y, x)`` restored; sides are multiples of ``multiple``."""
        features = self.embed(image)
        skips = []
        for encoder, down in zip(self.encoders, self.downs, strict=False):
            skips.append(encoder(features))
            features = down(skips[-1])
        features = self.encoders[3](features)
        for bridge, up, merge, decoder in zip(self.bridges, self.ups, self.merges, self.decoders, strict=True):
            features = up(bridge(features, image))
            features = decoder(merge(torch.cat((features, skips.pop()), 1)))
        restored: Tensor = self.head(self.refine(features)) + image[:, : self.outputs]
        return restored
