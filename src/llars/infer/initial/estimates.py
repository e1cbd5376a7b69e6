"""Initial estimates: the scene corrected in closed form, with parameters found once for the whole scene."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from llars.errors import RasterError
from llars.infer.initial.clouds import CloudFree
from llars.infer.initial.denoising import Denoised
from llars.infer.initial.destriping import Destriped
from llars.infer.initial.estimators import correctors, opacity, optics, stripes, upsampling
from llars.infer.initial.pansharpening import Pansharpened
from llars.infer.initial.superresolution import Superresolved
from llars.infer.reading.layers import Derived, Enlarged, Layers, Stack
from llars.infer.reading.sampling import blocks_with_data, sample_windows
from llars.infer.tiles import Window
from llars.initial.deconvolution import SIDE, Optics
from llars.initial.fusion import averaging_radius, mean_change, predicted, slope

if TYPE_CHECKING:
    from llars.infer.reading.layers import Pixels

__all__ = ["ESTIMATED_TASKS", "Deblurred", "Fused", "initial_estimate"]

ESTIMATED_TASKS = frozenset({"denoise", "destripe", "deblur", "cloud", "cloud_sar", "sr", "pansharpen", "stf"})
"""Tasks that give the network an initial estimate in place of the scene itself."""

CHANGE_WINDOW = 128
"""Side of the windows that show how wide coarse pixels are: several times the greatest width."""


def initial_estimate(
    task: str, target: Layers, guides: Sequence[Layers], reflectances: Sequence[tuple[float, float]] | None = None
) -> Layers:
    """The initial estimate given to the network for ``task``; ``reflectances`` as for ``CloudFree.of``."""
    if task == "denoise":
        return Denoised.of(target, correctors())
    if task == "destripe":
        return Destriped.of(target, stripes())
    if task == "deblur":
        return deblurred(target)
    if task in ("cloud", "cloud_sar"):
        return CloudFree.of(target, opacity(), reflectances, guides[0] if guides else None)
    if task == "sr" and isinstance(target, Enlarged):
        return Superresolved.of(target, upsampling())
    if task == "pansharpen" and isinstance(target, Enlarged):
        return Pansharpened.of(target, *guides)
    if task == "stf":
        return fused(target, *guides)
    return target


@dataclass(frozen=True)
class Deblurred(Derived):
    """Layers with their blur undone by deconvolution."""

    optics: Optics

    def read(self, window: Window) -> Pixels:
        """See ``Layers``; the scene is continued beyond its edges by mirroring."""
        height, width = self.size
        rows = _split_near_edges(window.top, window.bottom, height, self.optics.reach_px)
        columns = _split_near_edges(window.left, window.right, width, self.optics.reach_px)
        # Windows near edges need more work over a wider margin: they are cut off and done separately.
        parts = [
            [self._deblurred_window(Window(top, left, bottom, right)) for left, right in itertools.pairwise(columns)]
            for top, bottom in itertools.pairwise(rows)
        ]
        values, valid = (np.concatenate([np.concatenate([p[i] for p in row], 2) for row in parts], 1) for i in (0, 1))
        return values, valid

    def _deblurred_window(self, window: Window) -> Pixels:
        input_window = window.grown(self.optics.reach_px)
        at_edges = input_window != input_window.within(*self.size)
        if at_edges:
            input_window = window.grown(self.optics.reach_at_edges_px).within(*self.size)
        values, valid = self.layers.read(input_window)
        part = (slice(None), *window.inside(input_window))
        # Band by band to keep memory low.
        bands = [self.optics.deblur(torch.from_numpy(band)[None, None], at_edges)[0] for band in values]
        return torch.cat(bands).numpy()[part], valid[part]


@dataclass(frozen=True)
class Fused(Derived):
    """Spatiotemporal fusion: a coarse image of a later date, made fine with an earlier pair of both sensors."""

    fine: Layers
    coarse: Layers
    gain: torch.Tensor
    """``(1, band, 1, 1)``: gain of the fine sensor relative to the coarse one."""

    shift: torch.Tensor
    """``(1, band, 1, 1)``: the part of the change that is applied in full."""

    radius: int
    """Pixels on each side of one over which change is averaged."""

    def read(self, window: Window) -> Pixels:
        """See ``Layers``."""
        input_window = window.grown(self.radius).within(*self.size)
        now, valid = self.layers.read(input_window)
        parts = (now, self.fine.read(input_window)[0], self.coarse.read(input_window)[0])
        image, fine, coarse = (torch.from_numpy(part)[None] for part in parts)
        part = (slice(None), *window.inside(input_window))
        return predicted(image, fine, coarse, self.gain, self.shift, self.radius)[0].numpy()[part], valid[part]


def _split_near_edges(start: int, stop: int, length: int, reach: int) -> list[int]:
    """``start``, ``stop``, and the places between them that are ``reach`` pixels from either end of ``length``."""
    return sorted({start, stop, *(place for place in (reach, length - reach) if start < place < stop)})


def deblurred(layers: Layers) -> Layers:
    """The layers with the blur undone that is found in windows from all over the scene."""
    return Deblurred(layers, Optics.estimate(torch.from_numpy(sample_windows(layers, SIDE)), optics()))


def fused(layers: Layers, fine: Layers, coarse: Layers) -> Layers:
    """The earlier fine image plus part of the change since; ``layers`` as they are where numbers of bands differ.

    Raises:
        RasterError: there is no place where all three images have data.
    """
    if not len(layers.bands) == len(fine.bands) == len(coarse.bands):
        return layers
    images = (layers, fine, coarse)
    parts = [[image.read(window) for image in images] for window in blocks_with_data(images)]
    valid_everywhere = np.concatenate(
        [np.stack([valid for _, valid in window_parts]).all((0, 1)).ravel() for window_parts in parts]
    )
    if not valid_everywhere.any():
        raise RasterError(
            "found no pixel with data in every band of the input and of both earlier images, expected some to compare; "
            "give images whose data overlap, and leave out bands that are empty"
        )
    coarse_now, fine_before, coarse_before = (
        torch.from_numpy(
            np.concatenate([window_parts[member][0].reshape(len(layers.bands), -1) for window_parts in parts], 1)[
                :, valid_everywhere
            ]
        )[None, :, None]
        for member in range(3)
    )
    pairs = torch.from_numpy(sample_windows(Stack((fine, coarse)), CHANGE_WINDOW)).chunk(2, dim=1)
    return Fused(
        layers,
        fine,
        coarse,
        slope(fine_before, coarse_before),
        mean_change(coarse_now - coarse_before, [layers.bands]),
        averaging_radius(*pairs),
    )
