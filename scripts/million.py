"""Build a million synthetic samples, kill the build twice on the way, then check and read all of them.

python scripts/million.py [FOLDER] [COUNT]

Prints the rates and the peak memory of each step, and fails unless the manifest is exact. Takes 3 GB of disk.
"""

from __future__ import annotations

import hashlib
import resource
import shutil
import subprocess
import sys
import time
from collections import Counter
from itertools import islice
from pathlib import Path

import yaml

from llars.data.build import read_plan
from llars.data.check import check
from llars.data.manifest import load
from llars.data.shards import Shard
from llars.data.stream import Stream

CONFIG = Path(__file__).parents[1] / "configs" / "data" / "million.yaml"

STREAMED = 100_000
"""Number of samples that are drawn in shuffled order."""


def build_command(out: Path, count: int) -> list[str]:
    """The command that builds ``count`` samples."""
    source = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["sources"]["noise"] | {"synthetic": count}
    overrides = [f"out={out}", f"sources={yaml.safe_dump({'noise': source}, default_flow_style=True, width=10**6)}"]
    return [sys.executable, "-m", "llars", "data", "build", str(CONFIG), str(out), *overrides]


def killed_after(command: list[str], out: Path, segments: int) -> None:
    """Run the build, and kill it without warning once ``segments`` segments are recorded as complete."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while len(list((out / "progress").glob("*.json"))) < segments:
        assert process.poll() is None, f"the build ended by itself with {process.returncode}"
        time.sleep(0.1)
    time.sleep(0.5)  # into the middle of the next one
    process.kill()
    process.wait()
    assert not (out / "manifest.json").exists()
    print(f"killed with {segments} segments whole and {len(list(out.glob('*/*.part')))} shards half written")


def expected(out: Path, count: int) -> dict[str, Counter[tuple[str, str]]]:
    """Numbers of samples by split, task and sensor, derived from the configuration alone."""
    settings = read_plan(CONFIG, out).parts[0].settings
    sensors, tasks, share = settings["sensors"], settings["tasks"], settings["held_out"]
    found: dict[str, Counter[tuple[str, str]]] = {"train": Counter(), "val": Counter()}
    for place in range(-(-count // 10)):
        drawn = int.from_bytes(hashlib.sha256(f"synthetic/{place}".encode()).digest()[:8], "big") / 2**64
        for number in range(10 * place, min(10 * place + 10, count)):
            kind = tasks[number // len(sensors) % len(tasks)], sensors[number % len(sensors)]
            found["val" if drawn < share else "train"][kind] += 1
    return found


def read_all(out: Path, count: int) -> None:
    """Read every sample once in order, then some in shuffled order."""
    start, numbers, pixels = time.process_time(), 0, 0
    for about in load(out)["splits"].values():
        for entry in about["shards"]:
            shard = Shard(out / entry["file"])
            for record in (shard[i] for i in range(len(shard))):
                numbers += int(record.images["target"].scene)
                pixels += record.images["target"].values.size
    assert numbers == count * (count - 1) // 2
    took = time.process_time() - start
    print(f"read in order: {count / took:.0f} samples/s of CPU time, {pixels / 1e6:.0f} M values")
    start = time.process_time()
    drawn = sum(1 for _ in islice(Stream(out, tasks={"denoise": 2, "haze": 1}), STREAMED))
    print(f"read shuffled and mixed: {drawn / (time.process_time() - start):.0f} samples/s of CPU time")
    print(f"peak memory of reading: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


def main(out: Path, count: int) -> None:
    """Run all steps."""
    shutil.rmtree(out, ignore_errors=True)
    command, parts = build_command(out, count), len(read_plan(CONFIG, out).parts)
    start = time.perf_counter()
    killed_after(command, out, parts // 3)
    killed_after(command, out, 2 * parts // 3)
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu, wall = used.ru_utime + used.ru_stime, time.perf_counter() - start
    print(
        f"built: {count / cpu:.0f} samples/s of CPU time ({cpu:.0f} s, {wall:.0f} s by the clock, two kills included)"
    )
    print(f"peak memory of building: {used.ru_maxrss / 1024:.0f} MiB")
    before = (out / "manifest.json").read_bytes()
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert (out / "manifest.json").read_bytes() == before
    print(f"built again: nothing to do, {time.perf_counter() - start:.1f} s")
    for split, counts in expected(out, count).items():
        found: Counter[tuple[str, str]] = Counter()
        for entry in load(out)["splits"][split]["shards"]:
            found[entry["task"], entry["sensor"]] += entry["samples"]
        assert found == counts, f"{split}: {found} instead of {counts}"
    start = time.process_time()
    faults = check(out)
    assert not faults, faults
    print(f"checked, all counts and checksums exact: {count / (time.process_time() - start):.0f} samples/s of CPU time")
    print(f"peak memory of checking: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB", flush=True)
    subprocess.run([sys.executable, __file__, "--read", str(out), str(count)], check=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--read"]:
        read_all(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        folder, total = (*sys.argv[1:], *("runs/million", "1000000")[len(sys.argv) - 1 :])
        main(Path(folder), int(total))
