"""Crops of scenes on one grid: an optical image with radar of the same ground, or with another date of itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from llars.bands import Band, Modality
from llars.data.corpus import Corpus, Scene
from llars.data.patches import PatchSource, turned

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Companions", "Couple"]

TRIES = 20
"""Windows that are tried before one is accepted in which the companion has gaps."""


@dataclass(frozen=True)
class Couple:
    """Patches of two images of the same ground."""

    first: Tensor
    """``(batch, band, y, x)`` float32 unit values."""

    second: Tensor
    """``(batch, band, y, x)`` float32 unit values, scaled by the range of its own sensor."""

    bands: list[tuple[Band, ...]]
    """Bands of each patch of ``first``."""

    second_bands: list[tuple[Band, ...]]
    """Bands of each patch of ``second``."""


class Companions:
    """Draws couples from the stacks of a corpus; a draw depends on the generator alone."""

    def __init__(self, corpus: Corpus, source: PatchSource, side: int) -> None:
        self.corpus, self._source, self._side = corpus, source, side
        self._radar: dict[str, list[tuple[int, int]]] = defaultdict(list)
        self._dates: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for name, members in corpus.stacks.items():
            fit = [index for index in members if source.has_window(index, side)]
            for first in fit:
                if not _is_radar(corpus.scenes[first]):
                    self._radar[name] += [(first, other) for other in fit if _is_radar(corpus.scenes[other])]
                    self._dates[name] += [(first, other) for other in fit if self._another_date(first, other)]

    def _another_date(self, first: int, second: int) -> bool:
        one, other = self.corpus.scenes[first], self.corpus.scenes[second]
        return first != second and one.sensor == other.sensor and one.bands == other.bands

    def has_radar(self, count: int) -> bool:
        """Whether some optical image of at least ``count`` bands has radar beside it."""
        return bool(self._of(self._radar, count))

    def has_dates(self, count: int) -> bool:
        """Whether some image of at least ``count`` bands has another date."""
        return bool(self._of(self._dates, count))

    def radar(self, count: int, size: int, rng: np.random.Generator) -> Couple:
        """``size`` patches of ``count`` optical bands, with one band of radar of the same ground."""
        return self._draw(self._of(self._radar, count), count, size, rng, alike=False)

    def dates(self, count: int, size: int, rng: np.random.Generator) -> Couple:
        """``size`` patches of the same ``count`` bands of two dates."""
        return self._draw(self._of(self._dates, count), count, size, rng, alike=True)

    def _of(self, couples: dict[str, list[tuple[int, int]]], count: int) -> list[list[tuple[int, int]]]:
        """For each stack the couples whose first image has at least ``count`` bands; empty stacks are left out."""
        fit = ([c for c in members if len(self.corpus.scenes[c[0]].bands) >= count] for members in couples.values())
        return [members for members in fit if members]

    def _draw(
        self,
        stacks: list[list[tuple[int, int]]],
        count: int,
        size: int,
        rng: np.random.Generator,
        alike: bool,
    ) -> Couple:
        # Weighted by the square root of the pixels, so that neither large nor small stacks dominate.
        weights = np.sqrt([float(self.corpus.scenes[members[0][0]].pixels) for members in stacks])
        odds = weights / weights.sum()
        rows = []
        for _ in range(size):
            members = stacks[int(rng.choice(len(stacks), p=odds))]
            rows.append(self._row(*members[int(rng.integers(len(members)))], count, rng, alike))
        firsts, seconds, bands, second_bands = zip(*rows, strict=True)
        return Couple(_stacked(firsts), _stacked(seconds), list(bands), list(second_bands))

    def _row(
        self, first: int, second: int, count: int, rng: np.random.Generator, alike: bool
    ) -> tuple[np.ndarray, np.ndarray, tuple[Band, ...], tuple[Band, ...]]:
        one, other = self.corpus.scenes[first], self.corpus.scenes[second]
        channels = rng.permutation(len(one.bands))[:count].tolist()
        of_other = channels if alike else [int(rng.integers(len(other.bands)))]
        y, x = self._corner(first, other, rng)
        turn = int(rng.integers(8))
        window = (y, x, self._side, self._side)
        patches = [turned(one.crop(channels, *window), turn), turned(other.crop(of_other, *window), turn)]
        return (
            patches[0],
            patches[1],
            tuple(one.bands[channel] for channel in channels),
            tuple(other.bands[channel] for channel in of_other),
        )

    def _corner(self, first: int, other: Scene, rng: np.random.Generator) -> tuple[int, int]:
        """Corner of a window that is valid in the first image and, if found within ``TRIES``, in the other."""
        for _ in range(TRIES):
            y, x = self._source.corner(first, self._side, rng)
            if other.valid is None or other.valid[y : y + self._side, x : x + self._side].all():
                break
        return y, x


def _is_radar(scene: Scene) -> bool:
    return all(band.modality is Modality.SAR for band in scene.bands)


def _stacked(patches: Iterable[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(np.stack(list(patches))))
