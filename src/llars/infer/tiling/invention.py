"""Which pixels of a result were not measured: filled under clouds, or finer than what the input resolves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from llars.infer.reading.sources import Repeated, Source
from llars.infer.reading.warping import Warped

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from llars.infer.initial.clouds import CloudFree
    from llars.infer.raster.profile import RasterProfile
    from llars.infer.reading.grids import Grid
    from llars.infer.tiles import Window
    from llars.infer.tiling.planning import OutputGrid
    from llars.tasks import Step

__all__ = ["FILLED", "FINER", "MEASURED", "NO_DATA", "invented", "mask_profile"]

MEASURED, FILLED, FINER, NO_DATA = 0, 1, 2, 255
"""Values of the mask. Where a pixel is both, ``FILLED`` is stored, as the bolder guess."""

UNMEASURED_TASKS = ("sr", "stf")
"""Tasks whose detail is in no image of that date; the detail of ``pansharpen`` is in the panchromatic guide."""

CLOUD_TASKS = ("cloud", "cloud_sar")


@dataclass(frozen=True)
class _Hidden:
    """A source that is 1 where a step filled what clouds hide, else 0."""

    cleared: CloudFree

    @property
    def shape(self) -> tuple[int, int, int]:
        return 1, *self.cleared.size

    def read(self, window: Window) -> NDArray[np.float32]:
        return self.cleared.hidden(window)[None].astype(np.float32)


def invented(
    window: Window, grid: Grid, steps: Sequence[Step], outputs: Sequence[OutputGrid], cleared: Sequence[CloudFree]
) -> NDArray[np.uint8]:
    """The mask ``(1, y, x)`` of a window of the result; ``NO_DATA`` is left to the caller.

    Args:
        window: of the last place's grid.
        grid: where the scene lay before the first step.
        steps: that were taken.
        outputs: where the result of each lies.
        cleared: the initial estimates of the steps that remove clouds, in their order.
    """
    remaining, hidden_sources = list(cleared), list[Source]()
    finer = any(step.task in UNMEASURED_TASKS for step in steps)
    for step, output in zip(steps, outputs, strict=True):
        hidden_sources = [_resampled(source, grid, output) for source in hidden_sources]
        grid = output.grid
        if step.task in CLOUD_TASKS and remaining:
            hidden_sources.append(_Hidden(remaining.pop(0)))
    mask = np.full((1, *window.shape), FINER if finer else MEASURED, dtype=np.uint8)
    for source in hidden_sources:
        mask[source.read(window) > 0.0] = FILLED
    return mask


def mask_profile(profile: RasterProfile) -> RasterProfile:
    """The profile of a file with one band of bytes on the grid of ``profile``."""
    description = "0 measured, 1 filled under clouds, 2 finer than the input resolves"
    return profile.companion((description,), "uint8", float(NO_DATA), count=1)


def _resampled(source: Source, grid: Grid, output: OutputGrid) -> Source:
    """The source on the grid of the next step's result."""
    if output.scale == 1:
        return source
    return Warped(source, grid, output.grid, smooth=True) if output.scale is None else Repeated(source, output.scale)
