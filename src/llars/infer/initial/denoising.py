"""Denoised layers: noise is measured over the whole scene and removed block by block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from llars.infer.initial.blocks import blocks
from llars.infer.initial.cached import Cached
from llars.infer.reading.sampling import SAMPLE, sample_pixels
from llars.initial.denoising import UNCORRECTED, Correctors, correction_margin_px, denoised, find_noise, margin_px
from llars.initial.despeckling import CELL, LEVEL_REACH, with_local_mean_power, within_local_range
from llars.initial.shrinkage import ALIGNED, Noise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from llars.infer.reading.layers import Layers, Pixels
    from llars.infer.reading.pixels import Limits
    from llars.infer.tiles import Window

__all__ = ["Denoised"]

NOISE_WINDOW = 96
"""Side in pixels of the windows in which noise is measured."""

BLOCK_SIDE = 512
"""Side in pixels of the pieces that are denoised at once: coefficients take four times the memory of the image."""

KEPT_RADAR = 2**23
"""Most pixels of a radar scene whose estimate is computed once and kept: with the wide margins of the network, sampling
a scene costs as much as 8 megapixels. It has few bands, so it takes no more memory than an optical scene of a quarter.
"""


@dataclass(frozen=True)
class Denoised(Cached):
    """Layers denoised by shrinkage and a network that corrects it; radar is despeckled."""

    noise: Noise
    """Noise of the scene."""

    correctors: Correctors
    """Correct the classical estimate."""

    @classmethod
    def of(cls, layers: Layers, correctors: Correctors = UNCORRECTED) -> Denoised:
        """Measures the noise in windows from all over the scene."""
        noise = find_noise(*sample_pixels(layers, NOISE_WINDOW), layers.bands)
        return cls(layers, noise, correctors).cached(KEPT_RADAR if noise.looks else SAMPLE)

    def compute(self, window: Window) -> Pixels:
        """See ``Cached``; blocks are aligned to the scene, and so the same in every window."""
        input_window = self._input_window(window)
        values, valid = self.layers.read(input_window)
        image = torch.from_numpy(values)[None]
        result = np.empty((len(values), *window.shape), dtype=np.float32)
        after_passes = correction_margin_px(self.noise, self.correctors)
        for block in blocks(window, BLOCK_SIDE):
            block_input, part = self._input_window(block), self._aligned(block, after_passes)
            patch = image[(..., *block_input.inside(input_window))]
            with torch.inference_mode():
                found = denoised(patch, self.noise, self.correctors, part.inside(block_input))[0].numpy()
            result[(slice(None), *block.inside(window))] = found[(slice(None), *block.inside(part))]
        return result, valid[(slice(None), *window.inside(input_window))]

    @property
    def cell(self) -> int:
        """See ``Constrained``."""
        return CELL

    @property
    def reach(self) -> int:
        """See ``Constrained``; a square more than the power needs, as a pixel's range is that of its neighbours."""
        return LEVEL_REACH + 1

    def enforce(self, image: NDArray[np.float32], window: Window, limits: Limits | None) -> None:  # noqa: ARG002
        """See ``Constrained``: preserves the range and the mean power of radar, as the initial estimate does."""
        restored, original = (torch.from_numpy(part)[None] for part in (image, self.layers.read(window)[0]))
        image[:] = with_local_mean_power(within_local_range(restored, original, self.noise.shift), original)[0].numpy()

    def _input_window(self, window: Window) -> Window:
        return self._aligned(window, margin_px(self.noise, self.correctors))

    def _aligned(self, window: Window, margin: int) -> Window:
        """The window with a margin, in whole blocks of the scene."""
        return window.grown(margin).coarser(ALIGNED).finer(ALIGNED).within(*self.size)
