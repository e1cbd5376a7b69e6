"""Initial estimates: the scene corrected in closed form, with parameters found once for the whole scene."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from llars.infer.reading.layers import Enlarged, Layers, Mended, Stack
from llars.infer.reading.sampling import sample_blocks, sample_pixels, sample_windows
from llars.infer.starts.clearing import Cleared
from llars.infer.starts.estimators import opacity, optics, upsampling
from llars.infer.starts.keeping import Kept
from llars.infer.starts.pansharpening import Pansharpened
from llars.infer.starts.superresolution import Superresolved
from llars.infer.tiles import Window
from llars.starts.deconvolution import SIDE, Optics
from llars.starts.denoising import denoised, find_noise, margin_px
from llars.starts.despeckling import CELL, LEVEL_REACH, levelled
from llars.starts.fusion import level, predicted, slope, surroundings
from llars.starts.shrinkage import ALIGNED, Noise
from llars.starts.stripes import Lines, find_lines

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from llars.infer.reading.layers import Pixels
    from llars.infer.reading.pixels import Limits

__all__ = ["STARTED", "Denoised", "Predicted", "Sharpened", "Unstriped", "set_out", "surveyed_lines"]

STARTED = frozenset({"denoise", "destripe", "deblur", "cloud", "cloud_sar", "sr", "pansharpen", "stf"})
"""Tasks that give the network an initial estimate in place of the scene itself."""

LINES = 512
"""Most pixels of each line that are sampled to find stripes."""

LINE_VALUES = 2**25
"""Most values that are held at once to find stripes."""

BUNDLE = 32
"""Neighbouring rows or columns that are read together."""

NOISY_SIDE = 96
"""Side in pixels of the windows in which noise is measured."""

CHANGED_SIDE = 128
"""Side of the windows that show how wide coarse pixels are: several times the greatest width."""

BLOCK_SIDE = 512
"""Side in pixels of the pieces that are denoised at once: coefficients take four times the memory of the image."""


def set_out(
    task: str, target: Layers, guides: Sequence[Layers], reflectances: Sequence[tuple[float, float]] | None = None
) -> Layers:
    """The initial estimate given to the network for ``task``; ``reflectances`` as for ``Cleared.of``."""
    if task == "denoise":
        return Denoised.of(target)
    if task == "destripe":
        return unstriped(target)
    if task == "deblur":
        return sharpened(target)
    if task in ("cloud", "cloud_sar"):
        return Cleared.of(target, opacity(), reflectances=reflectances)
    if task == "sr" and isinstance(target, Enlarged):
        return Superresolved.of(target, upsampling())
    if task == "pansharpen" and isinstance(target, Enlarged):
        return Pansharpened.of(target, *guides)
    if task == "stf":
        return foretold(target, *guides)
    return target


@dataclass(frozen=True)
class Denoised(Kept):
    """Layers denoised by shrinkage; radar is despeckled."""

    noise: Noise
    """Noise of the scene."""

    @classmethod
    def of(cls, layers: Layers) -> Denoised:
        """Measures the noise in windows from all over the scene."""
        return cls(layers, find_noise(*sample_pixels(layers, NOISY_SIDE), layers.bands)).kept()

    def made(self, window: Window) -> Pixels:
        """See ``Kept``; blocks are aligned to the scene, and so the same in every window."""
        around = self._seen_by(window)
        values, valid = self.layers.read(around)
        image = torch.from_numpy(values)[None]
        clean = np.empty((len(values), *window.shape), dtype=np.float32)
        corners = itertools.product(*(range(side.start, side.stop, BLOCK_SIDE) for side in window.slices))
        for top, left in corners:
            block = Window(top, left, min(top + BLOCK_SIDE, window.bottom), min(left + BLOCK_SIDE, window.right))
            wider = self._seen_by(block)
            with torch.inference_mode():
                mended = denoised(image[(..., *wider.inside(around))], self.noise)[0].numpy()
            clean[(slice(None), *block.inside(window))] = mended[(slice(None), *block.inside(wider))]
        return clean, valid[(slice(None), *window.inside(around))]

    @property
    def cell(self) -> int:
        """See ``Anchored``."""
        return CELL

    @property
    def reach(self) -> int:
        """See ``Anchored``."""
        return LEVEL_REACH

    def hold(self, image: NDArray[np.float32], window: Window, limits: Limits | None) -> None:  # noqa: ARG002
        """See ``Anchored``: preserves the mean power of radar, as the initial estimate does."""
        parts = (torch.from_numpy(part)[None] for part in (image, self.layers.read(window)[0]))
        image[:] = levelled(*parts)[0].numpy()

    def _seen_by(self, window: Window) -> Window:
        return window.grown(margin_px(self.noise)).coarser(ALIGNED).finer(ALIGNED).within(*self.size)


@dataclass(frozen=True)
class Unstriped(Mended):
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
class Sharpened(Mended):
    """Layers with their blur undone by deconvolution."""

    optics: Optics

    def read(self, window: Window) -> Pixels:
        """See ``Layers``; the scene is continued beyond its edges by mirroring."""
        height, width = self.size
        rows = _cut_near_edges(window.top, window.bottom, height, self.optics.reach_px)
        columns = _cut_near_edges(window.left, window.right, width, self.optics.reach_px)
        # Windows near edges need more work over a wider margin: they are cut off and done separately.
        parts = [
            [self._undone(Window(top, left, bottom, right)) for left, right in itertools.pairwise(columns)]
            for top, bottom in itertools.pairwise(rows)
        ]
        values, valid = (np.concatenate([np.concatenate([p[i] for p in row], 2) for row in parts], 1) for i in (0, 1))
        return values, valid

    def _undone(self, window: Window) -> Pixels:
        around = window.grown(self.optics.reach_px)
        at_edges = around != around.within(*self.size)
        if at_edges:
            around = window.grown(self.optics.reach_at_edges_px).within(*self.size)
        values, valid = self.layers.read(around)
        part = (slice(None), *window.inside(around))
        # Band by band to keep memory low.
        bands = [self.optics.undone(torch.from_numpy(band)[None, None], at_edges)[0] for band in values]
        return torch.cat(bands).numpy()[part], valid[part]


@dataclass(frozen=True)
class Predicted(Mended):
    """Spatiotemporal fusion: a coarse image of a later date, made fine with an earlier pair of both sensors."""

    fine: Layers
    coarse: Layers
    gain: torch.Tensor
    """``(1, band, 1, 1)``: gain of the fine sensor relative to the coarse one."""

    shift: torch.Tensor
    """``(1, band, 1, 1)``: the part of the change that is applied in full."""

    around: int
    """Pixels on each side of one over which change is averaged."""

    def read(self, window: Window) -> Pixels:
        """See ``Layers``."""
        wider = window.grown(self.around).within(*self.size)
        now, valid = self.layers.read(wider)
        parts = (now, self.fine.read(wider)[0], self.coarse.read(wider)[0])
        image, fine, coarse = (torch.from_numpy(part)[None] for part in parts)
        part = (slice(None), *window.inside(wider))
        return predicted(image, fine, coarse, self.gain, self.shift, self.around)[0].numpy()[part], valid[part]


def _cut_near_edges(start: int, stop: int, length: int, reach: int) -> list[int]:
    """``start``, ``stop``, and the places between them that are ``reach`` pixels from either end of ``length``."""
    return sorted({start, stop, *(place for place in (reach, length - reach) if start < place < stop)})


def unstriped(layers: Layers) -> Layers:
    """The layers without the stripes along columns or along rows, whichever stand out more."""
    down, across = surveyed_lines(layers)
    rows = bool(across.evidence > down.evidence)
    chosen = across if rows else down
    return Unstriped(layers, chosen.gain[:, 0].numpy(), chosen.offset[:, 0].numpy(), rows)


def surveyed_lines(layers: Layers) -> tuple[Lines, Lines]:
    """The stripes along columns, and those along rows: ``(band, 1, line)``, evidence averaged over bands."""
    height, width = layers.size
    down = _lines(layers, [Window(start, 0, stop, width) for start, stop in _bundles(height, width, layers)], False)
    across = _lines(layers, [Window(0, start, height, stop) for start, stop in _bundles(width, height, layers)], True)
    return down, across


def _bundles(size: int, length: int, layers: Layers) -> list[tuple[int, int]]:
    """Ranges to read, along an axis of ``size``, of lines of ``length``: the whole axis, or evenly spaced bundles."""
    most = min(LINES, max(LINE_VALUES // (length * len(layers.bands)), BUNDLE))
    if size <= most:
        return [(0, size)]
    starts = np.linspace(0, size - BUNDLE, most // BUNDLE).astype(int).tolist()
    return [(start, start + BUNDLE) for start in starts]


def _lines(layers: Layers, windows: list[Window], rows: bool) -> Lines:
    """Stripes of every band ``(band, 1, line)``; band by band to keep memory low, as medians copy their input."""
    parts = [layers.read(window) for window in windows]
    values, valid = (np.concatenate([part[i].swapaxes(1, 2) if rows else part[i] for part in parts], 1) for i in (0, 1))
    found = [
        find_lines(*(torch.from_numpy(np.ascontiguousarray(part))[None, None] for part in band))
        for band in zip(values, valid, strict=True)
    ]
    gain, offset = (torch.cat([getattr(one, name) for one in found]) for name in ("gain", "offset"))
    return Lines(gain, offset, torch.cat([one.evidence for one in found]).mean())


def sharpened(layers: Layers) -> Layers:
    """The layers with the blur undone that is found in windows from all over the scene."""
    return Sharpened(layers, Optics.seen(torch.from_numpy(sample_windows(layers, SIDE)), optics()))


def foretold(layers: Layers, fine: Layers, coarse: Layers) -> Layers:
    """The earlier fine image plus part of the change since; ``layers`` as they are where numbers of bands differ."""
    if not len(layers.bands) == len(fine.bands) == len(coarse.bands):
        return layers
    parts = [[member.read(window) for member in (layers, fine, coarse)] for window in sample_blocks(*layers.size)]
    there = np.concatenate([np.stack([valid for _, valid in part]).all((0, 1)).ravel() for part in parts])
    now, before, seen = (
        torch.from_numpy(
            np.concatenate([part[member][0].reshape(len(layers.bands), -1) for part in parts], 1)[:, there]
        )[None, :, None]
        for member in range(3)
    )
    pairs = torch.from_numpy(sample_windows(Stack((fine, coarse)), CHANGED_SIDE)).chunk(2, dim=1)
    return Predicted(layers, fine, coarse, slope(before, seen), level(now - seen, [layers.bands]), surroundings(*pairs))
