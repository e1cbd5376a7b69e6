"""The steps of an instruction over one scene, window by window; both files and arrays are made from it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from llars.bands import Band, Modality, Role
from llars.errors import ConfigError, InstructionError, RasterError
from llars.infer.initial.clouds import CloudFree
from llars.infer.initial.denoising import Denoised
from llars.infer.initial.estimates import initial_estimate
from llars.infer.reading.channels import Range
from llars.infer.reading.grids import Grid, pixel_ratio
from llars.infer.reading.guides import Guide
from llars.infer.reading.layers import Enlarged, Filled, Layers, finer_bands
from llars.infer.reading.picture import Picture
from llars.infer.reading.sources import Repeated, Scratch, Source
from llars.infer.reading.warping import Warped
from llars.infer.tiles import Window, strips
from llars.infer.tiling.engine import Engine, Extent, Restored, StepInputs
from llars.infer.tiling.exposure import brightened
from llars.infer.tiling.invention import invented
from llars.infer.tiling.partial import Partial
from llars.infer.tiling.parts import Prepared, physical, with_variance
from llars.infer.tiling.planning import OutputGrid, output_grid
from llars.scene.opening import SMALLEST
from llars.tasks import PROJECTED_TASKS, REMOVING_TASKS, Step, get_task

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Progress = Callable[[int, int], None]

__all__ = ["Options", "Stream"]

ATMOSPHERIC = frozenset({"cloud", "cloud_sar", "haze"})
"""Tasks about what lies between the sensor and the ground in reflected light."""

STRIP_PIXELS = 2**20
"""Pixels of a window where no step is taken."""


NOTED_HIDDEN_SHARE = 0.005
"""Share of a scene that is hidden by clouds above which the user is told."""

INVENTED_NOTE = "plausible, not measured (--invented FILE marks these pixels)"


@dataclass(frozen=True)
class Options:
    """How to work. Only ``project`` and ``limits`` change the restored values."""

    tile: Extent | None = None
    """Side of the tiles in pixels, or their rows and columns; None: the engine's default."""

    uncertainty: bool = False
    """Give the standard deviation of the error too."""

    project: bool = True
    """Preserve the radiometry on finer grids: the mean over every input pixel is that pixel."""

    scratch: Path | None = None
    """Folder for the images between two steps; None: in memory."""

    partial: Partial | None = None
    """Stores finished tiles, so that a run can be resumed; stored tiles come first."""

    progress: Progress | None = None
    """Called after every tile with the number of tiles done and of all tiles."""

    limits: tuple[Range, ...] | None = None
    """Lowest and highest storable physical values of each band; None: any."""

    def __post_init__(self) -> None:
        """Raises ConfigError where a side is not a whole number of at least 1."""
        sides: tuple[object, ...] = self.tile if isinstance(self.tile, tuple) else (self.tile,)
        for side in sides:
            if side is not None and not (isinstance(side, (int, np.integer)) and side >= 1):
                raise ConfigError(
                    f"found tiles with a side of {side} px, expected a whole number of at least 1 (--tile)"
                )


class Stream:
    """A restoration that is ready to run: grids and guides are checked, no tile is computed."""

    def __init__(
        self,
        engine: Engine,
        picture: Picture,
        steps: Sequence[Step],
        guides: Mapping[Role, Guide],
        options: Options,
        say: Callable[[str], object],
    ) -> None:
        """Raises RasterError where the guides do not fit the scene, InstructionError where a step does not."""
        self._engine, self._picture, self._steps, self._options = engine, picture, steps, options
        self._guides, self._say = guides, say
        self._outputs: list[OutputGrid] = []
        self._cleared: list[CloudFree] = []
        for step in steps:
            _check_optical(step, picture.bands)
            self._outputs.append(output_grid(step, self.grid, guides, say))
            if min(self.grid.height, self.grid.width) < SMALLEST:
                raise RasterError(
                    f"input and guide share {self.grid.width} x {self.grid.height} px; "
                    f"{SMALLEST} x {SMALLEST} are needed"
                )

    @property
    def grid(self) -> Grid:
        """Grid of the result."""
        return self._outputs[-1].grid if self._outputs else self._picture.grid.on_a_map()

    @property
    def scale(self) -> int | None:
        """How many times finer the grid is than the scene's, within the same bounds; None where it is another grid."""
        scales = [output.scale for output in self._outputs]
        return None if None in scales else math.prod(scale for scale in scales if scale)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Bands, rows and columns of the result."""
        return len(self._picture.bands), self.grid.height, self.grid.width

    def __iter__(self) -> Iterator[Restored]:
        """Windows that partition the result, in physical values, NaN where there is no data."""
        yield from map(self._physical, self._unit_tiles()) if self._steps else self._untouched()

    def _untouched(self) -> Iterator[Restored]:
        """Without a step nothing changes, and there is no error."""
        for window in strips(self.grid.height, self.grid.width, STRIP_PIXELS):
            values = self._picture.source.read(window)
            yield Restored(window, values, 0.0 * values if self._options.uncertainty else None)

    def prepared(self, tile: int) -> Prepared:
        """Take all steps but the last; returns a function that takes the last on any tile, in any order or at once."""
        inputs, variance = self._before_last_step(lambda: None)
        step, uncertainty = self._steps[-1], self._options.uncertainty
        grid, folded = self._engine.grid(inputs, tile), self._engine.fold(step, inputs, uncertainty)
        return Prepared(self._engine, self._picture, step, inputs, grid, folded, variance, uncertainty, self.scale)

    def _physical(self, part: Restored) -> Restored:
        return physical(part, self._picture, self.scale)

    def _unit_tiles(self) -> Iterator[Restored]:
        """The last step's result in unit values."""
        tick = self._ticker()
        inputs, variance = self._before_last_step(tick)
        for part in self._resumable_tiles(len(self._steps) - 1, inputs, variance):
            yield part
            tick()

    def _before_last_step(self, tick: Callable[[], None]) -> tuple[StepInputs, Source | None]:
        """Input of the last step, and the error variance before it; earlier steps go through scratch images."""
        layers, grid, variance = self._picture.layers, self._picture.grid.on_a_map(), None
        for at, output in enumerate(self._outputs[:-1]):
            inputs = self._step_inputs(self._steps[at], layers, grid, output)
            result = Scratch(self._size(output), self._options.scratch)
            variance_image = Scratch(self._size(output), self._options.scratch) if self._options.uncertainty else None
            for part in self._resumable_tiles(at, inputs, _variance_on(variance, grid, output)):
                result.write(part.window, part.values)
                if variance_image is not None and part.deviation is not None:
                    variance_image.write(part.window, np.square(part.deviation))
                tick()
            layers, grid, variance = Filled.of(result, inputs.target.bands), output.grid, variance_image
        output = self._outputs[-1]
        return self._step_inputs(self._steps[-1], layers, grid, output), _variance_on(variance, grid, output)

    def _resumable_tiles(self, at: int, inputs: StepInputs, variance: Source | None) -> Iterator[Restored]:
        """The tiles of step ``at``, resumed where finished tiles are stored."""
        partial = self._options.partial
        if partial is None:
            return self._computed_tiles(at, inputs, variance)
        return partial.tiles(
            at, self._size(self._outputs[at]), lambda done: self._computed_tiles(at, inputs, variance, done)
        )

    def _computed_tiles(
        self, at: int, inputs: StepInputs, variance: Source | None, done: Collection[Window] = ()
    ) -> Iterator[Restored]:
        """The tiles of one step, except for the windows that are done."""
        return with_variance(self._step_tiles(self._steps[at], inputs, done), variance)

    def _step_tiles(self, step: Step, inputs: StepInputs, done: Collection[Window]) -> Iterator[Restored]:
        tile, uncertainty = self._options.tile, self._options.uncertainty
        if step.task != "brightness":
            return self._engine.run_step(step, inputs, tile, uncertainty, done=done, say=self._say)
        done_windows = frozenset(done)
        windows = (piece.core for piece in self._engine.grid(inputs, tile) if piece.core not in done_windows)
        return brightened(inputs.target, self._picture.ranges, step.severity, windows, uncertainty)

    def _step_inputs(self, step: Step, layers: Filled, grid: Grid, output: OutputGrid) -> StepInputs:
        target: Layers = layers
        if output.scale is None:
            # Where the PAN does not nest, the input is first resampled to pixels that whole PAN pixels make up.
            ratio = pixel_ratio(grid, output.grid)
            factor = max(2, round(ratio)) if step.task == "pansharpen" else 1
            source = Warped(layers.source, grid, output.grid.coarser(factor))
            target = Filled.of(source, finer_bands(layers.bands, ratio / factor))
            target = target if factor == 1 else Enlarged(target, factor)
        elif output.scale > 1:
            # As in training, stf starts from the coarse image as it is, without undoing the blur of its pixels.
            target = Enlarged(layers, output.scale, exact=step.task != "stf")
        gsd = target.bands[0].gsd_m
        guides = tuple(self._guides[role].on(output.grid, gsd) for role in get_task(step.task).guides)
        estimate = initial_estimate(step.task, target, guides, self._picture.reflectances)
        if isinstance(estimate, CloudFree):
            self._cleared.append(estimate)
            if (hidden := estimate.hidden_share) > NOTED_HIDDEN_SHARE:
                self._say(
                    f"{hidden:.0%} of the scene is hidden by clouds and filled from its surroundings: {INVENTED_NOTE}"
                )
        speckled = isinstance(estimate, Denoised) and bool(estimate.noise.looks)
        projected = self._options.project and step.task in PROJECTED_TASKS and output.scale is not None
        removing = estimate is not target and step.task in REMOVING_TASKS
        observed = target if removing and self._engine.network.uses_residual else None
        return StepInputs(estimate, guides, observed, speckled or projected, self._limits(), self._picture.clear_air)

    def _limits(self) -> tuple[Range, ...] | None:
        """Lowest and highest storable value of each band, in unit values."""
        if self._options.limits is None:
            return None
        if self._picture.power:
            return None
        pairs = zip(self._options.limits, self._picture.ranges, strict=True)
        return tuple(
            ((minimum - low) / (high - low), (maximum - low) / (high - low))
            for (minimum, maximum), (low, high) in pairs
        )

    def invented(self, window: Window) -> NDArray[np.uint8]:
        """``(1, y, x)``: which pixels of a finished window were not measured; see ``invention``."""
        return invented(window, self._picture.grid.on_a_map(), self._steps, self._outputs, self._cleared)

    def _size(self, output: OutputGrid) -> tuple[int, int, int]:
        return len(self._picture.bands), output.grid.height, output.grid.width

    def _ticker(self) -> Callable[[], None]:
        """The function to call after every tile."""
        progress = self._options.progress
        if progress is None:
            return lambda: None
        sizes = [(output.grid.height, output.grid.width) for output in self._outputs]
        total = sum(self._engine.count(size, self._options.tile) for size in sizes)
        done = itertools.count(1)
        return lambda: progress(next(done), total)


def _check_optical(step: Step, bands: Sequence[Band]) -> None:
    """Haze and clouds are modelled in reflected light: heat and radar echoes would be taken for their opposite."""
    others = {band.modality for band in bands} <= {Modality.SAR, Modality.THERMAL}
    if step.task in ATMOSPHERIC and others:
        kind = "radar" if bands[0].modality is Modality.SAR else "thermal"
        raise InstructionError(
            f"found only {kind} bands ({', '.join(band.name for band in bands)}), but {step.task!r} needs optical "
            "bands; leave that step out"
        )


def _variance_on(variance: Source | None, grid: Grid, output: OutputGrid) -> Source | None:
    if variance is None or output.scale == 1:
        return variance
    return (
        Warped(variance, grid, output.grid, smooth=True) if output.scale is None else Repeated(variance, output.scale)
    )
