"""InstructIR: High-Quality Image Restoration Following Human Instructions (Conde et al., ECCV 2024)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.rivals.blocks import NAFBlock
from benchmarks.rivals.nafnet import NAFNet

__all__ = ["InstructIR"]


class Instructed(nn.Module):
    """Instruction condition block: the words weight the channels of a residual block's input."""

    def __init__(self, channels: int, meaning: int) -> None:
        super().__init__()
        self.choose = nn.Linear(meaning, channels)
        self.block = NAFBlock(channels)
        self.scale, self.shift = (nn.Parameter(torch.zeros(1, channels, 1, 1)) for _ in range(2))

    def forward(self, features: Tensor, meaning: Tensor) -> Tensor:
        """Same shape, for ``(batch, meaning)`` embedded words."""
        chosen = self.choose(meaning).sigmoid()[..., None, None]
        changed: Tensor = self.block((features * self.scale + self.shift) * chosen)
        return features + changed


class InstructIR(nn.Module):
    """NAFNet with an instruction condition block after every level, and a head on the sentence vectors."""

    multiple = 16

    def __init__(
        self,
        bands: tuple[int, int] = (3, 3),
        width: int = 32,
        encoder: Sequence[int] = (2, 2, 4, 8),
        middle: int = 4,
        decoder: Sequence[int] = (2, 2, 2, 2),
        *,
        words: int = 384,
        meaning: int = 256,
        tasks: int = 7,
    ) -> None:
        """The defaults are the paper's: 15.8 M parameters without the sentence encoder.

        Args:
            bands: numbers of channels in and out.
            width: channels at full resolution.
            encoder: blocks of the levels, finest first.
            middle: blocks on the coarsest level.
            decoder: blocks of the levels, coarsest first.
            words: features of the sentence vectors.
            meaning: features of the embedding that the head makes of them.
            tasks: classes that the head distinguishes in training.
        """
        super().__init__()
        self.restorer = NAFNet(bands, width, encoder, middle, decoder)
        self.outputs = self.restorer.outputs
        self.words, self.classify = nn.Linear(words, meaning), nn.Linear(meaning, tasks)
        widths = [width << level for level in range(len(encoder))]
        self.instructed = nn.ModuleList(Instructed(channels, meaning) for channels in (*widths, *reversed(widths)))

    def forward(self, image: Tensor, instruction: Tensor) -> Tensor:
        """``(batch, band, y, x)`` restored according to ``(batch, words)`` sentence vectors."""
        meaning = self.meaning(instruction)
        restored: Tensor = self.restorer(image, [partial(block, meaning=meaning) for block in self.instructed])
        return restored

    def meaning(self, instruction: Tensor) -> Tensor:
        """The embedded words, ``(batch, meaning)``, of unit length."""
        return functional.normalize(self.words(instruction), dim=-1)
