"""Cost of inference: operations per megapixel, and megapixels per second on one thread."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.rivals.contestant import BANDS, Instructable, Rival
from benchmarks.rivals.sizes import LLARS
from benchmarks.training import Contestant
from llars.bench.speed import folded

__all__ = ["Cost", "cost"]

SIDE = 256
"""Side in pixels of the tile that is timed."""

COUNTED = 128
"""Side in pixels of the tile on which operations are counted."""


@dataclass(frozen=True)
class Cost:
    """Cost of a contestant in use."""

    parameters: int
    gigaflops: float
    """GFLOP per megapixel; a multiply-add counts as two. Fourier transforms are not counted."""

    speed: float
    """Megapixels per second of processor time in bfloat16, with torch's current number of threads."""


@torch.inference_mode()
def cost(contestant: Contestant) -> Cost:
    """Counts and times a contestant: rivals as they are, llars folded for one scene of ten bands, as it is used."""
    contestant.eval()
    forward, channels = _forward(contestant)
    with FlopCounterMode(display=False) as counter:
        forward(torch.rand(1, channels, COUNTED, COUNTED))
    tile = torch.rand(1, channels, SIDE, SIDE).contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        taken = [_seconds(forward, tile) for _ in range(4)]
    parameters = sum(parameter.numel() for parameter in contestant.parameters())
    return Cost(parameters, counter.get_total_flops() / 1e3 / COUNTED**2, SIDE**2 / 1e6 / min(taken[1:]))


def _forward(contestant: Contestant) -> tuple[Callable[[Tensor], object], int]:
    """The function that is run on a tile, and the number of channels of the tile."""
    if not isinstance(contestant, Rival):
        return folded(LLARS), 10
    if isinstance(contestant, Instructable):
        words = torch.nn.functional.normalize(torch.rand(1, 384), dim=-1)
        return lambda tile: contestant.network(tile, words), BANDS[0]
    return contestant.network, BANDS[0]


def _seconds(forward: Callable[[Tensor], object], tile: Tensor) -> float:
    start = time.process_time()
    forward(tile)
    return time.process_time() - start
