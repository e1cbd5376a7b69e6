"""The mixture that training consumes: batch after batch of patches, a pure function of seed and step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np
import torch

from llars.bands import Band, plain_bands
from llars.data.corpus import Corpus
from llars.data.patches import PatchSource
from llars.data.synthetic import (
    CHAIN,
    GRID,
    Pair,
    backscatter,
    brighten,
    cut,
    damage,
    random_brightness,
    speckle,
    untouched,
    upsample,
)
from llars.errors import ConfigError, DataError
from llars.sample import Batch
from llars.tasks import TASK_KEYS

if TYPE_CHECKING:
    from torch import Tensor

Key = TypeVar("Key", int, str)

__all__ = ["Loader", "Mixer", "Recipe", "VectorBank"]

PART = 4
"""Patches that share a task and an operator: a batch holds several tasks, and an operator works on several patches."""

TRAINABLE = frozenset({*CHAIN, "sr", "brightness"})
"""Tasks of which pairs can be made from clean images alone."""

MARGINED = frozenset({"sr", "deblur"})
"""Tasks whose operators look past the edge: they get a larger crop, which is cut to the patch afterwards."""

MARGIN = 4
"""Pixels that the larger crop adds on each side."""

FACTORS, FACTOR_ODDS = (2, 3, 4), (0.5, 0.25, 0.25)
"""Factors of super-resolution and how often each is drawn: two is asked for most."""


class VectorBank(Protocol):
    """Sentence vectors of instructions, by task and severity."""

    def draw(self, task: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
        """``(batch, 384)`` float32 for ``(batch,)`` int64 indices into ``TASK_KEYS`` and ``(batch,)`` severities."""
        ...


@dataclass(frozen=True)
class Recipe:
    """What training batches are made of. Weights need not sum to one."""

    tasks: Mapping[str, float] = field(
        default_factory=lambda: {
            "denoise": 0.26,
            "deblur": 0.18,
            "destripe": 0.16,
            "haze": 0.18,
            "sr": 0.16,
            "brightness": 0.06,
        }
    )
    """Weight of each task."""

    bands: Mapping[int, float] = field(
        default_factory=lambda: {1: 0.08, 2: 0.06, 3: 0.26, 4: 0.25, 5: 0.03, 6: 0.13, 8: 0.03, 10: 0.1, 12: 0.06}
    )
    """Weight of each number of bands; a number that no scene of the corpus has is left out."""

    none_needed: float = 0.04
    """Share of patches with the instruction for a fault that is not there: nothing must change."""

    second_fault: float = 0.1
    """Share of patches with a second, milder fault that the instruction does not ask for."""

    averaged: float = 0.25
    """Share of patches averaged by 2 from a crop of twice the side: sharper and less noisy than any original."""

    speckle: float = 0.06
    """Share of ``denoise`` that is speckle on simulated backscatter, all of it in batches of one or two bands."""

    unknown_bands: float = 0.06
    """Share of patches of whose bands the model is told nothing."""

    def __post_init__(self) -> None:
        unknown = sorted(set(self.tasks) - TRAINABLE)
        if unknown or not self.tasks:
            raise ConfigError(f"a recipe cannot train {', '.join(unknown) or 'nothing'}; it can {sorted(TRAINABLE)}")


class Mixer:
    """Batches for training from a corpus of clean images.

    ``batch(step)`` depends on nothing but the arguments of the constructor and ``step``, so that a run that was
    interrupted, or is spread over workers, sees the same batches.
    """

    def __init__(
        self, corpus: Corpus, bank: VectorBank, recipe: Recipe, batch_size: int = 16, patch: int = 64, seed: int = 0
    ) -> None:
        """Sets up the draws.

        Raises:
            DataError: the corpus is not of the training split, or no scene serves a number of bands of the recipe in
                every task.
        """
        if corpus.split != "train":
            raise DataError(f"{corpus.path} is of the split {corpus.split!r}; training takes 'train' and no other")
        self.source, self.bank, self.recipe = PatchSource(corpus), bank, recipe
        self.batch_size, self.patch, self.seed = batch_size, patch, seed
        self.crop = -(-(patch + 2 * MARGIN) // GRID) * GRID
        weights = {count: weight for count, weight in recipe.bands.items() if self._serves(count)}
        if not weights:
            raise DataError(f"{corpus.path}: no sharp scene of {self.crop} valid pixels has {min(recipe.bands)} bands")
        self.counts, self._count_odds = _odds(weights)
        self.tasks, self._task_odds = _odds(recipe.tasks)
        few = sum(odds for count, odds in zip(self.counts, self._count_odds, strict=True) if count <= 2)
        chain = sum(odds for task, odds in zip(self.tasks, self._task_odds, strict=True) if task in CHAIN)
        # Shares of all patches, turned into odds where the choice is made.
        self._speckle_odds = recipe.speckle / few if few else 0.0
        self._none_odds = recipe.none_needed / chain if chain else 0.0

    def batch(self, step: int) -> Batch:
        """The batch of one step."""
        rng = np.random.default_rng((self.seed, step))
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        count = int(rng.choice(self.counts, p=self._count_odds))
        parts: list[Pair] = []
        bands: list[tuple[Band, ...]] = []
        tasks: list[int] = []
        asked: list[Tensor] = []
        for start in range(0, self.batch_size, PART):
            size = min(PART, self.batch_size - start)
            task = str(rng.choice(self.tasks, p=self._task_odds))
            pair, true_bands, words = self._part(task, count, size, rng, generator)
            parts.append(pair)
            bands += [self._told(each, rng) for each in true_bands]
            tasks += [TASK_KEYS.index(task)] * size
            asked.append(words)
        index = torch.tensor(tasks)
        return Batch(
            degraded=torch.cat([pair.degraded for pair in parts]),
            clean=torch.cat([pair.clean for pair in parts]),
            bands=bands,
            task=index,
            severity=torch.cat([pair.severity for pair in parts]),
            instruction=self.bank.draw(index, torch.cat(asked), generator),
            faults=torch.cat([pair.faults for pair in parts]),
            factor=torch.cat([torch.full((len(pair.clean),), pair.factor) for pair in parts]),
        )

    def _part(
        self, task: str, count: int, size: int, rng: np.random.Generator, generator: torch.Generator
    ) -> tuple[Pair, list[tuple[Band, ...]], Tensor]:
        """Patches of one task, their bands, and the severities that the words speak of."""
        sharp = task in MARGINED
        patches = self.source.draw(
            count,
            self.crop if sharp else self.patch,
            size,
            rng,
            averaged=self.recipe.averaged,
            sharp=sharp,
            optical=task in ("haze", "sr", "brightness"),
        )
        bands = patches.bands
        if task in CHAIN and rng.random() < self._none_odds:
            words = torch.from_numpy(rng.uniform(0.1, 1.0, size)).float()
            return self._cut(untouched(patches.clean), 1), bands, words
        step = 1
        if task == "sr":
            step = int(rng.choice(FACTORS, p=FACTOR_ODDS))
            pair = upsample(patches.clean, step)
        elif task == "brightness":
            pair = brighten(patches.clean, *random_brightness(size, rng), patches.value_ranges)
        elif task == "denoise" and count <= 2 and rng.random() < self._speckle_odds:
            clean, bands = backscatter(patches.clean, rng)
            pair = speckle(clean, rng, generator)
        else:
            second = bool(rng.random() < self.recipe.second_fault)
            pair = damage(task, patches.clean, bands, rng, generator, second)
        return self._cut(pair, step), bands, pair.severity

    def _serves(self, count: int) -> bool:
        return self.source.serves(count, self.crop, sharp=True, optical=True)

    def _told(self, bands: tuple[Band, ...], rng: np.random.Generator) -> tuple[Band, ...]:
        return plain_bands(len(bands)) if rng.random() < self.recipe.unknown_bands else bands

    def _cut(self, pair: Pair, step: int) -> Pair:
        """The patch within a larger crop, starting at a multiple of ``step`` so that coarse pixels stay whole."""
        return pair if pair.clean.shape[-1] == self.patch else cut(pair, MARGIN // step * step, self.patch)


class Loader:
    """The batches of the steps from ``start`` to before ``stop``, in order, made ahead by worker processes.

    The batches are the same for any number of workers; with none they are made when asked for.
    """

    def __init__(self, mixer: Mixer, start: int, stop: int, workers: int = 1, ahead: int = 8) -> None:
        self.mixer, self.steps, self.workers, self.ahead = mixer, range(start, stop), workers, ahead

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
    total = sum(weights.values())
    return list(weights), [weight / total for weight in weights.values()]
