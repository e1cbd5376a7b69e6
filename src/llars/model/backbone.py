"""The U-shaped backbone at half resolution: levels of blocks, skip connections, refinement."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from llars.model.blocks import Block, BlockGates
from llars.model.config import ModelConfig

__all__ = ["Backbone", "UShape"]


class Upsample(nn.Module):
    """Upsampling by 2 with fewer channels."""

    def __init__(self, width: int, finer_width: int) -> None:
        super().__init__()
        self.layer = nn.Conv2d(width, 4 * finer_width, 1)

    def forward(self, image: Float[Tensor, "batch channel y x"]) -> Float[Tensor, "batch finer 2*y 2*x"]:
        return nn.functional.pixel_shuffle(self.layer(image), 2)


class UShape(nn.Module):
    """Encoder, decoder and refinement, for any kind of block."""

    def __init__(self, config: ModelConfig, blocks: Sequence[nn.Module]) -> None:
        super().__init__()
        remaining = iter(blocks)
        self.encoder = nn.ModuleList(take(remaining, count) for count in config.encoder_blocks)
        self.decoder = nn.ModuleList(take(remaining, count) for count in reversed(config.decoder_blocks))
        self.refinement = take(remaining, config.refinement_blocks)
        pairs = list(zip(config.widths, config.widths[1:], strict=False))
        self.down = nn.ModuleList(nn.Conv2d(fine, coarse, 2, stride=2) for fine, coarse in pairs)
        self.up = nn.ModuleList(Upsample(coarse, fine) for fine, coarse in reversed(pairs))

    def blocks(self) -> Iterator[Any]:
        """All blocks in the order of the forward pass."""
        for level in (*self.encoder, *self.decoder, self.refinement):
            yield from cast("nn.ModuleList", level)

    def forward(
        self,
        image: Float[Tensor, "batch channel y x"],
        apply: Callable[[Any, Tensor], Tensor] = lambda block, image: block(image),
    ) -> Float[Tensor, "batch channel y x"]:
        """``apply(block, image)`` runs one block; it is called in the order of ``blocks``."""

        def run(level: nn.Module, image: Tensor) -> Tensor:
            for block in cast("nn.ModuleList", level):
                image = apply(block, image)
            return image

        skips = []
        for level, down in zip(self.encoder, self.down, strict=False):
            skips.append(run(level, image))
            image = down(skips[-1])
        image = run(self.encoder[-1], image)
        for up, level in zip(self.up, self.decoder, strict=True):
            image = run(level, up(image) + skips.pop())
        return run(self.refinement, image)


class Backbone(nn.Module):
    """The U shape of blocks with experts."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        levels = range(len(config.widths))
        order = [*levels, *reversed(levels[:-1]), 0]
        counts = [*config.encoder_blocks, *reversed(config.decoder_blocks), config.refinement_blocks]
        widths = [config.widths[level] for level, count in zip(order, counts, strict=True) for _ in range(count)]
        self.shape = UShape(config, [Block(width, config) for width in widths])
        self.recompute = False
        """Gradient checkpointing: recompute a block's activations instead of storing them, to save memory (Chen et al.,
        "Training deep nets with sublinear memory cost", 2016)."""

    def route(self, condition: Float[Tensor, "batch feature"]) -> list[BlockGates]:
        """Gates of all blocks."""
        return [block.route(condition) for block in self.shape.blocks()]

    def forward(
        self,
        image: Float[Tensor, "sample channel y x"],
        gates: list[BlockGates],
        attention: list[Tensor] | None = None,
        windows: int = 1,
    ) -> tuple[Float[Tensor, "sample channel y x"], list[Tensor]]:
        """Features, and the attention matrix of each block.

        Without ``attention``, every ``windows`` consecutive samples are one scene, and its attention is computed from
        them.
        """
        used: list[Tensor] = []

        def run(block: Block, image: Tensor, gate: BlockGates, matrix: Tensor | None) -> tuple[Tensor, Tensor]:
            if matrix is None:
                matrix = block.attend(image, gate, windows)
            return block(image, gate, matrix.repeat_interleave(windows, 0)), matrix

        def apply(block: Block, image: Tensor) -> Tensor:
            given = (block, image, gates[len(used)], None if attention is None else attention[len(used)])
            anew = self.recompute and torch.is_grad_enabled()
            attended, matrix = checkpoint(run, *given, use_reentrant=False) if anew else run(*given)
            used.append(matrix)
            return attended

        return self.shape(image, apply), used


def take(blocks: Iterator[nn.Module], count: int) -> nn.ModuleList:
    """The next ``count`` blocks."""
    return nn.ModuleList(next(blocks) for _ in range(count))
