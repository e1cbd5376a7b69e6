"""Speed of the folded network relative to what the machine can do at best. ``python -m llars.bench.speed``."""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode

from llars.bands import Band
from llars.errors import LlarsError
from llars.model.align import describe
from llars.model.config import preset
from llars.model.fold import DenseNetwork
from llars.model.network import Network
from llars.model.normalise import Statistics

__all__ = ["Speed", "folded", "main", "matmul_rate", "measure", "report"]

BANDS = tuple(Band(f"{nm} nm", float(nm), 40.0, 10.0) for nm in (490, 560, 665, 705, 740, 783, 842, 865, 1610, 2190))
"""Ten bands like those of Sentinel-2 at 10 and 20 m; the operation counts depend only on their number."""

MAX_WORK = 100.0
"""Target: at most this many GFLOP per megapixel."""

MIN_SPEED = 1.0 / 158.0
"""Target: at least this many megapixels per second in bfloat16 for each GFLOP/s of the matrix product."""


@dataclass(frozen=True)
class Speed:
    """Measured speed and memory."""

    preset: str
    side: int
    """Side of the tile in pixels."""

    matmul: float
    """GFLOP/s of a float32 matrix product."""

    work: float
    """GFLOP per megapixel; a multiply-add counts as two operations."""

    float32: float
    """Megapixels per second."""

    bfloat16: float
    """Megapixels per second with the backbone in bfloat16."""

    memory: float
    """Peak resident memory of this process in GiB."""


def measure(name: str = "llars-small", side: int = 1024, matrix: int = 2048) -> Speed:
    """Time the folded network of a preset on one tile. Its weights are random, which costs the same.

    Raises:
        ConfigError: there is no such preset.
    """
    dense = folded(name)
    tile = torch.rand(1, len(BANDS), side, side)
    with torch.inference_mode():
        rate = matmul_rate(matrix)
        with FlopCounterMode(display=False) as counter:
            dense(tile)
        single = _seconds(lambda: dense(tile))
        with torch.autocast("cpu", torch.bfloat16):
            half = _seconds(lambda: dense(tile))
    pixels = side * side / 1e6
    work = counter.get_total_flops() / 1e9 / pixels
    return Speed(name, side, rate, work, pixels / single, pixels / half, _peak_memory())


def folded(name: str, bands: Sequence[Band] = BANDS) -> DenseNetwork:
    """The dense network that would restore a scene with these bands."""
    torch.manual_seed(0)
    network = Network(preset(name)).eval()
    side, count = network.window, len(bands)
    statistics = Statistics(torch.full((1, count), 0.2), torch.full((1, count), 0.1))
    words = torch.nn.functional.normalize(torch.rand(1, network.config.instruction_features), dim=-1)
    with torch.inference_mode():
        conditions = network.condition(torch.rand(1, 4, count, side, side), describe([bands]), statistics, words)
        return network.fold(conditions, uncertainty=False)  # as a restoration without --uncertainty does


def matmul_rate(side: int = 2048) -> float:
    """GFLOP/s of a float32 product of two square matrices: the machine's practical peak."""
    a, b = torch.rand(2, side, side)
    return 2 * side**3 / 1e9 / _seconds(lambda: a @ b, 5)


def report(speed: Speed) -> str:
    """The measurements and the targets, one per line."""
    needed = MIN_SPEED * speed.matmul
    lines = [
        f"matrix product, float32      {speed.matmul:8.1f} GFLOP/s on {torch.get_num_threads()} threads",
        f"{speed.preset + ', folded':28} {speed.work:8.1f} GFLOP/Mpx at {len(BANDS)} bands",
        f"float32, {f'{speed.side} x {speed.side} tile':19} {speed.float32:8.3f} Mpx/s",
        f"bfloat16, {f'{speed.side} x {speed.side} tile':18} {speed.bfloat16:8.3f} Mpx/s",
        f"peak memory                  {speed.memory:8.2f} GiB",
        f"target: at most {MAX_WORK:.0f} GFLOP/Mpx: {_verdict(speed.work <= MAX_WORK)}",
        f"target: at least {needed:.3f} Mpx/s in bfloat16 on this machine: {_verdict(speed.bfloat16 >= needed)}",
    ]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns 0 if everything was measured, whether or not the targets are met."""
    parser = argparse.ArgumentParser(prog="llars.bench.speed", description="Speed and memory on this machine.")
    parser.add_argument("--preset", default="llars-small")
    parser.add_argument("--side", type=int, default=1024, help="of the tile, in pixels")
    options = parser.parse_args(arguments)
    try:
        sys.stdout.write(report(measure(options.preset, options.side)) + "\n")
    except LlarsError as error:
        sys.stderr.write(f"llars: error: {error}\n")
        return 2
    return 0


def _seconds(run: Callable[[], object], times: int = 3) -> float:
    """Seconds of the fastest of several runs after a warm-up, so that slowdowns by other processes do not count."""
    run()
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return min(taken)


def _peak_memory() -> float:
    """Peak resident memory in GiB; the system reports KiB, but bytes on macOS."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


def _verdict(met: bool) -> str:
    return "met" if met else "missed"


if __name__ == "__main__":
    sys.exit(main())
