"""Long filters along columns and rows: a detector's stripe is constant along its line, so a long mean reveals it."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["Strips"]


class Strips(nn.Module):
    """Adds the output of a column filter and a row filter to half of the channels; both filters start at zero."""

    def __init__(self, width: int, taps: int) -> None:
        super().__init__()
        self.channels = width // 2
        self.column = nn.Parameter(torch.zeros(self.channels, 1, taps, 1))
        self.row = nn.Parameter(torch.zeros(self.channels, 1, 1, taps))

    def forward(self, image: Float[Tensor, "batch channel y x"]) -> Float[Tensor, "batch channel y x"]:
        kept, filtered = image[:, self.channels :], image[:, : self.channels]
        reach, groups = self.row.shape[-1] // 2, self.channels
        # In float32: for some numbers of channels, bfloat16 kernels of this shape fall back to code that takes minutes.
        with torch.autocast(image.device.type, enabled=False):
            exact = filtered.float()
            columns = nn.functional.conv2d(exact, self.column, padding=(reach, 0), groups=groups)
            rows = nn.functional.conv2d(exact, self.row, padding=(0, reach), groups=groups)
            added = (exact + columns + rows).to(image.dtype)
        return torch.cat((added, kept), 1)
