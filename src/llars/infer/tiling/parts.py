"""Parts of a step's result on their way to physical values, and the last step of a restoration, tile by tile."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from llars.infer.reading.picture import Picture
from llars.infer.reading.sources import Source
from llars.infer.tiles import TileGrid, Window
from llars.infer.tiling.engine import Engine, Restored, StepInputs
from llars.infer.tiling.exposure import brightened
from llars.tasks import Step

if TYPE_CHECKING:
    from llars.infer.tiling.column_pass import Folded

__all__ = ["Prepared", "physical", "with_variance"]


@dataclass(frozen=True)
class Prepared:
    """The last step of a restoration, ready for any tile, in any order or at once; it can be pickled."""

    engine: Engine
    picture: Picture
    """The scene before the first step."""
    step: Step
    inputs: StepInputs
    grid: TileGrid
    folded: Folded
    variance: Source | None
    """Error variance of the steps before, on the grid of this one; None where it is not wanted or is 0."""
    uncertainty: bool
    scale: int | None
    """How many times finer the grid of the result is than the scene's; None where it is another grid."""

    def __call__(self, window: Window) -> Restored:
        """A window of the result in physical values."""
        if self.step.task == "brightness":
            ranges = self.picture.ranges
            parts = brightened(self.inputs.target, ranges, self.step.severity, [window], self.uncertainty)
        else:
            parts = self.engine.run_columns(self.folded, self.inputs, self.grid, [self.grid.column([window])])
        finished = (physical(part, self.picture, self.scale) for part in with_variance(parts, self.variance))
        return _joined(window, finished)


def physical(part: Restored, picture: Picture, scale: int | None) -> Restored:
    """A part in physical values instead of unit values; ``scale`` as for ``Picture.with_outliers``."""
    values = picture.with_outliers(picture.physical(part.values, part.deviation), part.window, scale)
    return Restored(part.window, values, part.deviation)


def with_variance(parts: Iterator[Restored], variance: Source | None) -> Iterator[Restored]:
    """Parts with the variance of earlier steps added; errors of successive steps are taken as independent."""
    for part in parts:
        if variance is not None and part.deviation is not None:
            part = replace(part, deviation=np.sqrt(part.deviation**2 + variance.read(part.window)))
        yield part


def _joined(window: Window, parts: Iterator[Restored]) -> Restored:
    """One window from the parts that cover it: several where memory ran out and the tile was halved."""
    first = next(parts)
    if first.window == window:
        return first
    values = np.empty((len(first.values), *window.shape), dtype=np.float32)
    deviation = None if first.deviation is None else np.empty_like(values)
    for part in itertools.chain([first], parts):
        place = (slice(None), *part.window.inside(window))
        values[place] = part.values
        if deviation is not None:
            deviation[place] = part.deviation
    return Restored(window, values, deviation)
