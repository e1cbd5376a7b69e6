"""Prove that a batch loses nothing and does nothing twice: 200 scenes, three of them corrupt, a worker killed twice.

    python scripts/prove_batch.py FOLDER --engine dask [--workers 2] [--model NAME_OR_FILE]
    python scripts/prove_batch.py FOLDER --engine dask --rate [--scenes 16] [--side 1024] [--prompt TEXT]

The results must equal those of the engine `local`, pixel for pixel, which is run first and undisturbed. The exit code
is 1 if anything is not as it must be. Only workers that the batch itself started are killed.

With --rate it compares one worker with several instead, on scenes that are all intact and large enough for the work to
dominate. Start-up is left out: time counts from when as many scenes are done as there are workers, by the file times
of the results.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import from_origin

SCENES, CORRUPT, SIDE = 200, (17, 99, 160), 64
KILLS = (20, 60)
"""Numbers of finished scenes at which a worker is killed."""


def make_archive(folder: Path, scenes: int, side: int, corrupt: tuple[int, ...] = ()) -> None:
    """Writes Sentinel-2 scenes; the files of the ``corrupt`` ones are truncated."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(scenes):
        rng = np.random.default_rng(number)
        relief = np.cumsum(rng.normal(size=(4, side, side)), axis=2)
        path = folder / f"scene{number:03}.tif"
        if path.exists():
            continue
        profile = {"driver": "GTiff", "count": 4, "height": side, "width": side, "dtype": "uint16", "nodata": 0}
        place = {"crs": "EPSG:32633", "transform": from_origin(500_000 + 640 * number, 5_000_000, 10, 10)}
        with rasterio.open(path, "w", **profile, **place) as target:
            target.write((2000 + 100 * relief).clip(1, 9000).astype(np.uint16))
            target.descriptions = ("B02", "B03", "B04", "B08")
            target.scales = (1e-4,) * 4
            target.update_tags(SENSOR="sentinel2-l2a")
        if number in corrupt:
            path.write_bytes(path.read_bytes()[:300])


def workers_below(root: int) -> list[int]:
    """Descendants of the process ``root`` that are working on a scene: those that have loaded torch."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue

    def belongs(process: int) -> bool:
        while process in parents:
            process = parents[process]
            if process == root:
                return True
        return False

    found = []
    for process in parents:
        try:
            if belongs(process) and "libtorch" in Path(f"/proc/{process}/maps").read_text():
                found.append(process)
        except OSError:
            continue
    return sorted(found)


def journal_of(folder: Path) -> list[dict[str, str]]:
    """The entries of the batch's journal."""
    path = folder / "journal.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("}")]


def run(command: list[str], out: Path, kills: tuple[int, ...] = ()) -> tuple[int, str, float]:
    """Run a batch, killing a worker at each count of finished scenes; returns exit code, messages and seconds."""
    begun = time.monotonic()
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    for count in kills:
        victims: list[int] = []
        while process.poll() is None and (len(journal_of(out)) < count or not victims):
            time.sleep(0.5)
            # Only now, as looking at all processes takes a while.
            victims = workers_below(process.pid) if len(journal_of(out)) >= count else []
        if victims:
            os.kill(victims[-1], signal.SIGKILL)
            print(f"killed worker {victims[-1]} after {len(journal_of(out))} scenes")
    _, messages = process.communicate()
    return process.returncode, messages, time.monotonic() - begun


def check(fact: bool, words: str) -> bool:
    """Print whether a check passed, and return it."""
    print(f"{'ok  ' if fact else 'FAIL'} {words}")
    return fact


def equal(path: Path, other: Path) -> bool:
    """Whether two results have the same pixels, tags and grid."""
    with rasterio.open(path) as one, rasterio.open(other) as two:
        same = one.tags() == two.tags() and one.transform == two.transform
        return bool(same and np.array_equal(one.read(), two.read()))


def rate(folder: Path, workers: int) -> float:
    """Scenes per second from the file times of the results, after the first ``workers`` scenes."""
    done = sorted(path.stat().st_mtime for path in folder.glob("*.tif"))
    return (len(done) - workers) / (done[-1] - done[workers - 1])


def command(options: argparse.Namespace, archive: Path, out: Path, engine: str, workers: str) -> list[str]:
    """The command line of ``llars batch`` for an archive."""
    asked = ["-p", options.prompt, "--model", options.model, "--device", "cpu", "--quiet"]
    batch = [sys.executable, "-m", "llars", "batch", str(archive), str(out), *asked]
    return [*batch, "--engine", engine, "--workers", workers]


def compare_rates(options: argparse.Namespace) -> None:
    """Print the rate of one worker and of several."""
    archive = options.folder / f"{options.scenes}x{options.side}"
    make_archive(archive, options.scenes, options.side)
    for workers in ("1", options.workers):
        with tempfile.TemporaryDirectory(dir=options.folder) as fresh:
            _, _, taken = run(command(options, archive, Path(fresh), options.engine, workers), Path(fresh))
            scenes = rate(Path(fresh), int(workers))
            print(f"{options.engine}, {workers} workers: {scenes:.2f} scenes/s, {taken:.1f} s with start-up")


def prove(options: argparse.Namespace) -> bool:
    """Make the archive, run the batch three times, check the results."""
    archive, out, right = (options.folder / name for name in ("archive", options.engine, "right"))
    make_archive(archive, SCENES, SIDE, CORRUPT)
    run(command(options, archive, right, "local", options.workers), right)
    words = command(options, archive, out, options.engine, options.workers)
    code, messages, seconds = run(words, out, KILLS)
    errors = [line for line in messages.splitlines() if line.startswith("llars: error: ")]
    entries, results = journal_of(out), sorted(out.glob("*.tif"))
    expected = {f"scene{number:03}.tif" for number in range(SCENES) if number not in CORRUPT}
    good = [
        check(code == 2, f"exit code {code}, expected 2"),
        check({path.name for path in results} == expected, f"{len(results)} results, expected {len(expected)}"),
        check(all(equal(path, right / path.name) for path in results), "every result is that of the engine local"),
        check(len(errors) == len(CORRUPT), f"{len(errors)} failures named, expected {len(CORRUPT)}"),
        check(all(any(f"scene{number:03}" in line for line in errors) for number in CORRUPT), "by their names"),
        check(len(entries) == len({entry["source"] for entry in entries}) == SCENES, f"{len(entries)} journal entries"),
    ]
    before = {path: path.stat().st_mtime_ns for path in results}
    again, _, later = run(words, out)
    untouched = {path: path.stat().st_mtime_ns for path in sorted(out.glob("*.tif"))} == before
    good += [
        check(again == 2 and untouched, "run again, it touches nothing and names the same failures"),
        check(len(journal_of(out)) == SCENES, "nor does the journal grow"),
    ]
    print(f"{options.engine}, {options.workers} workers, two deaths: {seconds:.1f} s; again {later:.1f} s")
    return all(good)


def main() -> int:
    """The command line; returns 1 if a check failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--engine", default="local")
    parser.add_argument("--workers", default="2")
    parser.add_argument("--model", default="llars-small")
    parser.add_argument("--rate", action="store_true", help="compare one worker with several")
    parser.add_argument("--scenes", type=int, default=16, help="for --rate")
    parser.add_argument("--side", type=int, default=1024, help="of the scenes for --rate, in pixels")
    parser.add_argument("--prompt", default="reduce the noise")
    options = parser.parse_args()
    if options.rate:
        compare_rates(options)
        return 0
    return 0 if prove(options) else 1


if __name__ == "__main__":
    raise SystemExit(main())
