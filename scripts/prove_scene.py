"""Prove that a big scene is restored in little memory and at nearly the speed of the network itself.

    python scripts/prove_scene.py FOLDER [--side 10980] [--height N] [--bands 4] [--prompt TEXT] [--threads 1]

It makes a uint16 scene from real crops, and one twice as long; restores both with `llars restore`; and measures from
outside the resident memory of all processes together, wall-clock and processor time. The exit code is 1 if the memory
exceeds the limit, or the wall-clock rate is below 85 % of the network's own. Reading and writing run beside the
network, so with one thread this needs a second, idle processor. Rates are computed from the difference between the
longer and the shorter scene, which is free of start-up. For a prompt whose task has an initial estimate, the time to
compute that is included.
"""

import argparse
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.transform import from_origin
from rasterio.windows import Window

BANDS = {
    4: ("B02", "B03", "B04", "B08"),
    10: ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12"),
    13: ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12"),
}
CELL = 512
EXAMPLE = Path(__file__).parent.parent / "examples" / "sentinel2_aberystwyth.tif"
LEAST = 0.85
"""Smallest rate, as a share of the network's own."""


@dataclass(frozen=True)
class Cost:
    """Time and memory of a run."""

    seconds: float
    processor: float
    """Processor seconds, user and system, of all its threads."""

    peak: float
    """Peak resident memory in bytes: the larger of the peak of the process itself and of samples, a quarter of a second
    apart, of it and all its descendants."""


def crops_of(folder: Path | None, count: int) -> list[NDArray[np.uint16]]:
    """Images ``(band, y, x)`` of at least one cell; smaller ones are extended by mirroring."""
    paths = [EXAMPLE] if folder is None else sorted(folder.rglob("*.tif"))
    crops = []
    for path in paths:
        with rasterio.open(path) as source:
            if source.count < min(count, 4) or source.dtypes[0] not in ("uint16", "int16"):
                continue
            image = source.read()[np.arange(count) % source.count].clip(0, 10_000).astype(np.uint16)
        while min(image.shape[1:]) < CELL:
            image = np.concatenate([image, image[:, ::-1]], 1)
            image = np.concatenate([image, image[..., ::-1]], 2)
        crops.append(image)
    return crops


def make_scene(path: Path, crops: list[NDArray[np.uint16]], height: int, width: int) -> None:
    """Writes a scene of cells with different gains, and a corner of nodata as at the edge of a swath."""
    count = len(crops[0])
    profile = {"driver": "GTiff", "count": count, "height": height, "width": width, "dtype": "uint16", "nodata": 0}
    profile |= {"tiled": True, "blockxsize": 512, "blockysize": 512, "compress": "deflate", "zlevel": 1, "predictor": 2}
    place = {"crs": "EPSG:32633", "transform": from_origin(500_000, 5_000_000, 10, 10), "bigtiff": "IF_SAFER"}
    with rasterio.open(path, "w", **profile, **place) as target:
        for top in range(0, height, CELL):
            for left in range(0, width, CELL):
                rng = np.random.default_rng((top, left))
                crop = crops[rng.integers(len(crops))]
                row, column = (rng.integers(side - CELL + 1) for side in crop.shape[1:])
                cell = crop[:, row : row + CELL, column : column + CELL][:, : height - top, : width - left]
                cell = np.rint(cell * rng.uniform(0.7, 1.3)).clip(1, 10_000).astype(np.uint16)
                rows, columns = np.ogrid[: cell.shape[1], : cell.shape[2]]
                cell[:, (top + rows) + 2 * (left + columns) < min(height, width) // 4] = 0
                target.write(cell, window=Window(left, top, cell.shape[2], cell.shape[1]))
        target.descriptions = BANDS[count]
        target.scales = (1e-4,) * count
        target.update_tags(SENSOR="sentinel2-l1c" if count == 13 else "sentinel2-l2a")


def resident(process: int) -> int:
    """Resident memory in bytes of a process and all its descendants."""
    home = Path(f"/proc/{process}")
    try:
        pages = int((home / "statm").read_text().split()[1])
        children = [int(child) for path in home.glob("task/*/children") for child in path.read_text().split()]
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") + sum(map(resident, children))


def cost_of(command: list[str], threads: int) -> Cost:
    """Run a command and measure it."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    begun, peaks = time.monotonic(), [0]
    process = subprocess.Popen(command, env=environment)

    def watch() -> None:
        while process.returncode is None:
            peaks.append(resident(process.pid))
            time.sleep(0.25)

    threading.Thread(target=watch, daemon=True).start()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return Cost(time.monotonic() - begun, usage.ru_utime + usage.ru_stime, max(usage.ru_maxrss * 1024, *peaks))


NETWORK = """
import sys, time, torch
from llars.bench.speed import folded
from llars.infer.tiling.engine import runs_in_half
from llars.sensors import SENSORS
names, rows, columns = sys.argv[1].split(","), int(sys.argv[2]), int(sys.argv[3])
known = {band.name: band for band in SENSORS["sentinel2-l1c"].bands}
dense = folded("llars-small", [known[name] for name in names])
tile = torch.rand(1, len(names), rows, columns)
half = runs_in_half("auto", torch.device("cpu"))
taken = []
with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=half):
    for _ in range(6):
        begun = time.perf_counter()
        dense(tile)
        taken.append(time.perf_counter() - begun)
print(rows * columns / 1e6 / min(taken))
"""


def network_rate(names: tuple[str, ...], rows: int, columns: int, threads: int) -> float:
    """Wall-clock rate of the folded network alone in megapixels per second, the best of six runs."""
    command = [sys.executable, "-c", NETWORK, ",".join(names), str(rows), str(columns)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    return float(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


def main() -> int:
    """The command line: makes the scenes, restores them, compares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--side", type=int, default=10_980)
    parser.add_argument("--height", type=int, help="of the shorter scene, where it is not square")
    parser.add_argument("--bands", type=int, choices=BANDS, default=4)
    parser.add_argument("--prompt", default="remove the haze")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--limit", type=float, default=2.0, help="GB of memory")
    parser.add_argument("--scenes", type=Path)
    options, costs = parser.parse_args(), []
    options.folder.mkdir(parents=True, exist_ok=True)
    crops = crops_of(options.scenes, options.bands)
    lengths = [times * (options.height or options.side) for times in (1, 2)]
    for height in lengths:
        scene = options.folder / f"{options.bands}x{height}x{options.side}.tif"
        if not scene.exists():
            make_scene(scene, crops, height, options.side)
        command = [sys.executable, "-m", "llars", "restore", str(scene), str(options.folder / "restored.tif")]
        command += ["-p", options.prompt, "--device", "cpu", "--overwrite", "--max-memory", f"{options.limit}GB"]
        costs.append(cost := cost_of(command, options.threads))
        figures = f"{cost.seconds:.1f} s, {cost.processor:.1f} s of processor time, peak {cost.peak / 1e9:.2f} GB"
        print(f"{height} x {options.side} x {options.bands}: {figures}", flush=True)
    once, twice = costs
    own = {tile: network_rate(BANDS[options.bands], *tile, options.threads) for tile in TILES}
    pixels = lengths[0] * options.side / 1e6
    rate, worked = pixels / (twice.seconds - once.seconds), pixels / (twice.processor - once.processor)
    longer, larger = twice.seconds / once.seconds, twice.peak / once.peak
    print(f"twice as long: {longer:.2f} times the time, {larger:.2f} times the memory")
    print(f"rate {rate:.3f} Mpx/s by the clock, {worked:.3f} of processor time")
    print(f"start-up {once.seconds * 2 - twice.seconds:.1f} s")
    for (rows, columns), alone in own.items():
        print(f"the network alone on {rows} x {columns} px: {alone:.3f} Mpx/s; that is {rate / alone:.0%} of it")
    peak = max(once.peak, twice.peak)
    return 0 if peak <= options.limit * 1e9 and rate >= LEAST * max(own.values()) else 1


TILES = ((128, 10_976), (64, 4096), (128, 1024))
"""Sizes of tiles: that with the default memory limit, and those near the size of the network's own blocks, its best."""


if __name__ == "__main__":
    raise SystemExit(main())
