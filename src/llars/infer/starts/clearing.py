"""Layers without clouds: thin clouds are corrected, hidden ground is filled from around it, alike in every window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from llars.infer.reading.layers import Layers, Mended
from llars.infer.reading.pixels import repeat
from llars.infer.reading.sampling import statistics_of
from llars.infer.starts.bright import THICK, bright_clouds
from llars.infer.starts.sheets import Sheets
from llars.infer.tiles import Tile, TileGrid, Window, mirror
from llars.model.normalise import Statistics
from llars.model.opacity import CELL, Cover, OpacityNetwork, seen_bands
from llars.starts.clouds import HIDES, NEAR, TOUCHED, Sky, Veil, direct_light, hidden_bands, measures, nearby, unveiled
from llars.starts.filling import BLOCK, LEVELS, MARGIN, pull, push

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from llars.infer.reading.layers import Pixels

__all__ = ["Cleared"]

TILE = 1280
"""Side in pixels of the pieces in which an image is surveyed, a multiple of the sides of sheets and of blocks."""

RIM = 2
"""Cells around a cloud found by brightness that count as touched: its edges are brighter than the ground."""

LEVEL = np.float32(255.0)
"""Stored value of an opacity of 1: bytes are precise enough, and are rounded once for all windows."""


@dataclass(frozen=True)
class Cleared(Mended):
    """Layers from which clouds and their shadows are removed. The mask of measured pixels stays as it is."""

    cover: NDArray[np.uint8]
    """``(2, y, x)``: opacity, and probability of a cloud or shadow, 0 to 255, of the cells of the whole image."""

    sheets: Sheets
    """Opacity, probability of a cloud or shadow, and shadow, 0 to 255, of every pixel that is not judged clear."""

    bright: NDArray[np.uint8] | None
    """``(y, x)`` of cells: 2 in opaque clouds that are found by brightness, 1 in others and in the rims of both; None
    where brightness was not tested."""

    fills: tuple[int, ...]
    """Indices of the bands that are cleared; empty where nothing is touched, or nothing is clear."""

    blocks: NDArray[np.float32]
    """``(band, y, x)``: means of the clear ground in those bands over ``BLOCK`` x ``BLOCK`` pixels, gaps filled."""

    sky: Sky | None
    """Brightness of the clouds and spread of the ground in those bands; None where there are none."""

    @classmethod
    def of(
        cls,
        layers: Layers,
        network: OpacityNetwork,
        device: torch.device | str = "cpu",
        reflectances: Sequence[tuple[float, float]] | None = None,
    ) -> Cleared:
        """Reads the whole image once to find clouds, once more given ``reflectances``, and again if it has clouds.

        Args:
            layers: the layers to clear.
            network: the estimator of clouds, on ``device``.
            device: where it computes.
            reflectances: of each band, the reflectances that unit values 0 and 1 stand for, where they are known:
                whatever is as bright and white as a cloud then counts as one too.
        """
        cover, sheets = _find(layers, network, torch.device(device))
        marks = None
        if reflectances is not None and (bright := bright_clouds(layers, reflectances)) is not None:
            # Brightness decides where the estimator sees ground; where it sees thin cloud, its opacity is better.
            opaque = (bright > THICK) | ((bright > 0.0) & (cover[1] < LEVEL / 2))
            touched = _grown(bright > 0.0, RIM)
            marks = touched.astype(np.uint8) + opaque
            cover[0, opaque] = int(LEVEL)
            cover[1, touched] = int(LEVEL)
        found = cls(layers, cover, sheets, marks, (), np.zeros((0, 0, 0), np.float32), None)
        height, width = layers.size
        pieces = TileGrid(height, width, TILE, 0, BLOCK)
        if not any(bool(found._veil(piece.core).changed.any()) for piece in pieces):
            return found
        channels = hidden_bands(layers.bands)
        shape = -(-height // BLOCK), -(-width // BLOCK)
        means, weights = (np.zeros((len(channels), *shape), np.float32) for _ in "mw")
        measured = np.zeros((3 * len(channels) + 4, *shape), np.float32)
        for piece in pieces:
            values, valid, above = found._seen(piece.core, channels)
            part = (slice(None), *piece.core.coarser(BLOCK).slices)
            measured[part] = measures(values, valid.all(1, keepdim=True), above)[0].numpy()
            weight = above.trust.where(valid, 0.0)
            for _ in range(LEVELS):
                values, weight = push(values, weight)
            means[part], weights[part] = values[0].numpy(), weight[0].numpy()
        known = [index for index, held in enumerate(weights.max((1, 2)).tolist()) if held > 0.0]
        if not known:
            return found
        blocks = pull(torch.from_numpy(means[known])[None], torch.from_numpy(weights[known])[None])
        kept = [part * len(channels) + index for part in range(3) for index in known] + [-4, -3, -2, -1]
        direct = direct_light([[layers.bands[channels[index]] for index in known]])
        sky = Sky.of(torch.from_numpy(measured[kept])[None], blocks, direct)
        return replace(found, fills=tuple(channels[index] for index in known), blocks=blocks[0].numpy(), sky=sky)

    def read(self, window: Window) -> Pixels:
        """See ``Layers``; if the image has clouds, nodata pixels are filled from clear ground as well."""
        values, valid = self.layers.read(window)
        channels = list(self.fills)
        if self.sky is None or (valid[channels].all() and not self._veil(window).changed.any()):
            return values, valid
        around = window.grown(MARGIN).coarser(BLOCK).finer(BLOCK).within(*self.size)
        seen, there, wider = self._seen(around, channels)
        coarse = torch.from_numpy(self.blocks[(slice(None), *around.coarser(BLOCK).slices)])[None]
        part = window.inside(around)
        filled = torch.cat(
            # Band by band to keep memory low.
            [
                pull(seen[:, one], wider.trust.where(there[:, one], 0.0), coarse[:, one], LEVELS)[..., *part]
                for one in (slice(row, row + 1) for row in range(len(channels)))
            ],
            1,
        )
        direct = direct_light([[self.bands[channel] for channel in channels]])
        cleared = unveiled(seen[..., *part], filled, wider.part(*part), self.sky, direct)
        values[channels] = torch.where(there[..., *part], cleared, filled)[0].numpy()
        return values, valid

    @property
    def hidden_share(self) -> float:
        """Share of the image that is hidden and filled, to the nearest cell."""
        return float((self.cover[0] > LEVEL * HIDES).mean()) if self.fills else 0.0

    def hidden(self, window: Window) -> NDArray[np.bool_]:
        """``(y, x)``: pixels of a window that clouds hide, and that are therefore filled from their surroundings."""
        hidden = self._veil(window).hidden[0, 0].numpy()
        return hidden if self.fills else np.zeros_like(hidden)

    def _veil(self, window: Window) -> Veil:
        """Clouds and shadows over the pixels of a window."""
        shares = self.sheets.read(window)
        if self.bright is not None:
            cells = window.coarser(CELL)
            marks = repeat(self.bright[cells.slices], CELL)[window.inside(cells.finer(CELL))]
            shares[0, marks == 2] = shares[1, marks > 0] = int(LEVEL)
        around = window.coarser(CELL).grown(NEAR).within(*self.cover.shape[1:])
        near = nearby(torch.from_numpy(self.cover[(1, *around.slices)] / LEVEL)[None, None])
        part = (..., *window.inside(around.finer(CELL)))
        return Veil.of(Cover(*torch.from_numpy(shares / LEVEL)[:, None, None]), near[part])

    def _seen(self, window: Window, channels: list[int]) -> tuple[Tensor, Tensor, Veil]:
        """Values and mask of measured pixels, ``(1, band, y, x)`` of some bands, and the clouds over them."""
        values, valid = self.layers.read(window)
        return torch.from_numpy(values[channels])[None], torch.from_numpy(valid[channels])[None], self._veil(window)


def _find(layers: Layers, network: OpacityNetwork, device: torch.device) -> tuple[NDArray[np.uint8], Sheets]:
    """Opacity and probability of cloud or shadow, ``(2, y, x)``, 0 to 255, of all cells; with shadow, of all pixels."""
    height, width = layers.size
    cover, sheets = np.zeros((2, -(-height // CELL), -(-width // CELL)), np.uint8), Sheets(3)
    seen = seen_bands(layers.bands)
    if not seen:
        return cover, sheets
    whole = statistics_of(layers)
    statistics = Statistics(whole.mean[:, seen].to(device), whole.std[:, seen].to(device))
    bands = [[layers.bands[index] for index in seen]]
    for piece in TileGrid(height, width, TILE, network.halo, network.multiple):
        with torch.inference_mode():
            found = network.cover(_read(layers, piece, seen).to(device), bands, statistics)
            cells = functional.avg_pool2d(torch.cat((found.opacity, found.touched), 1), CELL)[0].cpu().numpy()
        core = piece.core.coarser(CELL)
        part = (slice(None), *core.inside(piece.window.coarser(CELL)))
        cover[(slice(None), *core.slices)] = np.rint(cells[part] * LEVEL).astype(np.uint8)
        shares = torch.cat((found.opacity, found.touched, found.shadow), 1)[(0, slice(None), *piece.crop)].cpu()
        # Pixels judged clear become zeros, which take no memory.
        kept = shares.where(shares[1] > TOUCHED, 0.0).numpy()
        sheets.write(piece.core, np.rint(kept * LEVEL).astype(np.uint8))
    return cover, sheets


def _grown(cells: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    """Morphological dilation by a square that reaches ``by`` cells to each side."""
    image = torch.from_numpy(cells)[None, None].float()
    return functional.max_pool2d(image, 2 * by + 1, stride=1, padding=by)[0, 0].numpy() > 0.0


def _read(layers: Layers, piece: Tile, channels: list[int]) -> Tensor:
    """A tile's pixels ``(1, band, y, x)``, mirrored where it reaches beyond the scene."""
    inside = piece.window.within(*layers.size)
    values = layers.read(inside)[0][channels]
    rows, columns = (mirror(0, wanted, there) for wanted, there in zip(piece.window.shape, inside.shape, strict=True))
    return torch.from_numpy(values.take(rows, axis=1).take(columns, axis=2))[None]
