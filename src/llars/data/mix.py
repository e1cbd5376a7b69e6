"""The mixture that training consumes: batches of patches, each a pure function of seed and step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np
import torch

from llars.bands import Band, plain_bands
from llars.data.companions import Companions
from llars.data.corpus import Corpus
from llars.data.guided import another_date, clouded, fused, later
from llars.data.initial import WIDE, Estimators, initial_pair
from llars.data.patches import Patches, PatchSource
from llars.data.recipe import GUIDED, MARGINED, Recipe
from llars.data.synthetic import (
    CHAIN,
    GRID,
    Pair,
    backscatter,
    brighten,
    cut,
    damage,
    operate,
    random_brightness,
    severities,
    speckle,
    untouched,
    upsample,
)
from llars.errors import DataError
from llars.sample import Batch
from llars.tasks import TASK_KEYS, TONES

if TYPE_CHECKING:
    from torch import Tensor

Key = TypeVar("Key", int, str)

__all__ = ["Instructions", "Loader", "Mixer", "Recipe"]

PART = 4
"""Patches that share a task and an operator: a batch holds several tasks, and an operator works on several patches."""

MARGIN = 4
"""Pixels that the larger crop of tasks with a halo adds on each side, at least."""

FAULT_TASKS = frozenset({*CHAIN, "cloud", "cloud_sar"})
"""Tasks that remove a fault: they must leave a faultless image unchanged."""

OPTICAL = frozenset({"cloud", "haze", "sr", "pansharpen", "brightness"})
"""Tasks for images of reflected light only."""

FACTORS, FACTOR_ODDS = (2, 3, 4), (0.5, 0.25, 0.25)
"""Factors of super-resolution and their probabilities: a factor of two is the most common request."""


class Instructions(Protocol):
    """Sentence vectors of instructions, by task and severity."""

    def draw(self, task: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
        """``(batch, 384)`` float32 for ``(batch,)`` int64 indices into ``TASK_KEYS`` and ``(batch,)`` severities."""
        ...


class Mixer:
    """Batches for training from a corpus of clean images.

    ``batch(step)`` depends only on the arguments of the constructor and ``step``, so that a run sees the same batches
    when it is resumed or spread over workers.
    """

    def __init__(
        self,
        corpus: Corpus,
        words: Instructions,
        recipe: Recipe,
        batch_size: int = 16,
        patch: int = 64,
        seed: int = 0,
        estimators: Estimators | None = None,
    ) -> None:
        """Sets up the draws; without ``estimators`` degraded images are used as they are, not as initial estimates.

        Raises:
            DataError: the corpus is not of the training split, no scene fits any number of bands of the recipe, or
                ``cloud_sar`` is asked for and the corpus has no radar beside an optical image.
        """
        if corpus.split != "train":
            raise DataError(f"{corpus.path} is of the split {corpus.split!r}; training takes 'train' and no other")
        self.source, self.words, self.recipe = PatchSource(corpus), words, recipe
        self.estimators = estimators
        self.dates = Companions(corpus, self.source, patch)
        self.radar = Companions(corpus, self.source, WIDE["cloud_sar"])
        self.batch_size, self.patch, self.seed = batch_size, patch, seed
        self.crop = -(-(patch + 2 * MARGIN) // GRID) * GRID
        weights = {count: weight for count, weight in recipe.bands.items() if self._serves(count)}
        if not weights:
            raise DataError(f"{corpus.path}: no sharp scene of {self.crop} valid pixels has {min(recipe.bands)} bands")
        if "cloud_sar" in recipe.tasks and not self.radar.has_radar(1):
            raise DataError(
                f"{corpus.path} has no optical image with radar beside it; leave cloud_sar out of the tasks"
            )
        self.counts, self._count_odds = _odds(weights)
        self.tasks, self._task_odds = _odds(recipe.tasks)
        mixed = {task: weight for task, weight in recipe.tasks.items() if task not in GUIDED | TONES}
        self.mixed, self._mixed_odds = _odds(mixed)
        few = sum(odds for count, odds in zip(self.counts, self._count_odds, strict=True) if count <= 2)
        chain = sum(odds for task, odds in zip(self.tasks, self._task_odds, strict=True) if task in FAULT_TASKS)
        # Shares of all patches, converted to probabilities at the point where the choice is made.
        self._speckle_odds = recipe.speckle / few if few else 0.0
        self._none_odds = recipe.none_needed / chain if chain else 0.0

    def batch(self, step: int) -> Batch:
        """The batch of one step."""
        rng = np.random.default_rng((self.seed, step))
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        count = int(rng.choice(self.counts, p=self._count_odds))
        first = str(rng.choice(self.tasks, p=self._task_odds))
        if first in GUIDED | TONES:
            return self._alone(first, count, rng, generator)
        sizes = [min(PART, self.batch_size - start) for start in range(0, self.batch_size, PART)]
        others = rng.choice(self.mixed, p=self._mixed_odds, size=len(sizes) - 1)
        parts = [
            (task, *self._part(task, count, size, rng, generator))
            for task, size in zip((first, *others.tolist()), sizes, strict=True)
        ]
        return self._joined(parts, rng, generator)

    def _joined(
        self,
        parts: Sequence[tuple[str, Pair, Sequence[tuple[Band, ...]], Tensor]],
        rng: np.random.Generator,
        generator: torch.Generator,
    ) -> Batch:
        """One batch from parts: task, pair, bands, and the severities that the words state."""
        index = torch.cat([torch.full((len(pair.clean),), TASK_KEYS.index(task)) for task, pair, _, _ in parts])
        # All at once: the sentences of a batch must not depend on how it is divided into parts.
        vectors = self.words.draw(index, torch.cat([asked for *_, asked in parts]), generator)
        sizes = [len(pair.clean) for _, pair, _, _ in parts]
        return Batch.concatenated(
            [
                pair.batch(task, [self._told(each, rng) for each in members], instruction)
                for (task, pair, members, _), instruction in zip(parts, torch.split(vectors, sizes), strict=True)
            ]
        )

    def _alone(self, task: str, count: int, rng: np.random.Generator, generator: torch.Generator) -> Batch:
        """A batch of a single task: one with guides, or one about the histogram."""
        least = 2 if task == "pansharpen" else 1
        count = max(least, min(count, self.recipe.most_guided)) if task in GUIDED else count
        words = torch.from_numpy(rng.uniform(0.1, 1.0, self.batch_size)).float()
        draw = self._guided if task in GUIDED else self._toned
        pair, bands = draw(task, count, rng, generator)
        pair = self._cut(initial_pair(task, pair, bands, self.estimators), 1)
        return self._joined([(task, pair, bands, words)], rng, generator)

    def _guided(
        self, task: str, count: int, rng: np.random.Generator, generator: torch.Generator
    ) -> tuple[Pair, list[tuple[Band, ...]]]:
        """Patches with guides, and their bands."""
        size = self.batch_size
        if task == "cloud_sar":
            while not self.radar.has_radar(count):
                count -= 1
            couple = self.radar.radar(count, size, rng)
            thin = bool(rng.random() < self.recipe.thin)
            strength = severities(rng, size)
            if rng.random() < self._none_odds:
                strength = torch.zeros(size)
            radar = couple.second, couple.second_bands
            return clouded(couple.first, couple.bands, strength, generator, thin, *radar), couple.bands
        if task == "stf" and self.dates.has_dates(count) and rng.random() < self.recipe.real_dates:
            couple = self.dates.dates(count, size, rng)
            return later(couple.first, couple.second, couple.bands, rng), couple.bands
        if task == "pansharpen":
            patches = self._plain(count, rng, sharp=True, side=self._side(task, count))
            return fused(patches.clean, patches.bands, rng, generator), patches.bands
        patches = self._plain(count, rng, sharp=True)
        return later(patches.clean, another_date(patches.clean, rng), patches.bands, rng), patches.bands

    def _toned(
        self, task: str, count: int, rng: np.random.Generator, generator: torch.Generator
    ) -> tuple[Pair, list[tuple[Band, ...]]]:
        """Patches, the results of an exact operation on them, and their bands."""
        patches = self._plain(count, rng, sharp=False)
        return operate(task, patches.clean, generator), patches.bands

    def _plain(self, count: int, rng: np.random.Generator, sharp: bool, side: int | None = None) -> Patches:
        size, averaged = self.batch_size, self.recipe.averaged
        return self.source.draw(count, side or self.patch, size, rng, averaged=averaged, sharp=sharp, optical=True)

    def _part(
        self, task: str, count: int, size: int, rng: np.random.Generator, generator: torch.Generator
    ) -> tuple[Pair, list[tuple[Band, ...]], Tensor]:
        """Patches of one task, their bands, and the severities that the words state."""
        sharp = task in MARGINED
        patches = self.source.draw(
            count,
            self._side(task, count),
            size,
            rng,
            averaged=self.recipe.averaged,
            sharp=sharp,
            optical=task in OPTICAL,
        )
        bands = patches.bands
        if task in FAULT_TASKS and rng.random() < self._none_odds:
            words = torch.from_numpy(rng.uniform(0.1, 1.0, size)).float()
            return self._cut(initial_pair(task, untouched(patches.clean), bands, self.estimators), 1), bands, words
        step = 1
        if task == "sr":
            step = int(rng.choice(FACTORS, p=FACTOR_ODDS))
            pair = upsample(patches.clean, step)
        elif task == "brightness":
            pair = brighten(patches.clean, *random_brightness(size, rng), patches.value_ranges)
        elif task == "cloud":
            thin = bool(rng.random() < self.recipe.thin)
            pair = clouded(patches.clean, bands, severities(rng, size), generator, thin)
        elif task == "denoise" and count <= 2 and rng.random() < self._speckle_odds:
            clean, bands = backscatter(patches.clean, rng)
            pair = speckle(clean, rng, generator)
        else:
            second = bool(rng.random() < self.recipe.second_fault)
            pair = damage(task, patches.clean, bands, rng, generator, second)
        return self._cut(initial_pair(task, pair, bands, self.estimators), step), bands, pair.severity

    def _side(self, task: str, count: int) -> int:
        """Side of the crop that a patch of a task is cut from; ``crop`` if no scene is large enough for it."""
        sharp = task in MARGINED or task == "pansharpen"
        side = WIDE.get(task, self.crop if sharp else self.patch)
        return side if self.source.serves(count, side, sharp=sharp, optical=task in OPTICAL) else self.crop

    def _serves(self, count: int) -> bool:
        return self.source.serves(count, self.crop, sharp=True, optical=True)

    def _told(self, bands: tuple[Band, ...], rng: np.random.Generator) -> tuple[Band, ...]:
        return plain_bands(len(bands)) if rng.random() < self.recipe.unknown_bands else bands

    def _cut(self, pair: Pair, step: int) -> Pair:
        """The central patch of a larger crop, starting at a multiple of ``step`` so that coarse pixels stay whole."""
        margin = (pair.clean.shape[-1] - self.patch) // 2
        return cut(pair, margin // step * step, self.patch) if margin else pair


class Loader:
    """The batches of every ``stride``-th step from ``start`` to before ``stop``, prefetched by worker processes.

    The batches are the same for any number of workers; without workers they are made on demand.
    """

    def __init__(
        self, mixer: Mixer, start: int, stop: int, *, stride: int = 1, workers: int = 1, ahead: int = 8
    ) -> None:
        self.mixer, self.steps, self.workers, self.ahead = mixer, range(start, stop, stride), workers, ahead

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[Batch]:
        from torch.utils.data import DataLoader

        yield from DataLoader(
            _Steps(self.mixer),  # type: ignore[arg-type]  # indexed by step, which is all that the sampler needs
            batch_size=None,
            sampler=self.steps,
            num_workers=self.workers,
            prefetch_factor=self.ahead if self.workers else None,
        )


@dataclass(frozen=True)
class _Steps:
    """The mixer as a data set indexed by step."""

    mixer: Mixer

    def __getitem__(self, step: int) -> Batch:
        return self.mixer.batch(step)


def _odds(weights: Mapping[Key, float]) -> tuple[list[Key], list[float]]:
    """Keys, and their weights scaled to a sum of one."""
    total = sum(weights.values()) or 1.0
    return list(weights), [weight / total for weight in weights.values()]
