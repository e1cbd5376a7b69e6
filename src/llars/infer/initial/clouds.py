"""Layers without clouds: thin clouds are corrected, hidden ground is filled from around it, alike in every window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from llars.infer.initial.brightness import OPAQUE_REFLECTANCE, bright_clouds
from llars.infer.initial.compressed import CompressedMaps
from llars.infer.initial.radar import RadarDetail
from llars.infer.reading.layers import Derived, Layers
from llars.infer.reading.pixels import repeat
from llars.infer.reading.sampling import statistics_of
from llars.infer.tiles import Tile, TileGrid, Window, mirror
from llars.initial.clouds import (
    HIDDEN_OPACITY,
    NEAR,
    TOUCHED,
    CloudEffect,
    SceneRadiometry,
    block_sums,
    direct_light,
    hidden_bands,
    near_clouds,
    recovered_ground,
)
from llars.initial.filling import BLOCK, LEVELS, MARGIN, pull, push
from llars.model.normalise import Statistics
from llars.model.opacity import CELL, Cover, OpacityNetwork, seen_bands

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from llars.infer.reading.layers import Pixels

__all__ = ["CloudFree"]

TILE = 1280
"""Side in pixels of the pieces in which an image is surveyed, a multiple of the sides of both kinds of blocks."""

RIM_CELLS = 2
"""Cells around a cloud found by brightness that count as touched: its edges are brighter than the ground."""

BYTE_SCALE = np.float32(255.0)
"""Stored value of an opacity of 1: bytes are precise enough, and are rounded once for all windows."""


@dataclass(frozen=True)
class CloudFree(Derived):
    """Layers from which clouds and their shadows are removed. The mask of measured pixels stays as it is."""

    cover: NDArray[np.uint8]
    """``(2, y, x)``: opacity, and probability of a cloud or shadow, 0 to 255, of the cells of the whole image."""

    pixel_maps: CompressedMaps
    """Opacity, probability of a cloud or shadow, and shadow, 0 to 255, of every pixel that is not judged clear."""

    bright_marks: NDArray[np.uint8] | None
    """``(y, x)`` of cells: 2 in opaque clouds that are found by brightness, 1 in others and in the rims of both; None
    where brightness was not tested."""

    cleared_channels: tuple[int, ...]
    """Indices of the bands that are cleared; empty where nothing is touched, or nothing is clear."""

    blocks: NDArray[np.float32]
    """``(band, y, x)``: means of the clear ground in those bands over ``BLOCK`` x ``BLOCK`` pixels, gaps filled."""

    radiometry: SceneRadiometry | None
    """Brightness of the clouds and spread of the ground in those bands; None where there are none."""

    radar: RadarDetail | None = None
    """Detail of the ground that a radar guide shows."""

    @classmethod
    def of(
        cls,
        layers: Layers,
        network: OpacityNetwork,
        reflectances: Sequence[tuple[float, float]] | None = None,
        radar: Layers | None = None,
    ) -> CloudFree:
        """Reads the whole image once to find clouds, once more given ``reflectances``, and again if it has clouds.

        Args:
            layers: the layers to clear.
            network: the estimator of clouds.
            reflectances: of each band, the reflectances that unit values 0 and 1 stand for, where they are known:
                whatever is as bright and white as a cloud then counts as one too.
            radar: a guide on the same grid, whose detail helps to fill in.
        """
        cover, pixel_maps = _find(layers, network)
        marks = None
        if reflectances is not None and (brightness := bright_clouds(layers, reflectances)) is not None:
            # Brightness decides where the estimator sees ground; where it sees thin cloud, its opacity is better.
            opaque = (brightness > OPAQUE_REFLECTANCE) | ((brightness > 0.0) & (cover[1] < BYTE_SCALE / 2))
            touched = _dilated(brightness > 0.0, RIM_CELLS)
            marks = touched.astype(np.uint8) + opaque
            cover[0, opaque] = int(BYTE_SCALE)
            cover[1, touched] = int(BYTE_SCALE)
        result = cls(layers, cover, pixel_maps, marks, (), np.zeros((0, 0, 0), np.float32), None)
        height, width = layers.size
        pieces = TileGrid(height, width, TILE, 0, BLOCK)
        if not any(bool(result._clouds(piece.core).changed.any()) for piece in pieces):
            return result
        channels = hidden_bands(layers.bands)
        shape = -(-height // BLOCK), -(-width // BLOCK)
        means, weights = (np.zeros((len(channels), *shape), np.float32) for _ in "mw")
        sums = np.zeros((3 * len(channels) + 4, *shape), np.float32)
        for piece in pieces:
            values, valid, clouds = result._pixels_and_clouds(piece.core, channels)
            part = (slice(None), *piece.core.coarser(BLOCK).slices)
            sums[part] = block_sums(values, valid.all(1, keepdim=True), clouds)[0].numpy()
            weight = clouds.confidence.where(valid, 0.0)
            for _ in range(LEVELS):
                values, weight = push(values, weight)
            means[part], weights[part] = values[0].numpy(), weight[0].numpy()
        observed = [index for index, total in enumerate(weights.max((1, 2)).tolist()) if total > 0.0]
        if not observed:
            return result
        blocks = pull(torch.from_numpy(means[observed])[None], torch.from_numpy(weights[observed])[None])
        rows = [part * len(channels) + index for part in range(3) for index in observed] + [-4, -3, -2, -1]
        direct = direct_light([[layers.bands[channels[index]] for index in observed]])
        radiometry = SceneRadiometry.of(torch.from_numpy(sums[rows])[None], blocks, direct)
        cleared = replace(
            result,
            cleared_channels=tuple(channels[index] for index in observed),
            blocks=blocks[0].numpy(),
            radiometry=radiometry,
        )
        if radar is None:
            return cleared
        return replace(cleared, radar=RadarDetail.of(radar, cleared._clear_ground))

    def read(self, window: Window) -> Pixels:
        """See ``Layers``; if the image has clouds, nodata pixels are filled from clear ground as well."""
        values, valid = self.layers.read(window)
        channels = list(self.cleared_channels)
        if self.radiometry is None or (valid[channels].all() and not self._clouds(window).changed.any()):
            return values, valid
        margin_window = window.grown(MARGIN).coarser(BLOCK).finer(BLOCK).within(*self.size)
        values_around, valid_around, clouds_around = self._pixels_and_clouds(margin_window, channels)
        coarse = torch.from_numpy(self.blocks[(slice(None), *margin_window.coarser(BLOCK).slices)])[None]
        part = window.inside(margin_window)
        filled = torch.cat(
            # Band by band to keep memory low.
            [
                pull(
                    values_around[:, one],
                    clouds_around.confidence.where(valid_around[:, one], 0.0),
                    coarse[:, one],
                    LEVELS,
                )[..., *part]
                for one in (slice(row, row + 1) for row in range(len(channels)))
            ],
            1,
        )
        if self.radar is not None:
            confidence = clouds_around.confidence.where(valid_around.all(1, keepdim=True), 0.0)
            filled = self.radar.added(filled, window, margin_window, confidence, self.radiometry.deviation)
        direct = direct_light([[self.bands[channel] for channel in channels]])
        cleared = recovered_ground(
            values_around[..., *part], filled, clouds_around.part(*part), self.radiometry, direct
        )
        values[channels] = torch.where(valid_around[..., *part], cleared, filled)[0].numpy()
        return values, valid

    def _clear_ground(self, window: Window) -> tuple[Tensor, Tensor]:
        """Values of the cleared bands, and the confidence ``(1, 1, y, x)`` that all of them show clear ground."""
        values, valid, clouds = self._pixels_and_clouds(window, list(self.cleared_channels))
        return values, clouds.confidence.where(valid.all(1, keepdim=True), 0.0)

    @property
    def hidden_share(self) -> float:
        """Share of the image that is hidden and filled, to the nearest cell."""
        return float((self.cover[0] > BYTE_SCALE * HIDDEN_OPACITY).mean()) if self.cleared_channels else 0.0

    def hidden(self, window: Window) -> NDArray[np.bool_]:
        """``(y, x)``: pixels of a window that clouds hide, and that are therefore filled from their surroundings."""
        hidden = self._clouds(window).hidden[0, 0].numpy()
        return hidden if self.cleared_channels else np.zeros_like(hidden)

    def _clouds(self, window: Window) -> CloudEffect:
        """Clouds and shadows over the pixels of a window."""
        shares = self.pixel_maps.read(window)
        if self.bright_marks is not None:
            cells = window.coarser(CELL)
            marks = repeat(self.bright_marks[cells.slices], CELL)[window.inside(cells.finer(CELL))]
            shares[0, marks == 2] = shares[1, marks > 0] = int(BYTE_SCALE)
        around = window.coarser(CELL).grown(NEAR).within(*self.cover.shape[1:])
        near = near_clouds(torch.from_numpy(self.cover[(1, *around.slices)] / BYTE_SCALE)[None, None])
        part = (..., *window.inside(around.finer(CELL)))
        return CloudEffect.of(Cover(*torch.from_numpy(shares / BYTE_SCALE)[:, None, None]), near[part])

    def _pixels_and_clouds(self, window: Window, channels: list[int]) -> tuple[Tensor, Tensor, CloudEffect]:
        """Values and mask of measured pixels, ``(1, band, y, x)`` of some bands, and the clouds over them."""
        values, valid = self.layers.read(window)
        return torch.from_numpy(values[channels])[None], torch.from_numpy(valid[channels])[None], self._clouds(window)


def _find(layers: Layers, network: OpacityNetwork) -> tuple[NDArray[np.uint8], CompressedMaps]:
    """Opacity and probability of cloud or shadow, ``(2, y, x)``, 0 to 255, of all cells; with shadow, of all pixels."""
    height, width = layers.size
    cover, pixel_maps = np.zeros((2, -(-height // CELL), -(-width // CELL)), np.uint8), CompressedMaps(3)
    channels = seen_bands(layers.bands)
    if not channels:
        return cover, pixel_maps
    scene_statistics = statistics_of(layers)
    statistics = Statistics(scene_statistics.mean[:, channels], scene_statistics.std[:, channels])
    bands = [[layers.bands[index] for index in channels]]
    for piece in TileGrid(height, width, TILE, network.halo, network.multiple):
        with torch.inference_mode():
            cover_of_tile = network.cover(_read(layers, piece, channels), bands, statistics)
            cells = (
                functional.avg_pool2d(torch.cat((cover_of_tile.opacity, cover_of_tile.touched), 1), CELL)[0]
                .cpu()
                .numpy()
            )
        core = piece.core.coarser(CELL)
        part = (slice(None), *core.inside(piece.window.coarser(CELL)))
        cover[(slice(None), *core.slices)] = np.rint(cells[part] * BYTE_SCALE).astype(np.uint8)
        shares = torch.cat((cover_of_tile.opacity, cover_of_tile.touched, cover_of_tile.shadow), 1)[
            (0, slice(None), *piece.crop)
        ].cpu()
        # Pixels judged clear become zeros, which take no memory.
        not_clear = shares.where(shares[1] > TOUCHED, 0.0).numpy()
        pixel_maps.write(piece.core, np.rint(not_clear * BYTE_SCALE).astype(np.uint8))
    return cover, pixel_maps


def _dilated(cells: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    """Morphological dilation by a square that reaches ``by`` cells to each side."""
    image = torch.from_numpy(cells)[None, None].float()
    return functional.max_pool2d(image, 2 * by + 1, stride=1, padding=by)[0, 0].numpy() > 0.0


def _read(layers: Layers, piece: Tile, channels: list[int]) -> Tensor:
    """A tile's pixels ``(1, band, y, x)``, mirrored where it reaches beyond the scene."""
    inside = piece.window.within(*layers.size)
    values = layers.read(inside)[0][channels]
    rows, columns = (
        mirror(0, needed, available) for needed, available in zip(piece.window.shape, inside.shape, strict=True)
    )
    return torch.from_numpy(values.take(rows, axis=1).take(columns, axis=2))[None]
