"""One pass down a column of tiles: chunks are read ahead, strips pass through the network, whole tiles come out."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from llars.infer.reading.layers import Constrained, Filled, Layers, Stack
from llars.infer.tiles import CHUNK, Column, Window, mirror
from llars.infer.tiling.pipelining import read_ahead
from llars.infer.tiling.rolling import Rolling
from llars.model.fold import DenseNetwork
from llars.model.normalise import Statistics

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Folded", "Restored", "StepInputs", "process_column"]

Number = TypeVar("Number", bound=np.generic)


@dataclass(frozen=True)
class StepInputs:
    """The inputs of one step, all on one grid."""

    target: Layers
    guides: tuple[Layers, ...] = ()

    observed: Layers | None = None
    """The target as it was observed, if ``target`` is an initial estimate of it."""

    enforce: bool = True
    """Enforce the property of a target that is ``Constrained``."""

    limits: tuple[tuple[float, float], ...] | None = None
    """Lowest and highest storable unit values of each band, within which means are preserved."""

    clear_air: tuple[float, ...] | None = None
    """Part of each band of the target, in unit values, that clear air scatters; None: unknown, or none."""

    @property
    def bands(self) -> Stack:
        """Targets and guides."""
        return Stack((self.target, *self.guides))

    @property
    def channels(self) -> Stack:
        """All that the network takes: the target as it was observed follows the guides."""
        return Stack((self.target, *self.guides, *([] if self.observed is None else [self.observed])))

    @property
    def constraint(self) -> Constrained | None:
        """The target, where its property is to be enforced; else None."""
        return self.target if self.enforce and isinstance(self.target, Constrained) else None

    @property
    def reach(self) -> int:
        """Pixels around a tile that its correction depends on; one square more, as tiles may begin inside one."""
        return (self.constraint.reach + 1) * self.constraint.cell if self.constraint else 0

    @property
    def chunk(self) -> int:
        """Rows that are read at once: few for plain pixels, as small blocks of memory are reused.

        Twice as many for layers that read a margin around every window, so that margins are read less often.
        """
        return CHUNK // 2 if isinstance(self.target, Filled) else CHUNK

    def around(self, core: Window) -> Window:
        """A tile with its reach, clipped to the scene."""
        if self.constraint is None:
            return core
        return (
            core.coarser(self.constraint.cell)
            .grown(self.constraint.reach)
            .finer(self.constraint.cell)
            .within(*self.target.size)
        )


@dataclass(frozen=True)
class Restored:
    """A window of a step's result, in unit values of the target, NaN where it has no data."""

    window: Window
    values: NDArray[np.float32]
    deviation: NDArray[np.float32] | None = None
    """Standard deviation of the error, where it is wanted."""


@dataclass(frozen=True)
class Folded:
    """The network folded for one scene, with the statistics of the scene."""

    dense: DenseNetwork
    statistics: Statistics
    """Statistics of the target's bands, then of the guides'."""
    temperature: float = 1.0
    """Factor on the predicted scale of the error."""


class _Rows(Generic[Number]):
    """Queue of finished rows ``(band, y, x)``, dropped when they are no longer needed."""

    def __init__(self, top: int) -> None:
        self._top, self.bottom = top, top
        self._parts: deque[NDArray[Number]] = deque()

    def __bool__(self) -> bool:
        return bool(self._parts)

    def add(self, rows: NDArray[Number]) -> None:
        self._parts.append(rows)
        self.bottom += rows.shape[1]

    def take(self, top: int, bottom: int, first_needed: int) -> NDArray[Number]:
        """A copy of rows ``top`` to ``bottom``; rows above ``first_needed`` may be dropped."""
        start, parts = self._top, []
        for part in self._parts:
            stop = start + part.shape[1]
            if start < bottom and stop > top:
                parts.append(part[:, max(top - start, 0) : bottom - start])
            start = stop
        taken = np.concatenate(parts, 1)
        while self._parts and self._top + self._parts[0].shape[1] <= first_needed:
            self._top += self._parts.popleft().shape[1]
        return taken


_Floats = _Rows[np.float32]
_Gaps = _Rows[np.bool_]


def process_column(
    folded: Folded,
    inputs: StepInputs,
    column: Column,
    device: torch.device,
    autocast: Callable[[], AbstractContextManager[None]],
) -> Iterator[Restored]:
    """The tiles of a column, from top to bottom."""
    targets = len(inputs.target.bands)
    target_statistics, rolling, top = folded.statistics.first(targets), Rolling(folded.dense), column.window.top
    images, deviations, gaps = _Floats(top), _Floats(top), _Gaps(top)
    cores, read = deque(column.cores), top
    output_columns = inputs.around(column.cores[0])
    part = (slice(None), slice(None), output_columns.inside(column.window)[1])
    with closing(read_ahead(_chunks(inputs.channels, column, device))) as chunks:
        for chunk, valid in chunks:
            gaps.add(~valid[:targets][part])
            for at in range(0, chunk.shape[-2], column.strip):
                rows = chunk[..., at : at + column.strip, :]
                read += rows.shape[-2]
                # Not around the loop: between two tiles, the caller's code runs.
                with torch.inference_mode(), autocast():
                    rows = folded.statistics.network_input(rows.to(device, non_blocking=True))
                    for output in rolling(rows, read == column.window.bottom):
                        images.add(_numpy(target_statistics.undo(output.image.float()))[part])
                        if output.raw_log_scale is not None:
                            # A Laplace distribution of scale b has the standard deviation sqrt(2) b.
                            scale = target_statistics.undo_scale(output.log_scale.exp()).mul_(
                                math.sqrt(2.0) * folded.temperature
                            )
                            deviations.add(_numpy(scale)[part])
                while cores and images.bottom >= inputs.around(cores[0]).bottom:
                    core = cores.popleft()
                    first_needed = inputs.around(cores[0]).top if cores else core.bottom
                    yield _finished_tile(core, first_needed, output_columns, inputs, images, deviations, gaps)


def _numpy(image: Tensor) -> NDArray[np.float32]:
    # Contiguous by bands: the network works with channels last, everything after it band by band.
    return image[0].cpu().contiguous().numpy()


def _finished_tile(
    core: Window,
    first_needed: int,
    output_columns: Window,
    inputs: StepInputs,
    images: _Floats,
    deviations: _Floats,
    gaps: _Rows[np.bool_],
) -> Restored:
    """A tile of which all rows are finished; rows above ``first_needed`` may be dropped."""
    around = inputs.around(core)
    inside = core.inside(replace(output_columns, top=around.top, bottom=around.bottom))
    image = images.take(around.top, around.bottom, first_needed)
    if inputs.constraint:
        inputs.constraint.enforce(image, around, inputs.limits)
    missing = gaps.take(core.top, core.bottom, core.bottom)[..., core.inside(output_columns)[1]]
    values = image[(slice(None), *inside)]
    values[missing] = np.nan
    if not deviations:
        return Restored(core, values)
    deviation = deviations.take(core.top, core.bottom, core.bottom)[..., core.inside(output_columns)[1]]
    deviation[missing] = np.nan
    return Restored(core, values, deviation)


def _chunks(stack: Stack, column: Column, device: torch.device) -> Iterator[tuple[Tensor, NDArray[np.bool_]]]:
    for window in column.chunks():
        values, valid = _read(stack, window)
        chunk = torch.from_numpy(values)[None]
        # From pinned memory, the copy to the device is asynchronous: it overlaps with work on the chunk before.
        yield (chunk.pin_memory() if device.type == "cuda" else chunk), valid


def _read(stack: Stack, window: Window) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Pixels of a window, mirrored where it reaches beyond the scene below and on the right."""
    height, width = stack.size
    outside = max(window.bottom - height, 0), max(window.right - width, 0)
    if not any(outside):
        return stack.read(window)
    # Read as far before the edge as beyond it, so that the mirrored pixels do not depend on the window.
    top, left = min(window.top, height - 1 - outside[0]), min(window.left, width - 1 - outside[1])
    inside = Window(top, left, window.bottom, window.right).within(height, width)
    values, valid = stack.read(inside)
    if outside[0] or top < window.top:
        rows = mirror(window.top - top, window.bottom - top, inside.shape[0])
        values, valid = values.take(rows, axis=1), valid.take(rows, axis=1)
    if outside[1] or left < window.left:
        columns = mirror(window.left - left, window.right - left, inside.shape[1])
        values, valid = values.take(columns, axis=2), valid.take(columns, axis=2)
    return values, valid
