"""Detail that a radar guide shows of the ground under clouds, alike in every window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from llars.infer.reading.sampling import statistics_of
from llars.infer.tiles import TileGrid, Window
from llars.initial.filling import BLOCK, LEVELS, pull, push
from llars.initial.radar_guidance import FEATURE_MARGIN, Moments, detailed, features

if TYPE_CHECKING:
    from torch import Tensor

    from llars.infer.reading.layers import Layers
    from llars.model.normalise import Statistics

__all__ = ["RadarDetail"]

PIECE = 512
"""Side in pixels of the pieces in which the whole scene is read, a multiple of ``BLOCK``: there are many features."""


@dataclass(frozen=True)
class RadarDetail:
    """What the features of a radar image tell of the bands of a scene on the same grid."""

    radar: Layers
    """Decibels as unit values."""

    statistics: Statistics
    """Those of the whole image."""

    blocks: Tensor
    """``(1, feature, y, x)``: means of the features over ``BLOCK`` x ``BLOCK`` pixels of clear ground, gaps filled."""

    slopes: Tensor
    """``(1, band, feature)``: see ``Moments``."""

    @classmethod
    def of(cls, radar: Layers, clear_ground: Callable[[Window], tuple[Tensor, Tensor]]) -> RadarDetail:
        """Reads the whole scene once.

        Args:
            radar: the radar image.
            clear_ground: gives the bands of a window ``(1, band, y, x)``, and the confidence in each pixel
                ``(1, 1, y, x)``.
        """
        height, width = radar.size
        result = cls(radar, statistics_of(radar), torch.zeros(0), torch.zeros(0))
        parts, moments = [], []
        for window in (piece.core for piece in TileGrid(height, width, PIECE, 0, BLOCK)):
            image, confidence = clear_ground(window)
            found, measured = result._features(window)
            weight = confidence.where(measured, 0.0)
            moments.append(Moments.of(image, found, weight))
            for _ in range(LEVELS):
                found, weight = push(found, weight)
            parts.append((window.coarser(BLOCK), found, weight))
        rows, columns = -(-height // BLOCK), -(-width // BLOCK)
        means, weights = torch.zeros(1, parts[0][1].shape[1], rows, columns), torch.zeros(1, 1, rows, columns)
        for block, mean, weight in parts:
            means[(..., *block.slices)], weights[(..., *block.slices)] = mean, weight
        return cls(radar, result.statistics, pull(means, weights), sum(moments[1:], moments[0]).slopes())

    def added(self, filled: Tensor, window: Window, around: Window, confidence: Tensor, deviation: Tensor) -> Tensor:
        """The filled ground ``(1, band, y, x)`` of a window with the detail of radar; unchanged where radar has gaps.

        Args:
            filled: the ground, filled in from its clear surroundings.
            window: its window.
            around: the window with a margin, of whole blocks.
            confidence: of all pixels of ``around``, see ``of``.
            deviation: see ``detailed``.
        """
        found, measured = self._features(around)
        coarse = self.blocks[(..., *around.coarser(BLOCK).slices)]
        part = (..., *window.inside(around))
        detail = (found - pull(found, confidence.where(measured, 0.0), coarse, LEVELS)).where(measured, 0.0)
        return detailed(filled, detail[part], self.slopes, deviation)

    def _features(self, window: Window) -> tuple[Tensor, Tensor]:
        """Features of a window ``(1, feature, y, x)``, and a mask ``(1, 1, y, x)`` of where radar was measured."""
        wider = window.grown(FEATURE_MARGIN).within(*self.radar.size)
        values, valid = self.radar.read(wider)
        part = (..., *window.inside(wider))
        measured = torch.from_numpy(np.ascontiguousarray(valid.all(0)))[None, None]
        return features(torch.from_numpy(values)[None], self.statistics)[part], measured[part]
