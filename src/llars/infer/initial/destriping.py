"""Destriped layers: a gain and an offset for each line of the scene, and a network that corrects the result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import torch

from llars.infer.initial.blocks import blocks
from llars.infer.initial.cached import Cached
from llars.infer.reading.sampling import statistics_of
from llars.infer.tiles import Window
from llars.initial.stripes import Lines, corrected, find_lines

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from llars.infer.reading.layers import Layers, Pixels
    from llars.model.correction import CorrectionNetwork

__all__ = ["Destriped", "line_corrections"]

MAX_LINES = 512
"""Most pixels of each line that are sampled to find stripes."""

MAX_VALUES = 2**25
"""Most values that are held at once to find stripes."""

LINES_PER_READ = 32
"""Neighbouring rows or columns that are read together."""

BLOCK_SIDE = 512
"""Side in pixels of the pieces that the network corrects at once: its inputs take twenty times the memory of a band."""


@dataclass(frozen=True)
class Destriped(Cached):
    """Layers destriped by a gain and an offset for each line, and corrected by a network."""

    gain: NDArray[np.float32]
    """``(band, line)``."""

    offset: NDArray[np.float32]
    """``(band, line)`` unit values."""

    rows: bool
    """Lines are rows, else columns."""

    scale: NDArray[np.float32]
    """``(band, 1, 1)``: size of the stripes; see ``Lines.scale``."""

    network: CorrectionNetwork | None
    """Corrects the result."""

    @classmethod
    def of(cls, layers: Layers, network: CorrectionNetwork | None = None) -> Self:
        """Finds the stripes along columns and along rows, and removes those that stand out more."""
        down, across = line_corrections(layers)
        rows = bool(across.evidence > down.evidence)
        chosen = across if rows else down
        scale = chosen.scale(statistics_of(layers).mean.mT)[:, 0].numpy()
        return cls(layers, chosen.gain[:, 0].numpy(), chosen.offset[:, 0].numpy(), rows, scale, network).cached()

    def compute(self, window: Window) -> Pixels:
        """See ``Cached``."""
        around = self._around(window)
        values, valid = self.layers.read(around)
        lines = around.slices[0 if self.rows else 1]
        gain, offset = (np.expand_dims(part[:, lines], 2 if self.rows else 1) for part in (self.gain, self.offset))
        estimate = values * gain + offset
        part = (slice(None), *window.inside(around))
        if self.network is None:
            return estimate[part], valid[part]
        result = np.empty((len(values), *window.shape), dtype=np.float32)
        for block in blocks(window, BLOCK_SIDE):
            needed = self._around(block)
            inside = (slice(None), *needed.inside(around))
            image, lines_removed, scale = (
                torch.from_numpy(one)[None] for one in (values[inside], estimate[inside], self.scale)
            )
            with torch.inference_mode():
                restored = corrected(image, lines_removed, scale, self.network)[0].numpy()
            result[(slice(None), *block.inside(window))] = restored[(slice(None), *block.inside(needed))]
        return result, valid[part]

    def _around(self, window: Window) -> Window:
        """The window with the pixels around it that the correction depends on, in whole cells of the network."""
        if self.network is None:
            return window
        multiple = self.network.multiple
        return window.grown(self.network.halo).coarser(multiple).finer(multiple).within(*self.size)


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
