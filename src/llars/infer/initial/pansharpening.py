"""Initial estimate of pansharpening: the bands with the detail of the panchromatic band, window by window."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from llars.infer.initial.cached import Cached
from llars.infer.reading.layers import Enlarged, Layers
from llars.infer.reading.pixels import enforce_radiometry
from llars.infer.tiles import Window
from llars.initial.pansharpening import BLUR_REACH, Injection, Transfer, find_injection

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from llars.infer.reading.layers import Pixels
    from llars.infer.reading.pixels import Limits

__all__ = ["Pansharpened"]

WINDOWS_PER_AXIS = 4
"""Windows along each axis to which the injection is fitted."""

SIDE = 96
"""Side of those windows, in coarse pixels."""


@dataclass(frozen=True)
class Pansharpened(Cached):
    """Enlarged layers with the detail of a panchromatic band on their fine grid.

    Where the panchromatic band does not end with a coarse pixel, the last of these reach beyond it.
    """

    layers: Enlarged
    pan: Layers
    injection: Injection

    @classmethod
    def of(cls, layers: Enlarged, pan: Layers) -> Pansharpened:
        """Fits how detail is injected into the bands, to windows from all over the scene."""
        unfitted = cls(layers, pan, Injection(Transfer(layers.factor), torch.zeros(1, len(layers.bands), 1, 1), 0.0))
        height, width = layers.coarse.size
        rows, columns = (_window_starts(side) for side in (height, width))
        windows = [
            unfitted._bands_and_pan(Window(top, left, top + SIDE, left + SIDE).within(height, width))
            for top, left in itertools.product(rows, columns)
        ]
        bands, valid, panchromatic = (torch.cat(parts) for parts in zip(*windows, strict=True))
        return cls(layers, pan, find_injection(bands, panchromatic, valid.all(1, keepdim=True))).cached()

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of the panchromatic band."""
        return self.pan.size

    @property
    def cell(self) -> int:
        """See ``Constrained``: the pixels of the coarse layers."""
        return self.layers.factor

    @property
    def reach(self) -> int:
        """See ``Constrained``."""
        return self.injection.transfer.reach

    def enforce(self, image: NDArray[np.float32], window: Window, limits: Limits | None) -> None:
        """See ``Constrained``: preserves the image as the coarse pixels see it."""
        enforce_radiometry(image, *self.layers.coarse.read(window.coarser(self.cell)), self.injection.transfer, limits)

    def compute(self, window: Window) -> Pixels:
        """See ``Cached``."""
        factor = self.layers.factor
        cells = window.coarser(factor)
        around = cells.grown(BLUR_REACH).within(*self.layers.coarse.size)
        bands, valid, pan = self._bands_and_pan(around)
        with torch.inference_mode():
            # Band by band to keep memory low.
            fine = [self.injection.of_band(band)(bands[:, [band]], pan)[0, 0] for band in range(bands.shape[1])]
        part = (slice(None), *window.inside(around.finer(factor)))
        valid_pixels = valid[0].numpy().repeat(factor, 1).repeat(factor, 2)
        return torch.stack(fine).numpy()[part], valid_pixels[part]

    def _bands_and_pan(self, window: Window) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Bands, mask of measured pixels and panchromatic band of a window of coarse pixels, each as a batch of one."""
        fine = window.finer(self.layers.factor)
        inside = fine.within(*self.size)
        pan, _ = self.pan.read(inside)
        pan = np.pad(pan, ((0, 0), (0, fine.bottom - inside.bottom), (0, fine.right - inside.right)), mode="edge")
        bands, valid = self.layers.coarse.read(window)
        bands_tensor, valid_pixels, pan_tensor = (
            torch.from_numpy(np.ascontiguousarray(part))[None] for part in (bands, valid, pan)
        )
        return bands_tensor, valid_pixels, pan_tensor


def _window_starts(size: int) -> list[int]:
    """Where windows begin along an axis, evenly spread."""
    return sorted(set(np.linspace(0, max(size - SIDE, 0), WINDOWS_PER_AXIS).astype(int).tolist()))
