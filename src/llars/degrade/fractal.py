"""Fractal random fields without edge effects: a window of any size shows a piece of an unbounded field."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from llars.degrade.base import Case

__all__ = ["Fractal"]

FINEST_PX = 2
"""Spacing of the finest octave's nodes; each octave is twice as wide as the one before."""

OCTAVES = 8
"""Octaves: from 2 to 256 pixels between nodes."""

BLOCK = 64
"""Pixels interpolated at once: small matrices, however large the scene."""


@dataclass(frozen=True)
class Fractal:
    """Sums of cubic B-splines through random nodes, one sum for each image of a batch.

    Structures are sized in pixels, not relative to the image, so that a patch looks like a piece of a scene.
    """

    nodes: tuple[Tensor, ...]
    """Values of the nodes of each octave, ``(batch, row, column)``."""

    phase: Tensor
    """``(octave, 2, batch)`` position of the upper left pixel in its cell, 0 to 1: random, so no lattices align."""

    margin: int
    """Pixels by which a view may be displaced."""

    @staticmethod
    def draw(case: Case, widest_px: Tensor, roughness: Tensor, margin: int = 0) -> Fractal:
        """A field for each image of the batch.

        Args:
            case: gives the shape and the random numbers.
            widest_px: ``(batch,)``, 2 to 256: node spacing of the widest structures, which are twice as wide.
            roughness: ``(batch,)``: amplitude of an octave relative to the next wider one; 0.5 is smooth, 0.8 ragged
                (2^-H with the Hurst exponent H; 0.8 fits the liquid water of clouds).
            margin: how many pixels a view may be displaced.
        """
        batch, _, height, width = case.image.shape
        phase = case.uniform(OCTAVES, 2, batch)
        widest = torch.log2(widest_px / FINEST_PX)
        nodes = []
        for octave in range(OCTAVES):
            rows, columns = (math.ceil((side + 2 * margin) / _cell(octave)) + 4 for side in (height, width))
            finer = widest - octave
            # A fractional octave is blended in by its share.
            amplitude = roughness.pow(finer.clamp(min=0.0)) * (1.0 + finer).clamp(0.0, 1.0)
            nodes.append(case.normal(batch, rows, columns) * amplitude.view(-1, 1, 1))
        return Fractal(tuple(nodes), phase, margin)

    def view(self, height: int, width: int, shift: Tensor | None = None) -> Tensor:
        """``(batch, 1, y, x)`` values; ``shift`` ``(2, batch)`` displaces the window down and right, in pixels."""
        total = torch.zeros(())
        for octave, nodes in enumerate(self.nodes):
            start = self.phase[octave] + self.margin / _cell(octave)
            if shift is not None:
                start = start + shift / _cell(octave)
            along_y = _interpolated(nodes.mT, start[0], _cell(octave), height).mT
            total = total + _interpolated(along_y, start[1], _cell(octave), width)
        return total[:, None]


def _cell(octave: int) -> int:
    return FINEST_PX << octave


def _interpolated(nodes: Tensor, start: Tensor, cell: int, length: int) -> Tensor:
    """Values at ``length`` pixels of lines of nodes: ``(batch, line, node)`` to ``(batch, line, length)``."""
    blocks = []
    for first in range(0, length, BLOCK):
        pixel = torch.arange(first, min(first + BLOCK, length), device=nodes.device, dtype=nodes.dtype)
        place = start[:, None] + pixel / cell
        low = int(place[:, 0].min())
        near = torch.arange(low, min(int(place[:, -1].max()) + 4, nodes.shape[2]), device=nodes.device)
        # A pixel between nodes 1 and 2 depends on nodes 0 to 3.
        weights = _b_spline(place[:, None, :] + 1.0 - near[:, None])
        blocks.append(nodes[:, :, near] @ weights)
    return blocks[0] if len(blocks) == 1 else torch.cat(blocks, dim=2)


def _b_spline(distance: Tensor) -> Tensor:
    """Uniform cubic B-spline: never negative, sums to 1, twice differentiable."""
    x = distance.abs()
    near = 2.0 / 3.0 - x.square() * (1.0 - 0.5 * x)
    return torch.where(x < 1.0, near, (2.0 - x).clamp(min=0.0).pow(3) / 6.0)
