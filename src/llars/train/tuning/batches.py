"""Batches of the user's patches, and of their truths degraded with the faults of other tasks."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from llars.bands import Modality
from llars.data.guided import clouded
from llars.data.initial import initial_pair
from llars.data.patches import turned
from llars.data.synthetic import CHAIN, Pair, brighten, damage, faults_of, operate, severities, upsample
from llars.degrade import get
from llars.degrade.registry import in_decibels
from llars.errors import DataError
from llars.sample import Batch
from llars.tasks import TONES, words_for
from llars.text.encoder import SentenceEncoder
from llars.train.bundled import estimators
from llars.train.tuning.config import TuneConfig
from llars.train.tuning.examples import Example

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["OTHERS", "Batches", "Words", "sentences"]

OTHERS = (*CHAIN, "cloud", "sr", "brightness", *sorted(TONES))
"""Tasks whose examples can be made from any clean image: tuning rehearses them, and they are measured afterwards."""

OPTICAL_ONLY = frozenset({"haze", "cloud", "sr", "brightness", *TONES})

HELD_OUT_PATCHES = 4
"""Patches by which each held-out image is evaluated."""

MAX_HELD_OUT = 24
"""Held-out images evaluated at most: an evaluation must not take longer than the steps between two."""

STRENGTHS = (0.25, 0.5, 0.75)
"""One severity for each of the three forms of the canonical words (slightly, plain, strongly)."""


def sentences(config: TuneConfig, factor: int = 1) -> list[str]:
    """The sentences that ask for the task: the user's own, or else the canonical ones."""
    return config.prompts or sorted({words_for(config.task, strength, factor) for strength in STRENGTHS})


class Words:
    """Sentence vectors of one run, encoded once."""

    def __init__(self, config: TuneConfig, tasks: Sequence[str], factors: Sequence[int]) -> None:
        encode = SentenceEncoder().encode
        self.own = {factor: torch.from_numpy(encode(sentences(config, factor))) for factor in sorted(set(factors))}
        """Vectors for the user's task, by the factor of its grid."""
        self.others = {
            task: torch.from_numpy(encode([words_for(task, strength, 2) for strength in STRENGTHS]))
            for task in OTHERS
            if task in tasks and task != config.task
        }
        """Vectors for the other tasks, one for each of ``STRENGTHS``."""


@dataclass(frozen=True)
class _Group:
    """Examples that fit into one batch."""

    members: list[Example]
    side: int
    """Side of the patches in pixels."""


class Batches:
    """Batches from examples; each is a pure function of the seed and the step."""

    def __init__(self, examples: Sequence[Example], config: TuneConfig, words: Words, multiple: int) -> None:
        """Groups the examples by number of bands, number of guides and factor.

        Raises:
            DataError: an image is too small, or has no patch without gaps.
        """
        self.config, self.words, self.estimators = config, words, estimators()
        kinds: dict[tuple[int, int, int], list[Example]] = {}
        for example in examples:
            kinds.setdefault((len(example.bands), len(example.guides), example.factor), []).append(example)
        self.groups = [_Group(members, _side(members, config.patch, multiple)) for members in kinds.values()]
        self._starts = {id(example): _starts(example, group.side) for group in self.groups for example in group.members}

    def train(self, step: int) -> Batch:
        """The user's pairs for one step."""
        rng = np.random.default_rng((self.config.seed, step))
        group = self._group(rng)
        chosen = [group.members[int(at)] for at in rng.integers(len(group.members), size=self.config.batch_size)]
        low, high = self.config.severity
        return self._paired(chosen, group.side, rng, torch.from_numpy(rng.uniform(low, high, len(chosen))).float())

    def held_out(self) -> list[Batch]:
        """The same patches of every image in every call, with severities spread evenly over the range."""
        batches = []
        low, high = self.config.severity
        for group in self.groups:
            for example in group.members[:MAX_HELD_OUT]:
                rng = np.random.default_rng((self.config.seed, zlib.crc32(example.name.encode())))
                severity = torch.linspace(low, high, HELD_OUT_PATCHES)
                batches.append(self._paired([example] * HELD_OUT_PATCHES, group.side, rng, severity))
        return batches

    def other(self, step: int) -> Batch | None:
        """Truths degraded with the fault of another task, for rehearsal; None if there is no such task."""
        rng = np.random.default_rng((self.config.seed, 1, step))
        group = self._group(rng)
        possible = self._possible_tasks(group)
        if not possible:
            return None
        members = [group.members[int(at)] for at in rng.integers(len(group.members), size=self.config.batch_size)]
        return self._with_fault(possible[int(rng.integers(len(possible)))], members, group.side, rng)

    def others_held_out(self) -> list[Batch]:
        """For every other task the same faults in the same patches in every call."""
        return [
            self._with_fault(
                task, group.members[:MAX_HELD_OUT], group.side, np.random.default_rng(zlib.crc32(task.encode()))
            )
            for group in self.groups
            for task in self._possible_tasks(group)
        ]

    def _possible_tasks(self, group: _Group) -> list[str]:
        optical = all(band.modality in (Modality.OPTICAL, Modality.UNKNOWN) for band in group.members[0].bands)
        return [task for task in self.words.others if optical or task not in OPTICAL_ONLY]

    def _group(self, rng: np.random.Generator) -> _Group:
        sizes = np.array([len(group.members) for group in self.groups])
        return self.groups[int(rng.choice(len(self.groups), p=sizes / sizes.sum()))]

    def _paired(self, chosen: Sequence[Example], side: int, rng: np.random.Generator, severity: Tensor) -> Batch:
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        degraded, truth, guides = [], [], []
        for example, strength in zip(chosen, severity.tolist(), strict=True):
            window = self._window(example, side, rng)
            # Flipped but never transposed: faults of a detector have a direction.
            which = int(rng.integers(4))
            clean = torch.from_numpy(np.ascontiguousarray(turned(example.truth[window], which)))
            if example.image is None:
                degraded.append(_degraded(clean, example, self.config.degradation, strength, generator))
            else:
                degraded.append(torch.from_numpy(np.ascontiguousarray(turned(example.image[window], which))))
            truth.append(clean)
            guides.append(torch.from_numpy(np.ascontiguousarray(turned(example.guides[window], which))))
        vectors = self.words.own[chosen[0].factor]
        instruction = vectors[torch.randint(len(vectors), (len(chosen),), generator=generator)]
        bands = [example.bands for example in chosen]
        task = self.config.task
        pair = Pair(
            torch.stack(degraded),
            torch.stack(truth),
            severity,
            faults_of(task, severity * 0),
            chosen[0].factor,
            torch.stack(guides),
            [example.guide_bands for example in chosen],
        )
        return initial_pair(task, pair, bands, self.estimators).batch(task, bands, instruction)

    def _with_fault(self, task: str, members: Sequence[Example], side: int, rng: np.random.Generator) -> Batch:
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        truth = torch.from_numpy(np.stack([example.truth[self._window(example, side, rng)] for example in members]))
        bands = [example.bands for example in members]
        pair = _degraded_for(task, truth, members, rng, generator)
        pair = initial_pair(task, pair, bands, self.estimators)
        # Tuning does not train the recognition of faults in the image, so no labels are needed.
        pair = replace(pair, faults=torch.zeros_like(pair.faults))
        nearest = (pair.severity[:, None] - torch.tensor(STRENGTHS)).abs().argmin(1)
        return pair.batch(task, bands, self.words.others[task][nearest])

    def _window(self, example: Example, side: int, rng: np.random.Generator) -> tuple[slice, slice, slice]:
        step, columns = example.factor, example.valid.shape[1]
        starts = self._starts[id(example)]
        if starts is None:
            y, x = (step * int(rng.integers((size - side) // step + 1)) for size in example.valid.shape)
        else:
            y, x = divmod(int(starts[rng.integers(len(starts))]), columns)
        return slice(None), slice(y, y + side), slice(x, x + side)


def _degraded_for(
    task: str, truth: Tensor, members: Sequence[Example], rng: np.random.Generator, generator: torch.Generator
) -> Pair:
    """Truths degraded with the fault of a task in ``OTHERS``."""
    bands = [example.bands for example in members]
    if task == "sr":
        return upsample(truth, 2)
    if task in TONES:
        return operate(task, truth, generator)
    if task == "brightness":
        strength = rng.choice(STRENGTHS, size=len(truth))
        return brighten(truth, strength, strength, [example.value_range for example in members])
    if task == "cloud":
        return clouded(truth, bands, severities(rng, len(truth)), generator, thin=bool(rng.integers(2)))
    return damage(task, truth, bands, rng, generator)


def _side(members: Sequence[Example], wanted: int, multiple: int) -> int:
    smallest = min(members, key=lambda example: min(example.valid.shape))
    side: int = min(wanted, *smallest.valid.shape) // multiple * multiple
    if side < multiple:
        raise DataError(
            f"{smallest.name} is {smallest.valid.shape[0]} x {smallest.valid.shape[1]} pixels; "
            f"at least {multiple} x {multiple} are needed"
        )
    return side


def _starts(example: Example, side: int) -> NDArray[np.int64] | None:
    """Flat indices of the upper left pixels of gap-free windows, aligned to coarse pixels; None: there are no gaps."""
    if example.valid.all():
        return None
    gaps = torch.from_numpy(~example.valid).float()[None, None]
    for kernel in ((side, 1), (1, side)):
        gaps = functional.max_pool2d(gaps, kernel, stride=1)
    rows, columns = np.nonzero(gaps[0, 0].numpy()[:: example.factor, :: example.factor] == 0)
    if not len(rows):
        raise DataError(f"{example.name} has no {side} x {side} pixels without a gap; leave it out, or lower `patch`")
    flat: NDArray[np.int64] = example.factor * (rows * example.valid.shape[1] + columns)
    return flat


def _degraded(clean: Tensor, example: Example, names: str, severity: float, generator: torch.Generator) -> Tensor:
    """The truth with the faults whose names are joined by ``+``, all of the same severity."""
    image = clean
    for name in names.split("+"):
        operator = get(name.strip())
        if example.decibels:
            operator = in_decibels(operator, example.value_range)
        image = operator(image, severity, generator, example.bands)
    return image
