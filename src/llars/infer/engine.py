"""One step over one scene: statistics and conditions once, then a dense network tile by tile."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, get_args

import numpy as np
import torch

from llars.errors import ConfigError
from llars.infer.layers import Enlarged, Layers, Stack
from llars.infer.pixels import REACH, project_means
from llars.infer.sampling import sample_windows, statistics_of
from llars.infer.tiles import Tile, TileGrid, Window, mirror
from llars.model.align import describe
from llars.model.condition import Conditions
from llars.model.fold import DenseNetwork
from llars.model.network import Network
from llars.model.normalise import Statistics
from llars.model.output import Output
from llars.tasks import TONES, Step, get_task, words_for

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DEFAULT_TILE", "Encodes", "Engine", "Precision", "Restored", "Work", "pick_device", "runs_in_half"]

Precision = Literal["auto", "float32", "bfloat16"]

DEFAULT_TILE = 1536
"""Side of a tile in pixels: ten bands need about two gigabytes; a smaller one spends more on its halo."""


class Encodes(Protocol):
    """Turns words into sentence vectors."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One vector of unit length per text."""


@dataclass(frozen=True)
class Work:
    """What one step works on, all on one grid."""

    target: Layers
    guides: tuple[Layers, ...] = ()

    project: bool = True
    """Hold the means of the coarser layers that an ``Enlarged`` target comes from."""

    @property
    def anchor(self) -> Enlarged | None:
        """The target, where means are to be held."""
        return self.target if self.project and isinstance(self.target, Enlarged) else None


@dataclass(frozen=True)
class Restored:
    """A window of a step's result, in unit values of the target, NaN where it has no data."""

    window: Window
    values: NDArray[np.float32]
    deviation: NDArray[np.float32] | None = None
    """Standard deviation of the error, where it is wanted."""


@dataclass(frozen=True)
class Folded:
    """What was decided for one scene."""

    dense: DenseNetwork
    statistics: Statistics
    """Of the target's bands, then the guides'."""


class Engine:
    """The network on its device."""

    def __init__(self, network: Network, encoder: Encodes, device: torch.device, half: bool) -> None:
        self.device, self._half = device, half
        self.network = network.to(device).eval()
        self._encoder = encoder

    def take(self, step: Step, work: Work, tile: int | None, uncertainty: bool = False) -> Iterator[Restored]:
        """The target after ``step``, tile by tile: their windows partition the grid."""
        stack = Stack((work.target, *work.guides))
        folded = self.fold(step, stack, len(work.target.bands), uncertainty)
        for piece in self.grid(work, tile):
            # Not around the loop: what runs between two tiles is the caller's.
            with torch.inference_mode():
                restored = self._restore(folded, stack, work, piece)
            yield restored

    def fold(self, step: Step, stack: Stack, targets: int, uncertainty: bool = False) -> Folded:
        """The network for one step over one scene, whose first ``targets`` bands are restored."""
        words = step.taught or words_for(step.task, step.severity, step.scale)
        with torch.inference_mode():
            statistics = self._to_device(statistics_of(stack, step.task in TONES))
            conditions = self._conditions(stack, statistics, words, targets)
            return Folded(self.network.fold(conditions, uncertainty), statistics)

    def grid(self, work: Work, tile: int | None) -> TileGrid:
        """The tiles of a step."""
        wanted = DEFAULT_TILE if tile is None else tile
        # What is projected depends on what is restored around it.
        reach = REACH * work.anchor.factor if work.anchor else 0
        return TileGrid(*work.target.size, wanted, self.network.halo + reach, self.network.multiple)

    def count(self, size: tuple[int, int], tile: int | None) -> int:
        """Number of tiles over a grid of so many rows and columns."""
        return len(TileGrid(*size, DEFAULT_TILE if tile is None else tile, 0, self.network.multiple))

    def faults(self, layers: Layers) -> list[float]:
        """Severity of every task's fault as the network sees it in the image, in the order of ``TASK_KEYS``."""
        with torch.inference_mode():
            statistics = self._to_device(statistics_of(layers))
            # What the image shows does not depend on what is asked for.
            conditions = self._conditions(layers, statistics, get_task("denoise").instruction, len(layers.bands))
            return [float(severity) for severity in conditions.task_from_image[0]]

    def _restore(self, folded: Folded, stack: Stack, work: Work, piece: Tile) -> Restored:
        targets = len(work.target.bands)
        own = folded.statistics.first(targets)
        values, valid = self._read(stack, piece.window)
        gaps = ~valid[:targets][(slice(None), *piece.crop)]
        output = self._run(folded, values)
        del values, valid
        if work.anchor:
            image = _projected(own, output, work.anchor, piece)
        else:
            image = own.undo(output.image[(..., *piece.crop)].float())[0].cpu().numpy()
        image[gaps] = np.nan
        if output.raw_log_scale is None:
            return Restored(piece.core, image)
        # A Laplace distribution of scale b has the standard deviation sqrt(2) b.
        scale = own.undo_scale(output.log_scale[(..., *piece.crop)].exp())[0]
        deviation = scale.mul_(math.sqrt(2.0)).cpu().numpy()
        deviation[gaps] = np.nan
        return Restored(piece.core, image, deviation)

    def _read(self, stack: Stack, window: Window) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """A tile's pixels, mirrored where it reaches beyond the scene."""
        inside = window.within(*stack.size)
        values, valid = stack.read(inside)
        if inside == window:
            return values, valid
        rows, columns = (mirror(0, wanted, there) for wanted, there in zip(window.shape, inside.shape, strict=True))
        return tuple(part.take(rows, axis=1).take(columns, axis=2) for part in (values, valid))  # type: ignore[return-value]

    def _run(self, folded: Folded, values: NDArray[np.float32]) -> Output:
        tile = torch.from_numpy(values)[None].to(self.device)
        with self._autocast():
            output: Output = folded.dense(folded.statistics.apply(tile))
        return output

    def _to_device(self, statistics: Statistics) -> Statistics:
        parts = (statistics.mean, statistics.std, statistics.knots)
        return Statistics(*(None if part is None else part.to(self.device) for part in parts))  # type: ignore[arg-type]

    def _conditions(self, layers: Layers, statistics: Statistics, words: str, targets: int) -> Conditions:
        sampled = sample_windows(layers, self.network.window)
        windows = statistics.apply(torch.from_numpy(sampled).to(self.device))[None]
        vector = torch.from_numpy(self._encoder.encode([words])).to(self.device)
        bands = describe([layers.bands]).to(self.device)
        return self.network.condition(windows, bands, statistics, vector, targets=targets)

    @contextmanager
    def _autocast(self) -> Iterator[None]:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._half):
            yield


def _projected(statistics: Statistics, output: Output, anchor: Enlarged, piece: Tile) -> NDArray[np.float32]:
    """The core of a tile, moved so that its means are those of the coarser pixels it came from."""
    cells = piece.core.coarser(anchor.factor).grown(REACH).within(*anchor.coarse.size)
    around = cells.finer(anchor.factor)
    fine = statistics.undo(output.image[(..., *around.inside(piece.window))].float())[0].cpu().numpy()
    project_means(fine, *anchor.coarse.read(cells), anchor.factor)
    return np.array(fine[(slice(None), *piece.core.inside(around))])


def pick_device(name: str) -> torch.device:
    """The device called ``name``; ``auto`` is the first of cuda, mps and cpu that is there.

    Raises:
        ConfigError: torch has no such device here.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, available in there.items() if available))
    kind, _, index = name.partition(":")
    if not there.get(kind) or (index and not (index.isdigit() and int(index) < torch.cuda.device_count())):
        available = ", ".join(kind for kind, here in there.items() if here)
        raise ConfigError(f"device {name!r} is not there; here are {available} (or auto)")
    return torch.device(name)


def runs_in_half(precision: Precision, device: torch.device) -> bool:
    """Whether the backbone computes in bfloat16.

    Raises:
        ConfigError: the precision is unknown.
    """
    if precision not in get_args(Precision):
        raise ConfigError(f"unknown precision {precision!r}; choose {', '.join(get_args(Precision))}")
    if precision != "auto":
        return precision == "bfloat16"
    if device.type == "cuda":
        # Ampere, the first generation with bfloat16 in its arithmetic units.
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        # Emulated bfloat16 is slower than float32; a torch that cannot tell gets the latter.
        able: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
        return any(bool(able.get(feature)) for feature in ("avx512_bf16", "amx_bf16", "bf16"))
    return False
