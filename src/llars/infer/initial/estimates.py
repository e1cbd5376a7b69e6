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
from llars.infer.initial.estimators import correctors, opacity, optics, upsampling
from llars.infer.initial.pansharpening import Pansharpened
from llars.infer.initial.superresolution import Superresolved
from llars.infer.reading.layers import Derived, Enlarged, Layers, Stack
from llars.infer.reading.sampling import blocks_with_data, sample_windows
from llars.infer.tiles import Window
from llars.initial.deconvolution import SIDE, Optics
from llars.initial.fusion import averaging_radius, mean_change, predicted, slope
from llars.initial.stripes import Lines, find_lines

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from llars.infer.reading.layers import Pixels

__all__ = ["ESTIMATED_TASKS", "Deblurred", "Destriped", "Fused", "initial_estimate", "line_corrections"]

ESTIMATED_TASKS = frozenset({"denoise", "destripe", "deblur", "cloud", "cloud_sar", "sr", "pansharpen", "stf"})
"""Tasks that give the network an initial estimate in place of the scene itself."""

MAX_LINES = 512
"""Most pixels of each line that are sampled to find stripes."""

MAX_VALUES = 2**25
"""Most values that are held at once to find stripes."""

LINES_PER_READ = 32
"""Neighbouring rows or columns that are read together."""

CHANGE_WINDOW = 128
"""Side of the windows that show how wide coarse pixels are: several times the greatest width."""


def initial_estimate(
    task: str, target: Layers, guides: Sequence[Layers], reflectances: Sequence[tuple[float, float]] | None = None
) -> Layers:
    """The initial estimate given to the network for ``task``; ``reflectances`` as for ``CloudFree.of``."""
    if task == "denoise":
        return Denoised.of(target, correctors())
    if task == "destripe":
        return destriped(target)
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
class Destriped(Derived):
    """Layers destriped by a gain and an offset for each line."""

    gain: NDArray[np.float32]
    """``(band, line)``."""

    offset: NDArray[np.float32]
    """``(band, line)`` unit values."""

    rows: bool
    """Lines are rows, else columns."""

    def read(self, window: Window) -> Pixels:
        """See ``Layers``."""
        values, valid = self.layers.read(window)
        lines = window.slices[0 if self.rows else 1]
        gain, offset = (np.expand_dims(part[:, lines], 2 if self.rows else 1) for part in (self.gain, self.offset))
        return values * gain + offset, valid


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


def destriped(layers: Layers) -> Layers:
    """The layers without the stripes along columns or along rows, whichever stand out more."""
    down, across = line_corrections(layers)
    rows = bool(across.evidence > down.evidence)
    chosen = across if rows else down
    return Destriped(layers, chosen.gain[:, 0].numpy(), chosen.offset[:, 0].numpy(), rows)


def line_corrections(layers: Layers) -> tuple[Lines, Lines]:
    """The stripes along columns, and those along rows: ``(band, 1, line)``, evidence averaged over bands."""
    height, width = layers.size
    down = _lines(layers, [Window(start, 0, stop, width) for start, stop in _line_ranges(height, width, layers)], False)
    across = _lines(
        layers, [Window(0, start, height, stop) for start, stop in _line_ranges(width, height, layers)], True
    )
    return down, across


def _line_ranges(size: int, length: int, layers: Layers) -> list[tuple[int, int]]:
    """Ranges to read, along an axis of ``size``, of lines of ``length``: the whole axis, or evenly spaced bundles."""
    maximum = min(MAX_LINES, max(MAX_VALUES // (length * len(layers.bands)), LINES_PER_READ))
    if size <= maximum:
        return [(0, size)]
    starts = np.linspace(0, size - LINES_PER_READ, maximum // LINES_PER_READ).astype(int).tolist()
    return [(start, start + LINES_PER_READ) for start in starts]


def _lines(layers: Layers, windows: list[Window], rows: bool) -> Lines:
    """Stripes of every band ``(band, 1, line)``; band by band to keep memory low, as medians copy their input."""
    parts = [layers.read(window) for window in windows]
    values, valid = (np.concatenate([part[i].swapaxes(1, 2) if rows else part[i] for part in parts], 1) for i in (0, 1))
    per_band = [
        find_lines(*(torch.from_numpy(np.ascontiguousarray(part))[None, None] for part in band))
        for band in zip(values, valid, strict=True)
    ]
    gain, offset = (torch.cat([getattr(one, name) for one in per_band]) for name in ("gain", "offset"))
    return Lines(gain, offset, torch.cat([one.evidence for one in per_band]).mean())


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
