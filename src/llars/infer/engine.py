"""One step over one scene: statistics and conditions once, then a dense network tile by tile."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, Protocol, get_args

import numpy as np
import torch

from llars.errors import ConfigError
from llars.infer.picture import Picture
from llars.infer.pixels import enlarge_scene, project_means, read, sample_windows
from llars.infer.tiles import TileGrid
from llars.model.align import describe
from llars.model.condition import Conditions
from llars.model.network import Network
from llars.model.normalise import Statistics
from llars.tasks import Step, get_task, words_for

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DEFAULT_TILE", "Encodes", "Engine", "Precision", "pick_device", "runs_in_half"]

Precision = Literal["auto", "float32", "bfloat16"]

DEFAULT_TILE = 1536
"""Side of a tile in pixels: ten bands need about two gigabytes; a smaller one spends more on its halo."""


class Encodes(Protocol):
    """Turns words into sentence vectors."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One vector of unit length per text."""


class Engine:
    """The network on its device."""

    def __init__(self, network: Network, encoder: Encodes, device: torch.device, half: bool) -> None:
        self.device, self._half = device, half
        self._network = network.to(device).eval()
        self._encoder = encoder

    def take(
        self,
        step: Step,
        picture: Picture,
        *,
        tile: int | None = None,
        uncertainty: bool = False,
        project: bool = True,
        tick: Callable[[], None] = lambda: None,
    ) -> tuple[Picture, NDArray[np.float32] | None]:
        """The picture after ``step`` and, if wanted, the standard deviation of its error, both in unit values."""
        start = picture
        if step.scale > 1:
            picture = picture.with_values(enlarge_scene(picture.values, picture.valid, step.scale), step.scale)
        values, deviation = self._restore(picture, step, self.grid(picture.values.shape, tile), uncertainty, tick)
        if step.scale > 1 and project:
            project_means(values, start.values, start.valid, step.scale)
        return picture.with_values(values), deviation

    def grid(self, shape: Sequence[int], tile: int | None) -> TileGrid:
        """Tiles over a scene ``(band, y, x)``."""
        wanted = DEFAULT_TILE if tile is None else tile
        return TileGrid(shape[-2], shape[-1], wanted, self._network.halo, self._network.multiple)

    def faults(self, picture: Picture) -> list[float]:
        """Severity of every task's fault as the network sees it in the picture, in the order of ``TASK_KEYS``."""
        with torch.inference_mode():
            statistics = self._statistics(picture)
            # What the image shows does not depend on what is asked for.
            conditions = self._conditions(picture, statistics, get_task("denoise").instruction)
            return [float(severity) for severity in conditions.task_from_image[0]]

    def _restore(
        self, picture: Picture, step: Step, grid: TileGrid, uncertainty: bool, tick: Callable[[], None]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        values = np.empty_like(picture.values)
        deviation = np.empty_like(picture.values) if uncertainty else None
        with torch.inference_mode():
            statistics = self._statistics(picture)
            words = step.text or words_for(step.task, step.severity, step.scale)
            dense = self._network.fold(self._conditions(picture, statistics, words), uncertainty)
            for piece in grid:
                tile = torch.from_numpy(read(picture.values, piece.window))[None].to(self.device)
                with self._autocast():
                    output = dense(statistics.apply(tile))
                crop = (slice(None), slice(None), *piece.crop)
                core = (slice(None), *piece.core.slices)
                values[core] = statistics.undo(output.image[crop].float())[0].cpu().numpy()
                if deviation is not None:
                    # A Laplace distribution of scale b has the standard deviation sqrt(2) b.
                    scale = statistics.undo_scale(output.log_scale[crop].exp())[0]
                    deviation[core] = math.sqrt(2.0) * scale.cpu().numpy()
                tick()
        return values, deviation

    def _statistics(self, picture: Picture) -> Statistics:
        """Of the whole scene, never of a tile; band by band, for they are computed in float64."""
        bands = [
            Statistics.of(torch.from_numpy(values)[None, None], torch.from_numpy(valid)[None, None])
            for values, valid in zip(picture.values, picture.valid, strict=True)
        ]
        mean, std = (torch.cat([getattr(band, name) for band in bands], 1) for name in ("mean", "std"))
        return Statistics(mean.to(self.device), std.to(self.device))

    def _conditions(self, picture: Picture, statistics: Statistics, words: str) -> Conditions:
        sampled = sample_windows(picture.values, picture.valid, self._network.window)
        windows = statistics.apply(torch.from_numpy(sampled).to(self.device))[None]
        vector = torch.from_numpy(self._encoder.encode([words])).to(self.device)
        return self._network.condition(windows, describe([picture.bands]).to(self.device), statistics, vector)

    @contextmanager
    def _autocast(self) -> Iterator[None]:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._half):
            yield


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
