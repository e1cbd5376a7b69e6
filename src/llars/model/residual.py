"""The block of which the small networks are built."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["ResidualBlock"]


class ResidualBlock(nn.Module):
    """Two convolutions, whose result is added to their input."""

    def __init__(self, width: int, bias: bool = True) -> None:
        super().__init__()
        self.one = nn.Conv2d(width, width, 3, padding=1, bias=bias)
        self.two = nn.Conv2d(width, width, 3, padding=1, bias=bias)

    def forward(self, image: Tensor) -> Tensor:
        """The same shape."""
        return torch.add(image, self.two(self.one(image.relu()).relu_()))
