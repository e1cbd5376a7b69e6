"""Layers without what clouds hide: filled from clear ground around it, the same in every window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from llars.infer.reading.layers import Layers, Mended
from llars.infer.reading.sampling import statistics_of
from llars.infer.starts.bright import THICK, bright_clouds
from llars.infer.tiles import Tile, TileGrid, Window, mirror
from llars.model.normalise import Statistics
from llars.model.opacity import CELL, Cover, OpacityNetwork, seen_bands
from llars.starts.clouds import REACH, Hidden, hidden_bands, hidden_under
from llars.starts.filling import BLOCK, LEVELS, MARGIN, pull, push

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from llars.infer.reading.layers import Pixels

__all__ = ["Cleared"]

TILE = 1024
"""Side in pixels of the pieces in which an image is surveyed."""

LEVEL = np.float32(255.0)
"""What stands for 1 where opacities are kept: a byte tells them finely enough, and rounds them once for all windows."""


@dataclass(frozen=True)
class Cleared(Mended):
    """Layers in which the pixels under opaque clouds are filled. Where they were measured stays as it is."""

    cover: NDArray[np.uint8]
    """``(2, y, x)``: opacity and how likely touched, 0 to 255, of the cells of the whole image."""

    fills: tuple[int, ...]
    """Indices of the bands that are filled; none where nothing is hidden, or nothing is clear."""

    blocks: NDArray[np.float32]
    """``(band, y, x)``: those bands, in blocks of ``BLOCK`` pixels, filled."""

    @classmethod
    def of(
        cls,
        layers: Layers,
        network: OpacityNetwork,
        device: torch.device | str = "cpu",
        reflectances: Sequence[tuple[float, float]] | None = None,
    ) -> Cleared:
        """Reads the whole image twice, once where no cloud is found.

        Args:
            layers: what is cleared.
            network: the estimator of clouds, on ``device``.
            device: where it computes.
            reflectances: what the unit values 0 and 1 of each band stand for, where that is reflectance: what is as
                bright and white as clouds is hidden then too.
        """
        cover = _find(layers, network, torch.device(device))
        if reflectances is not None and (bright := bright_clouds(layers, reflectances)) is not None:
            # Brightness decides where the estimator sees ground; how thin the clouds are that it sees, it tells better.
            cover[0, (bright > THICK) | ((bright > 0.0) & (cover[1] < LEVEL / 2))] = int(LEVEL)
            cover[1, bright > 0.0] = int(LEVEL)
        found = cls(layers, cover, (), np.zeros((0, 0, 0), np.float32))
        height, width = layers.size
        pieces = TileGrid(height, width, TILE, 0, BLOCK)
        if not any(bool(found._hidden(piece.core).gaps.any()) for piece in pieces):
            return found
        channels = hidden_bands(layers.bands)
        means, weights = (np.zeros((len(channels), -(-height // BLOCK), -(-width // BLOCK)), np.float32) for _ in "mw")
        for piece in pieces:
            values, _, weight = found._weighed(piece.core, channels)
            for _ in range(LEVELS):
                values, weight = push(values, weight)
            part = (slice(None), *piece.core.coarser(BLOCK).slices)
            means[part], weights[part] = values[0].numpy(), weight[0].numpy()
        known = [index for index, held in enumerate(weights.max((1, 2)).tolist()) if held > 0.0]
        blocks = pull(torch.from_numpy(means[known])[None], torch.from_numpy(weights[known])[None])[0].numpy()
        return cls(layers, cover, tuple(channels[index] for index in known), blocks)

    def read(self, window: Window) -> Pixels:
        """See ``Layers``; what is no data is filled from clear ground too where anything is hidden in the image."""
        values, valid = self.layers.read(window)
        channels = list(self.fills)
        if not channels or (valid[channels].all() and not self.hidden(window).any()):
            return values, valid
        around = window.grown(MARGIN).coarser(BLOCK).finer(BLOCK).within(*self.size)
        seen, gaps, weight = self._weighed(around, channels)
        coarse = torch.from_numpy(self.blocks[(slice(None), *around.coarser(BLOCK).slices)])[None]
        part = window.inside(around)
        for row, channel in enumerate(channels):
            one = slice(row, row + 1)
            filled = pull(seen[:, one], weight[:, one], coarse[:, one], LEVELS)
            values[channel] = torch.where(gaps[:, one], filled, seen[:, one])[(0, 0, *part)].numpy()
        return values, valid

    def hidden(self, window: Window) -> NDArray[np.bool_]:
        """``(y, x)``: pixels of a window that are hidden under clouds, and so filled from their surroundings."""
        gaps = self._hidden(window).gaps[0, 0].numpy()
        return gaps if self.fills else np.zeros_like(gaps)

    def _hidden(self, window: Window) -> Hidden:
        """Of a window, from all cells that have influence."""
        cells = window.coarser(CELL).grown(REACH).within(*self.cover.shape[1:])
        shares = torch.from_numpy(self.cover[(slice(None), *cells.slices)] / LEVEL)[:, None, None]
        hidden = hidden_under(Cover(shares[0], shares[1]))
        part = (..., *window.inside(cells.finer(CELL)))
        return Hidden(hidden.gaps[part], hidden.trust[part])

    def _weighed(self, window: Window, channels: list[int]) -> tuple[Tensor, Tensor, Tensor]:
        """Values, gaps and trust ``(1, band, y, x)`` of some bands."""
        values, valid = self.layers.read(window)
        hidden = self._hidden(window)
        gaps = hidden.gaps | ~torch.from_numpy(valid[channels])[None]
        return torch.from_numpy(values[channels])[None], gaps, hidden.trust.where(~gaps, 0.0)


def _find(layers: Layers, network: OpacityNetwork, device: torch.device) -> NDArray[np.uint8]:
    """Opacity and how likely touched, ``(2, y, x)`` of 255, of all cells of an image."""
    height, width = layers.size
    cover = np.zeros((2, -(-height // CELL), -(-width // CELL)), np.uint8)
    seen = seen_bands(layers.bands)
    if not seen:
        return cover
    whole = statistics_of(layers)
    statistics = Statistics(whole.mean[:, seen].to(device), whole.std[:, seen].to(device))
    bands = [[layers.bands[index] for index in seen]]
    for piece in TileGrid(height, width, TILE, network.halo, network.multiple):
        with torch.inference_mode():
            found = network.cover(_read(layers, piece, seen).to(device), bands, statistics)
            both = torch.cat((found.opacity, found.touched), 1)[0].cpu().numpy()
        core = piece.core.coarser(CELL)
        part = (slice(None), *core.inside(piece.window.coarser(CELL)))
        cover[(slice(None), *core.slices)] = np.rint(both[part] * LEVEL).astype(np.uint8)
    return cover


def _read(layers: Layers, piece: Tile, channels: list[int]) -> Tensor:
    """A tile's pixels ``(1, band, y, x)``, mirrored where it reaches beyond the scene."""
    inside = piece.window.within(*layers.size)
    values = layers.read(inside)[0][channels]
    rows, columns = (mirror(0, wanted, there) for wanted, there in zip(piece.window.shape, inside.shape, strict=True))
    return torch.from_numpy(values.take(rows, axis=1).take(columns, axis=2))[None]
