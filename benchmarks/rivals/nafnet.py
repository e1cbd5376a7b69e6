"""NAFNet: Simple Baselines for Image Restoration (Chen et al., ECCV 2022)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from benchmarks.rivals.blocks import NAFBlock, conv, last

__all__ = ["NAFNet"]

Condition = Callable[[Tensor], Tensor]


class NAFNet(nn.Module):
    """A U-shaped network of blocks without nonlinear activations; the input is added at the end."""

    multiple = 16

    def __init__(
        self,
        bands: tuple[int, int] = (3, 3),
        width: int = 32,
        encoder: Sequence[int] = (1, 1, 1, 28),
        middle: int = 1,
        decoder: Sequence[int] = (1, 1, 1, 1),
    ) -> None:
        """The defaults are those of the paper's GoPro experiments: 17.1 M parameters; 67.9 M at a width of 64.

        Args:
            bands: numbers of channels in and out.
            width: channels at full resolution; twice as many on every coarser level.
            encoder: blocks of the levels, finest first.
            middle: blocks on the coarsest level.
            decoder: blocks of the levels, coarsest first.
        """
        super().__init__()
        inputs, self.outputs = bands
        widths = [width << level for level in range(len(encoder) + 1)]
        self.embed, self.head = conv(inputs, width), last(width, self.outputs)
        self.encoders = nn.ModuleList(_blocks(count, wide) for count, wide in zip(encoder, widths, strict=False))
        self.downs = nn.ModuleList(nn.Conv2d(wide, 2 * wide, 2, 2) for wide in widths[:-1])
        self.middle = _blocks(middle, widths[-1])
        self.ups = nn.ModuleList(
            nn.Sequential(conv(wide, 2 * wide, 1, bias=False), nn.PixelShuffle(2)) for wide in widths[:0:-1]
        )
        self.decoders = nn.ModuleList(_blocks(count, wide) for count, wide in zip(decoder, widths[-2::-1], strict=True))

    def forward(self, image: Tensor, conditions: Sequence[Condition] = ()) -> Tensor:
        """``(batch, band, y, x)`` restored; sides are multiples of ``multiple``.

        ``conditions``, if any, are applied to the features after every level of the encoder, then of the decoder.
        """
        after = iter(conditions or [_unchanged] * (2 * len(self.encoders)))
        features = self.embed(image)
        skips = []
        for encode, down in zip(self.encoders, self.downs, strict=True):
            skips.append(next(after)(encode(features)))
            features = down(skips[-1])
        features = self.middle(features)
        for up, decode in zip(self.ups, self.decoders, strict=True):
            features = next(after)(decode(up(features) + skips.pop()))
        restored: Tensor = self.head(features) + image[:, : self.outputs]
        return restored


def _blocks(count: int, channels: int) -> nn.Sequential:
    return nn.Sequential(*(NAFBlock(channels) for _ in range(count)))


def _unchanged(features: Tensor) -> Tensor:
    return features
