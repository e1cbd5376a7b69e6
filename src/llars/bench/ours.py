"""Runs llars on cases, and the variants of its use that protocols ask for.

It takes physical values, guides and an instruction; the result is in unit values.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from llars.bands import Band
from llars.bench.cases import Array, Case, Mask
from llars.bench.protocols import OURS, OURS_FEW, OURS_REWORDED, OURS_SHUFFLED, OURS_UNPROJECTED, Trial
from llars.errors import InstructionError
from llars.text.grammar import sentence

if TYPE_CHECKING:
    import xarray as xr

    from llars.infer.restorer import Restorer

__all__ = [
    "Restore",
    "guides_of",
    "image_of",
    "restore_with",
    "restored_in_groups",
    "reworded_instruction",
    "runs_of_llars",
]

Restore = Callable[..., Array]
"""Restores a case with an instruction: unit values on the grid of the truth. ``project=False`` omits the projection."""

GROUP_SIZE = 4
"""Largest number of bands in a group, when few are given at a time."""


def restore_with(restorer: Restorer) -> Restore:
    """A function that calls the restorer on a case."""

    def restore(case: Case, instruction: str, project: bool = True) -> Array:
        low, high = case.scene.value_range
        image, guides = image_of(case), guides_of(case)
        options: dict[str, Any] = {"guides": guides} if guides else {}
        if not project:
            options["project"] = False
        restored = restorer(image, instruction, **options)
        return (np.asarray(restored, np.float32) - np.float32(low)) / np.float32(high - low)

    return restore


def runs_of_llars(case: Case, restore: Restore, seed: int) -> Iterator[tuple[str, Callable[[], Array]]]:
    """The ways in which llars is measured on a case: the normal one, and the variants that the trial asks for."""
    trial = case.trial
    yield OURS, lambda: restore(case, trial.instruction)
    if trial.reworded:
        words = reworded_instruction(trial, case.scene.name, seed)
        yield OURS_REWORDED, lambda: _restored_if_understood(restore, case, words)
    if trial.unprojected:
        yield OURS_UNPROJECTED, lambda: restore(case, trial.instruction, project=False)
    count = len(case.bands)
    if trial.rearranged and count > 1:
        order = _another_order(count, f"{seed}/{trial.name}/{case.scene.name}")
        few = np.array_split(order, -(-count // min(GROUP_SIZE, count - 1)))
        yield OURS_SHUFFLED, lambda: restored_in_groups(restore, case, [order])
        yield OURS_FEW, lambda: restored_in_groups(restore, case, few)


def restored_in_groups(restore: Restore, case: Case, groups: list[np.ndarray[tuple[int], np.dtype[np.int64]]]) -> Array:
    """The image with the bands of each group restored by themselves, in the given order."""
    result = np.empty_like(case.truth)
    for group in groups:
        bands = tuple(case.bands[index] for index in group)
        part = replace(case, degraded=np.ascontiguousarray(case.degraded[group]), bands=bands)
        result[group] = restore(part, case.trial.instruction)
    return result


def reworded_instruction(trial: Trial, scene: str, seed: int) -> str:
    """A sentence from held-out templates of the grammar that asks for the same task; the same every time."""
    severity = trial.severity if trial.task == "brightness" else None
    return sentence(trial.task, severity, random.Random(f"{seed}/{trial.name}/{scene}"), "heldout")


def _another_order(count: int, seed: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """An order of bands other than the original; the same every time."""
    order = list(range(count))
    drawn = random.Random(seed)
    while order == sorted(order):
        drawn.shuffle(order)
    return np.array(order)


def _restored_if_understood(restore: Restore, case: Case, words: str) -> Array:
    """The restored image, or the baseline if the words are not understood."""
    try:
        image = restore(case, words)
    except InstructionError:
        return case.baseline
    # Words misread as a request for another grid give an image of another size.
    return image if image.shape == case.truth.shape else case.baseline


def image_of(case: Case) -> xr.DataArray:
    """The degraded image of a case as the restorer expects it."""
    image = _image(case.degraded, case.bands, case.scene.value_range, case.coarse_valid)
    image.attrs |= {"units": case.scene.units, "sensor": case.scene.sensor}
    return image


def guides_of(case: Case) -> dict[str, xr.DataArray]:
    """The guides of a case as the restorer expects them."""
    return {role: _image(one.values, one.bands, one.value_range) for role, one in case.guides.items()}


def _image(
    values: Array, bands: tuple[Band, ...], value_range: tuple[float, float], valid: Mask | None = None
) -> xr.DataArray:
    """Physical values as the restorer expects them, NaN where not valid."""
    import xarray as xr

    low, high = value_range
    physical = values * np.float32(high - low) + np.float32(low)
    if valid is not None:
        physical[:, ~valid] = np.nan
    return xr.DataArray(physical, dims=("band", "y", "x"), attrs={"bands": bands, "value_range": value_range})
