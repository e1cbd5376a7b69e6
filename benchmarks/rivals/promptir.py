"""PromptIR: Prompting for All-in-One Blind Image Restoration (Potlapalli et al., NeurIPS 2023)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.rivals.blocks import TransformerBlock, conv
from benchmarks.rivals.ushape import UShape

__all__ = ["PromptIR"]

PROMPTS = 5
"""Components of every prompt in the published configuration."""


class Prompted(nn.Module):
    """Prompt generation and interaction, figure 2: learned components, weighted by the features, are joined to them."""

    def __init__(self, channels: int, prompt: int, side: int, outputs: int, heads: int = 4) -> None:
        """The prompt has ``prompt`` channels of ``side`` pixels; the output has ``outputs`` channels."""
        super().__init__()
        self.components = nn.Parameter(torch.rand(PROMPTS, prompt, side, side))
        self.weigh = nn.Linear(channels, PROMPTS)
        self.smooth = conv(prompt, prompt, bias=False)
        self.interact = TransformerBlock(channels + prompt, heads)
        self.project = conv(channels + prompt, outputs, 1, bias=False)

    def forward(self, features: Tensor, image: Tensor) -> Tensor:  # noqa: ARG002 - blind to the image itself
        """``(batch, outputs, y, x)``."""
        weights = self.weigh(features.mean((-2, -1))).softmax(1).to(features.dtype)
        prompt = torch.einsum("np,pcyx->ncyx", weights, self.components.to(features.dtype))
        prompt = functional.interpolate(prompt, features.shape[-2:], mode="bilinear")
        mixed: Tensor = self.project(self.interact(torch.cat((features, self.smooth(prompt)), 1)))
        return mixed


class PromptIR(UShape):
    """Restormer with a prompt before every upsampling."""

    def __init__(
        self,
        bands: tuple[int, int] = (3, 3),
        width: int = 48,
        blocks: tuple[int, int, int, int] = (4, 6, 6, 8),
        refinement: int = 4,
        prompts: tuple[int, int, int] = (320, 128, 64),
        side: int = 16,
    ) -> None:
        """The defaults are the published ones; later papers state 35.6 M parameters.

        Args:
            bands: numbers of channels in and out.
            width: channels at full resolution.
            blocks: transformer blocks of the levels, finest first.
            refinement: transformer blocks after the decoder.
            prompts: channels of the prompts, coarsest first.
            side: pixels of the coarsest prompt; twice as many on every finer one.
        """
        taken = (8 * width, 4 * width, 2 * width)
        given = (4 * width, 4 * width, 2 * width)
        bridges = [
            Prompted(channels, prompt, side << step, outputs)
            for step, (channels, prompt, outputs) in enumerate(zip(taken, prompts, given, strict=True))
        ]
        super().__init__(bands, width, blocks, refinement, bridges, given)
