"""Random crops of a corpus: balanced over sensors, with bands in any number and order, and valid pixels only."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from llars.bands import Band, Modality, Role
from llars.data.corpus import Corpus
from llars.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

__all__ = ["PatchSource", "Patches", "turned"]

STRIP = 512
"""Rows of windows that are looked at together."""

REFLECTED = frozenset({Modality.OPTICAL, Modality.UNKNOWN})


@dataclass(frozen=True)
class Patches:
    """Clean patches of one size."""

    clean: Tensor
    """``(batch, band, y, x)`` float32 unit values."""

    bands: list[tuple[Band, ...]]
    """Bands of each patch."""

    value_ranges: list[tuple[float, float]]
    """Physical values that stand for 0 and 1 in unit values, for each patch."""


@dataclass(frozen=True)
class _Pool:
    """Scenes that fit a request, and the cumulative probabilities with which they are drawn."""

    scenes: NDArray[np.int64]
    cumulative: NDArray[np.float64]


class PatchSource:
    """Draws patches from a corpus. It is stateless: a draw depends on the generator alone."""

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus
        self._pools: dict[tuple[int, int, bool, bool], _Pool | None] = {}
        self._free: dict[tuple[int, int], NDArray[np.int64] | None] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return PatchSource, (self.corpus,)

    def serves(self, count: int, side: int, sharp: bool = False, optical: bool = False) -> bool:
        """Whether some scene that may be the truth has ``count`` bands and a valid window of ``side`` pixels."""
        return self._pool(count, side, sharp, optical) is not None

    def draw(
        self,
        count: int,
        side: int,
        size: int,
        rng: np.random.Generator,
        *,
        averaged: float = 0.0,
        sharp: bool = False,
        optical: bool = False,
    ) -> Patches:
        """``size`` patches of ``side`` pixels with ``count`` bands each.

        Every patch has a random subset of its scene's bands, half of the time in natural order, and is flipped and
        transposed at random. With probability ``averaged`` it is a crop of twice the side, averaged over 2 x 2 pixels.

        Raises:
            DataError: no scene fits.
        """
        pool = self._pool(count, side, sharp, optical)
        if pool is None:
            raise DataError(f"{self.corpus.path}: no scene has {count} bands and {side} valid pixels each way")
        clean = np.empty((size, count, side, side), dtype=np.float32)
        bands: list[tuple[Band, ...]] = []
        ranges: list[tuple[float, float]] = []
        for row in range(size):
            chosen = int(pool.scenes[np.searchsorted(pool.cumulative, rng.random(), side="right")])
            scene = self.corpus.scenes[chosen]
            channels = rng.permutation(len(scene.bands))[:count]
            if rng.random() < 0.5:
                channels.sort()
            factor = 2 if rng.random() < averaged and self.has_window(chosen, 2 * side) else 1
            y, x = self.corner(chosen, factor * side, rng)
            patch = scene.crop(channels.tolist(), y, x, factor * side, factor * side)
            if factor == 2:
                patch = 0.25 * (patch[:, ::2, ::2] + patch[:, 1::2, ::2] + patch[:, ::2, 1::2] + patch[:, 1::2, 1::2])
            clean[row] = turned(patch, int(rng.integers(8)))
            bands.append(tuple(_target(scene.bands[channel], factor) for channel in channels))
            ranges.append(scene.value_range)
        return Patches(torch.from_numpy(clean), bands, ranges)

    def _pool(self, count: int, side: int, sharp: bool, optical: bool) -> _Pool | None:
        key = (count, side, sharp, optical)
        if key not in self._pools:
            self._pools[key] = self._make_pool(count, side, sharp, optical)
        return self._pools[key]

    def _make_pool(self, count: int, side: int, sharp: bool, optical: bool) -> _Pool | None:
        fit = [
            index
            for index, scene in enumerate(self.corpus.scenes)
            if scene.clean
            and len(scene.bands) >= count
            and (scene.sharp or not sharp)
            and (not optical or all(band.modality in REFLECTED for band in scene.bands))
            and self.has_window(index, side)
        ]
        if not fit:
            return None
        pixels = np.array([self.corpus.scenes[index].pixels for index in fit], dtype=np.float64)
        by_sensor: dict[str, float] = defaultdict(float)
        for index, weight in zip(fit, pixels, strict=True):
            by_sensor[self.corpus.scenes[index].sensor] += weight
        # Each sensor's share goes with the square root of its pixels, so that large archives do not drown the others.
        shares = np.array([by_sensor[self.corpus.scenes[index].sensor] ** -0.5 for index in fit])
        weights = pixels * shares
        cumulative = np.cumsum(weights) / weights.sum()
        cumulative[-1] = 1.0
        return _Pool(np.array(fit), cumulative)

    def has_window(self, index: int, side: int) -> bool:
        """Whether scene ``index`` has a window of ``side`` valid pixels each way."""
        scene = self.corpus.scenes[index]
        if min(scene.shape) < side:
            return False
        free = self._free_windows(index, side)
        return free is None or int(free[-1]) > 0

    def corner(self, index: int, side: int, rng: np.random.Generator) -> tuple[int, int]:
        """Row and column of the upper left pixel of a random window without invalid pixels."""
        scene = self.corpus.scenes[index]
        height, width = scene.shape
        free = self._free_windows(index, side)
        if scene.valid is None or free is None:
            return int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
        drawn = int(rng.integers(int(free[-1])))
        y = int(np.searchsorted(free, drawn, side="right"))
        bad = np.concatenate(([0], (~scene.valid[y : y + side].all(axis=0)).cumsum()))
        columns = np.flatnonzero(bad[side:] == bad[:-side])
        return y, int(columns[drawn - (int(free[y - 1]) if y else 0)])

    def _free_windows(self, index: int, side: int) -> NDArray[np.int64] | None:
        """Cumulative number of windows without an invalid pixel that begin up to each row; None if all are free.

        Eight bytes per row; the positions of all windows would take more memory than the scene.
        """
        key = (index, side)
        if key not in self._free:
            valid = self.corpus.scenes[index].valid
            self._free[key] = None if valid is None else _free_by_row(valid, side)
        return self._free[key]


def _free_by_row(valid: NDArray[np.bool_], side: int) -> NDArray[np.int64]:
    """Cumulative number of free windows by row; in strips, as the summed-area table of a whole scene is large."""
    rows = valid.shape[0] - side + 1
    strips = (valid[top : min(top + STRIP, rows) + side - 1] for top in range(0, rows, STRIP))
    return np.cumsum(np.concatenate([_free(strip, side).sum(axis=1) for strip in strips]), dtype=np.int64)


def _free(valid: NDArray[np.bool_], side: int) -> NDArray[np.bool_]:
    """Whether the window of ``side`` pixels that begins at each pixel is valid throughout, by a summed-area table."""
    table = np.zeros((valid.shape[0] + 1, valid.shape[1] + 1), dtype=np.int32)
    table[1:, 1:] = (~valid).cumsum(axis=0, dtype=np.int32).cumsum(axis=1, dtype=np.int32)
    bad = table[side:, side:] - table[:-side, side:] - table[side:, :-side] + table[:-side, :-side]
    return np.asarray(bad == 0)


def turned(patch: NDArray[np.float32], which: int) -> NDArray[np.float32]:
    """The patch under symmetry ``which`` (0 to 7) of the square: flips and transposition."""
    if which & 1:
        patch = patch[:, ::-1]
    if which & 2:
        patch = patch[:, :, ::-1]
    return patch.transpose(0, 2, 1) if which & 4 else patch


def _target(band: Band, factor: int) -> Band:
    """The band with the role of a target and ``factor`` times its sampling distance; radar is packed as a guide."""
    wider = band if factor == 1 or band.gsd_m is None else band.with_gsd(band.gsd_m * factor)
    return wider if wider.role is Role.TARGET else replace(wider, role=Role.TARGET)
