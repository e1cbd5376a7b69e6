"""Fixed pairs from held-out scenes, for the validation figures of a training run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from llars.bands import Band
from llars.data.corpus import Corpus
from llars.data.guided import another_date, fused, later
from llars.data.initial import WIDE, Estimators, initial_pair
from llars.data.mix import MARGIN, Instructions
from llars.data.patches import PatchSource
from llars.data.recipe import GUIDED, MARGINED
from llars.data.synthetic import GRID, Pair, brighten, cut, faults_of, operate, upsample
from llars.degrade import get
from llars.errors import DataError
from llars.sample import Batch
from llars.tasks import TASK_KEYS, TONES

if TYPE_CHECKING:
    from torch import Tensor
__all__ = ["HeldOut", "validation_batches"]

FAULTS = {
    "denoise": ("gaussian_noise", 0.5),
    "deblur": ("gaussian_blur", 0.5),
    "destripe": ("detector_stripes", 0.5),
    "haze": ("haze", 0.5),
    "cloud": ("thick_cloud", 0.5),
}
"""Operator and severity by task: noise of sigma 0.05, blur of sigma 1 px."""

TASKS = (*FAULTS, "sr", "brightness", "pansharpen", "stf", *sorted(TONES))
"""Tasks that are validated: all whose pairs can be made from clean images alone."""

MAX_GUIDED = 6
"""Largest number of target bands in tasks with guides."""

STRENGTH = 0.5
"""Brightness to restore, in stops."""

SMALLEST = 50_000
"""Smallest number of pixels of a family: fewer would represent a place rather than a sensor."""


@dataclass(frozen=True)
class HeldOut:
    """One batch of one task on one family of sensors."""

    task: str
    """Task key."""

    family: str
    """Family and number of bands: ``sentinel2-10``."""

    batch: Batch
    """The patches, with all bands of the scenes in natural order."""


@dataclass(frozen=True)
class _Family:
    name: str
    clean: Tensor
    bands: list[tuple[Band, ...]]
    ranges: list[tuple[float, float]]


def validation_batches(
    corpus: Corpus,
    words: Instructions,
    size: int = 8,
    patch: int = 64,
    seed: int = 0,
    estimators: Estimators | None = None,
) -> list[HeldOut]:
    """One batch of ``size`` patches for every task and every family of sensors in ``corpus``; always the same.

    Without ``estimators`` degraded images are used as they are, not as initial estimates.

    Raises:
        DataError: the corpus is the training split, or holds no family that is large enough.
    """
    if corpus.split == "train":
        raise DataError(f"{corpus.path} is the training split; validate on another")
    families = _families(corpus, size, patch, seed)
    if not families:
        raise DataError(f"{corpus.path}: no sensor has {SMALLEST} pixels to validate on")
    found: list[HeldOut] = []
    for family in families:
        for task in TASKS:
            if task in GUIDED and not 2 <= family.clean.shape[1] <= MAX_GUIDED:
                continue
            generator = torch.Generator().manual_seed(seed)
            pair = _pair(task, family, generator, patch, estimators)
            index = torch.full((len(pair.clean),), TASK_KEYS.index(task))
            instruction = words.draw(index, pair.severity, torch.Generator().manual_seed(seed))
            found.append(HeldOut(task, family.name, pair.batch(task, family.bands, instruction)))
    return found


def _pair(task: str, family: _Family, generator: torch.Generator, patch: int, estimators: Estimators | None) -> Pair:
    """The fixed fault of a task on patches of a family; where a halo is needed, crops are cut to patches last."""
    inner = (..., slice(MARGIN, MARGIN + patch), slice(MARGIN, MARGIN + patch))
    wide = task in WIDE or task in MARGINED
    clean = family.clean[..., : WIDE.get(task), : WIDE.get(task)] if wide else family.clean[inner]
    pair = _whole(task, clean.contiguous(), family, generator)
    pair = initial_pair(task, pair, family.bands, estimators)
    return cut(pair, MARGIN, patch) if wide else pair


def _whole(task: str, clean: Tensor, family: _Family, generator: torch.Generator) -> Pair:
    count = len(clean)
    rng = np.random.default_rng(0)
    if task == "sr":
        return upsample(clean, 2)
    if task == "pansharpen":
        return fused(clean, family.bands, rng, generator)
    if task == "stf":
        return later(clean, another_date(clean, rng), family.bands, rng)
    if task in TONES:
        return operate(task, clean, generator)
    if task == "brightness":
        strength = np.full(count, STRENGTH)
        return brighten(clean, strength, strength, family.ranges)
    name, strength_of_fault = FAULTS[task]
    severity = torch.full((count,), strength_of_fault)
    degraded = get(name)(clean, severity, generator=generator, bands=family.bands)
    return Pair(degraded, clean, severity, faults_of(task, severity))


def _families(corpus: Corpus, size: int, patch: int, seed: int) -> list[_Family]:
    """Clean crops of the sharp scenes of each family, with a margin that is cut off later."""
    source = PatchSource(corpus)
    side = -(-max(*WIDE.values(), patch + 2 * MARGIN) // GRID) * GRID
    members: dict[str, list[int]] = {}
    for index, scene in enumerate(corpus.scenes):
        if scene.clean and scene.sharp and source.has_window(index, side):
            members.setdefault(f"{scene.sensor.partition('-')[0]}-{len(scene.bands)}", []).append(index)
    families = []
    for name, indices in sorted(members.items()):
        pixels = sum(corpus.scenes[index].pixels for index in indices)
        if pixels < SMALLEST:
            continue
        rng = np.random.default_rng(seed)
        # Scenes in turn, so that every one is seen before any is seen twice.
        chosen = [indices[row % len(indices)] for row in range(size)]
        crops = []
        for index in chosen:
            y, x = source.corner(index, side, rng)
            scene = corpus.scenes[index]
            crops.append(torch.from_numpy(scene.crop(range(len(scene.bands)), y, x, side, side)))
        scenes = [corpus.scenes[index] for index in chosen]
        bands, ranges = [scene.bands for scene in scenes], [scene.value_range for scene in scenes]
        families.append(_Family(name, torch.stack(crops), bands, ranges))
    return families
