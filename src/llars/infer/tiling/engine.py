"""One step over one scene: statistics and conditions once, then a dense network tile by tile."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, get_args

import torch

from llars.errors import ConfigError
from llars.infer.reading.sampling import sample_windows, statistics_of
from llars.infer.tiles import Column, TileGrid, Window
from llars.infer.tiling.allocator import give_back
from llars.infer.tiling.column_pass import Folded, Restored, StepInputs, process_column
from llars.model.align import describe
from llars.model.condition import Conditions
from llars.model.network import Network
from llars.model.normalise import Statistics
from llars.model.precision import half_is_native
from llars.tasks import TONES, Step, words_for

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "SMALLEST_TILE",
    "TILE_COLUMNS",
    "TILE_ROWS",
    "Encoder",
    "Engine",
    "Extent",
    "Precision",
    "Restored",
    "StepInputs",
    "is_out_of_memory",
    "runs_in_half",
]

Precision = Literal["auto", "float32", "bfloat16"]

Extent: TypeAlias = "int | tuple[int, int]"
"""Side of a tile in pixels, or its rows and columns."""

TILE_ROWS, TILE_COLUMNS = 128, 12_288
"""Default size of a tile: rows are streamed, so that few suffice; columns cost memory, but save halo."""

SMALLEST_TILE = 64
"""Fewest columns of a tile: narrower ones are not worth their halo."""


class Encoder(Protocol):
    """Turns words into sentence vectors."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One vector of unit length per text."""


class Engine:
    """The network on its device."""

    def __init__(self, network: Network, encoder: Encoder, device: torch.device, half: bool) -> None:
        self.device, self._half = device, half
        self.temperatures: Mapping[str, float] = {}
        """Factors on the predicted scale of the error by task; 1 where there is none."""
        self.trust: Mapping[str, float] = {}
        """Shares of the network's change that are applied by task; 1 where there is none."""
        self.network = network.to(device).eval()
        self._encoder = encoder

    def run_step(
        self,
        step: Step,
        inputs: StepInputs,
        tile: Extent | None,
        uncertainty: bool = False,
        *,
        done: Collection[Window] = (),
        say: Callable[[str], object] = str,
    ) -> Iterator[Restored]:
        """The target after ``step``, tile by tile, except for the windows that are ``done``; tiles partition the grid.

        Where memory does not suffice, the tiles are halved, and ``say`` is called with a note.

        Raises:
            ConfigError: not even the smallest tiles fit.
        """
        folded = self.fold(step, inputs, uncertainty)
        give_back()
        grid = self.grid(inputs, tile)
        return self.run_columns(folded, inputs, grid, grid.columns(done), say)

    def run_columns(
        self,
        folded: Folded,
        inputs: StepInputs,
        grid: TileGrid,
        columns: Iterable[Column],
        say: Callable[[str], object] = str,
    ) -> Iterator[Restored]:
        """``run_step`` with a network that is folded already, for the tiles in ``columns`` of ``grid``."""
        autocast = partial(torch.autocast, self.device.type, torch.bfloat16, enabled=self._half)
        waiting = deque(columns)
        while waiting:
            column, unfinished = waiting.popleft(), None
            try:
                for restored in process_column(folded, inputs, column, self.device, autocast):
                    column = replace(column, cores=column.cores[1:])
                    yield restored
            except (RuntimeError, MemoryError) as fault:
                if not is_out_of_memory(fault):
                    raise
                unfinished = column
            if unfinished is not None:
                waiting = deque(self._halved_columns(grid, [unfinished, *waiting], say))

    def _halved_columns(self, grid: TileGrid, columns: Sequence[Column], say: Callable[[str], object]) -> list[Column]:
        """Columns of half the width. Not to be called while handling the fault: it holds the memory to be freed."""
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        width = max(column.cores[0].shape[1] for column in columns)
        if width < 2 * SMALLEST_TILE:
            raise ConfigError(f"no memory left on {self.device} for tiles of {width} px; close other programs")
        say(f"out of memory on {self.device} with tiles {width} px wide: going on with tiles half as wide")
        return grid.halved(columns)

    def fold(self, step: Step, inputs: StepInputs, uncertainty: bool = False) -> Folded:
        """The network folded for one step over one scene.

        For haze, the network decides as if ``inputs.clear_air`` were not there: most scenes of its training were
        surface reflectance, so it would take the light that clear air scatters for haze.
        """
        with torch.inference_mode():
            statistics = self._to_device(statistics_of(inputs.bands, step.task in TONES))
            conditions = self._conditions(step, inputs, statistics)
            dense = self.network.fold(conditions, uncertainty, self.trust.get(step.task, 1.0))
            return Folded(dense, statistics, self.temperatures.get(step.task, 1.0))

    def grid(self, inputs: StepInputs, tile: Extent | None) -> TileGrid:
        """The tiles of a step."""
        # The correction of a tile depends on the restored pixels around it.
        return replace(self._tiles(inputs.target.size, tile, self.network.halo + inputs.reach), chunk=inputs.chunk)

    def count(self, size: tuple[int, int], tile: Extent | None) -> int:
        """Number of tiles over a grid of so many rows and columns."""
        return len(self._tiles(size, tile, 0))

    def _tiles(self, size: tuple[int, int], tile: Extent | None, halo: int) -> TileGrid:
        rows, columns = (TILE_ROWS, TILE_COLUMNS) if tile is None else tile if isinstance(tile, tuple) else (tile, tile)
        return TileGrid(*size, columns, halo, self.network.multiple, rows)

    def _to_device(self, statistics: Statistics) -> Statistics:
        parts = (statistics.mean, statistics.std, statistics.knots)
        return Statistics(*(None if part is None else part.to(self.device) for part in parts))  # type: ignore[arg-type]

    def _conditions(self, step: Step, inputs: StepInputs, statistics: Statistics) -> Conditions:
        sampled = sample_windows(inputs.channels, self.network.window)
        windows = statistics.network_input(torch.from_numpy(sampled).to(self.device))[None]
        if step.task == "haze" and inputs.clear_air is not None:
            statistics = statistics.lowered(torch.tensor(inputs.clear_air, device=self.device))
        words = step.taught or words_for(step.task, step.severity, step.scale)
        vector = torch.from_numpy(self._encoder.encode([words])).to(self.device)
        bands = describe([inputs.bands.bands]).to(self.device)
        return self.network.condition(windows, bands, statistics, vector, targets=len(inputs.target.bands))


def is_out_of_memory(fault: BaseException) -> bool:
    """Whether a fault means that memory ran out: on the CPU, torch has no class of its own for it."""
    message = str(fault)
    known = isinstance(fault, (MemoryError, torch.OutOfMemoryError))
    return known or "can't allocate memory" in message or "out of memory" in message.lower()


def runs_in_half(precision: Precision, device: torch.device) -> bool:
    """Whether the backbone computes in bfloat16.

    Raises:
        ConfigError: the precision is unknown.
    """
    if precision not in get_args(Precision):
        raise ConfigError(f"unknown precision {precision!r}; choose {', '.join(get_args(Precision))}")
    if precision != "auto":
        return precision == "bfloat16"
    return half_is_native(device)
