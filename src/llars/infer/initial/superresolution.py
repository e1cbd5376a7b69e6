"""Initial estimate of super-resolution: the bands on the finer grid, with detail, window by window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import torch

from llars.infer.initial.cached import Cached
from llars.infer.reading.layers import Enlarged
from llars.infer.reading.pixels import repeat
from llars.initial.superresolution import SUPERRESOLUTION_REACH, superresolved

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from llars.infer.reading.layers import Pixels
    from llars.infer.reading.pixels import Limits
    from llars.infer.tiles import Window
    from llars.model.upsampling import UpsamplingNetwork

__all__ = ["Superresolved"]


@dataclass(frozen=True)
class Superresolved(Cached):
    """Enlarged layers with detail from the network of super-resolution."""

    layers: Enlarged
    network: UpsamplingNetwork

    @classmethod
    def of(cls, layers: Enlarged, network: UpsamplingNetwork) -> Self:
        """The initial estimate of these layers; small ones are computed at once."""
        return cls(layers, network).cached()

    @property
    def cell(self) -> int:
        """See ``Constrained``: the pixels of the coarse layers."""
        return self.layers.cell

    @property
    def reach(self) -> int:
        """See ``Constrained``."""
        return self.layers.reach

    def enforce(self, image: NDArray[np.float32], window: Window, limits: Limits | None) -> None:
        """See ``Constrained``: preserves the mean over every coarse pixel."""
        self.layers.enforce(image, window, limits)

    def compute(self, window: Window) -> Pixels:
        """See ``Cached``."""
        factor, coarse = self.layers.factor, self.layers.coarse
        around = window.coarser(factor).grown(SUPERRESOLUTION_REACH).within(*coarse.size)
        values, valid = coarse.read(around)
        part = (slice(None), *window.inside(around.finer(factor)))
        fine = np.empty((len(values), *window.shape), dtype=np.float32)
        # Band by band to keep memory low.
        for band, (image, band_valid) in enumerate(zip(values, valid, strict=True)):
            coarse_image, valid_mask = (
                torch.from_numpy(np.ascontiguousarray(one))[None, None] for one in (image, band_valid)
            )
            with torch.inference_mode():
                enlarged = superresolved(coarse_image, factor, self.network, valid_mask)
            fine[band] = enlarged[0].numpy()[part]
        return fine, repeat(valid, factor)[part]
