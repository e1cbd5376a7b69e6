"""Prove that the playground answers quickly, loses nothing, and refuses what it must.

    python scripts/prove_playground.py [--side 1000] [--users 10] [--threads N]

It starts `llars serve` with its own folder for temporary files. A visitor uploads a scene of four bands and asks for
less noise; others send garbage, a bomb (a small file of a huge image) and 500 MB; ten visitors come at once, each with
a different scene. Wall-clock time is measured at the visitor, processor time (user and system, all threads) in the
server. The exit code is 1 if a target is missed. The server runs the code of this checkout.
"""

import argparse
import http.client
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import rasterio
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from rasterio.transform import from_origin

from prove_scene import crops_of, make_scene

SOON, REFUSED_IN = 5.0, 2.0
"""Seconds until the first answer, and until a refusal."""

GONE_AFTER = 240.0
"""Seconds after which no uploaded file may be left."""

PATIENCE = 120.0
"""Seconds that a server is given to shut down."""

NOISE = 40
"""Standard deviation of the noise in the scenes of a crowd, in numbers: 0.004 in reflectance."""

PROMPT, BANDS, STRETCH, SENSOR = "reduce the noise", "Natural colour", "2 to 98 %, all alike", "as the file says"


@dataclass(frozen=True)
class Server:
    """A running playground."""

    process: subprocess.Popen[str]
    address: str
    folder: Path
    """Folder of all its temporary files."""

    def processor(self) -> float:
        """Processor seconds that it has used so far."""
        parts = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")

    def files(self, below: str = "") -> list[Path]:
        """Its files on disk."""
        return [path for path in self.folder.glob(f"{below}**/*") if path.is_file()]


class Table:
    """Prints measurements as a table, and records whether all targets are met."""

    def __init__(self) -> None:
        self.good = True
        print(f"{'':52}{'measured':>12}{'processor':>12}{'target':>12}", flush=True)

    def tell(self, what: str, measured: str, processor: str = "", target: str = "", good: bool = True) -> None:
        """Print one line."""
        self.good &= good
        print(f"{what:52}{measured:>12}{processor:>12}{target:>12}{'' if good else '  MISSED'}", flush=True)


@contextmanager
def served(threads: int) -> Iterator[tuple[Server, float]]:
    """A playground on its own port, and the seconds until it answered."""
    folder, begun = Path(tempfile.mkdtemp()), time.monotonic()
    environment = {**os.environ, "TMPDIR": str(folder), "OMP_NUM_THREADS": str(threads)}
    environment["PYTHONPATH"] = str(Path(__file__).parents[1] / "src")
    command = [sys.executable, "-m", "llars", "serve", "--port", "0", "--device", "cpu"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        address = next(
            word for line in process.stderr or () for word in line.split() if word.startswith("http://")
        ).rstrip("/")
        while not answers(address):
            time.sleep(0.05)
        yield Server(process, address, folder), time.monotonic() - begun
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE)
        shutil.rmtree(folder, ignore_errors=True)


def answers(address: str) -> bool:
    """Whether the server answers already."""
    try:
        return bool(fetch(f"{address}/config"))
    except OSError:
        return False


def fetch(address: str) -> bytes:
    """The content at an address."""
    with urllib.request.urlopen(address.replace(" ", "%20"), timeout=300) as answer:
        return bytes(answer.read())


def visitor(server: Server) -> Any:
    """A client of the server."""
    return Client(server.address, verbose=False, analytics_enabled=False)


def upload(someone: Any, path: Path) -> Any:
    """Upload a scene, and return the answer."""
    return someone.predict(handle_file(str(path)), SENSOR, STRETCH, api_name="/upload")


def restore(someone: Any, server: Server, prompt: str) -> dict[str, Any]:
    """Ask for a restoration, and wait until the picture of the result has arrived."""
    view, _ = someone.predict(prompt, BANDS, STRETCH, False, api_name="/restore")
    answer: dict[str, Any] = view["images"][-1]
    fetch(server.address + answer["url"])
    return answer


def first_answers(server: Server, scene: Path, table: Table) -> None:
    """Measures upload and restoration for the first visitor of a fresh server, twice."""
    someone = visitor(server)
    for name in ("first", "second"):
        before, begun = server.processor(), time.monotonic()
        view = upload(someone, scene)[0]
        fetch(server.address + view["images"][0]["url"])
        seen, middle = time.monotonic() - begun, server.processor()
        asked = time.monotonic()
        restore(someone, server, PROMPT)
        answered, after = time.monotonic() - asked, server.processor()
        table.tell(f"{name} upload, until it is seen", f"{seen:.1f} s", f"{middle - before:.1f} s")
        good = answered <= SOON
        table.tell(
            f"{name} answer, until it is seen", f"{answered:.1f} s", f"{after - middle:.1f} s", f"{SOON} s", good
        )


def refusals(server: Server, folder: Path, table: Table) -> None:
    """Measures the refusal of uploads that must be refused."""
    garbage, bomb = folder / "garbage.tif", folder / "bomb.tif"
    garbage.write_bytes(np.random.default_rng(0).bytes(5_000))
    place = {"crs": "EPSG:32633", "transform": from_origin(5e5, 5e6, 10, 10), "sparse_ok": True}
    size = {"width": 60_000, "height": 60_000, "count": 3, "dtype": "uint16"}
    with rasterio.open(bomb, "w", driver="GTiff", tiled=True, blockxsize=8192, blockysize=8192, **size, **place):
        pass
    someone = visitor(server)
    for name, send in (
        ("garbage of 5 kB", lambda: refused_with(lambda: upload(someone, garbage), "no GeoTIFF")),
        ("bomb: 1 kB, 60000 x 60000 px", lambda: refused_with(lambda: upload(someone, bomb), "3600 Mpx")),
        ("500 MB", lambda: too_long(server, 500_000_000)),
    ):
        before, begun = server.processor(), time.monotonic()
        polite = send()
        taken, used = time.monotonic() - begun, server.processor() - before
        good = polite and taken <= REFUSED_IN
        table.tell(f"{name} refused", f"{taken:.2f} s", f"{used:.2f} s", f"{REFUSED_IN} s", good)


def refused_with(action: Callable[[], object], words: str) -> bool:
    """Whether the action is refused with a message that contains ``words``."""
    try:
        action()
    except AppError as refusal:
        return words in str(refusal)
    return False


def too_long(server: Server, length: int) -> bool:
    """Whether an upload of ``length`` bytes is refused with a message, before it is sent."""
    wire = http.client.HTTPConnection(urlsplit(server.address).netloc, timeout=30)
    wire.putrequest("POST", "/gradio_api/upload")
    wire.putheader("Content-Length", str(length))
    wire.putheader("Content-Type", "multipart/form-data; boundary=x")
    wire.endheaders()
    answer = wire.getresponse()
    return answer.status == http.client.REQUEST_ENTITY_TOO_LARGE and b"up to 100 MB" in answer.read()


def crowd(server: Server, folder: Path, users: int, table: Table) -> None:
    """Many visitors at once, each with a scene of a different brightness, so that mixed-up answers are noticed."""
    means, right = [200 + 100 * number for number in range(users)], [False] * users
    scenes = [folder / f"of_visitor_{number}.tif" for number in range(users)]
    for mean, path in zip(means, scenes, strict=True):
        values = np.random.default_rng(mean).normal(mean, NOISE, (4, 256, 256)).clip(1).astype(np.uint16)
        place = {"crs": "EPSG:32633", "transform": from_origin(5e5, 5e6, 10, 10)}
        with rasterio.open(path, "w", driver="GTiff", count=4, height=256, width=256, dtype="uint16", **place) as file:
            file.write(values)
            file.scales = (1e-4,) * 4
            file.descriptions = ("B02", "B03", "B04", "B08")
            file.update_tags(SENSOR="sentinel2-l2a")

    def visit(number: int) -> None:
        someone = visitor(server)
        upload(someone, scenes[number])
        content = fetch(server.address + restore(someone, server, PROMPT)["file"])
        with rasterio.MemoryFile(content) as memory, memory.open() as file:
            restored = file.read()
        right[number] = abs(restored.mean() - means[number]) < 20 and restored.std() < NOISE / 2

    before, begun = server.processor(), time.monotonic()
    threads = [threading.Thread(target=visit, args=(number,)) for number in range(users)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken, used = time.monotonic() - begun, server.processor() - before
    table.tell(f"{users} at once: all have an answer", f"{taken:.1f} s", f"{used:.1f} s")
    table.tell(
        f"{users} at once: whose answer is their own", f"{sum(right)}", target=f"{users}", good=sum(right) == users
    )


def main() -> int:
    """The command line: starts the server, visits it, shuts it down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=1000)
    parser.add_argument("--users", type=int, default=10)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    options, table = parser.parse_args(), Table()
    with tempfile.TemporaryDirectory() as own, served(options.threads) as (server, seconds):
        folder = Path(own)
        table.tell("from the command to a page", f"{seconds:.1f} s", f"{server.processor():.1f} s")
        scene = folder / "scene.tif"
        make_scene(scene, crops_of(None, 4), options.side, options.side)
        first_answers(server, scene, table)
        refusals(server, folder, table)
        refused = time.monotonic()
        crowd(server, folder, options.users, table)
        while server.files("*/uploads/") and time.monotonic() - refused < GONE_AFTER:
            time.sleep(1)
        left = len(server.files("*/uploads/"))
        after = f"{time.monotonic() - refused:.0f} s"
        table.tell("left of uploads, refused or not", f"{left} files", after, "0 files", left == 0)
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(PATIENCE)
        left = len(server.files())
        table.tell("left when it has ended", f"{left} files", target="0 files", good=left == 0)
    return 0 if table.good else 1


if __name__ == "__main__":
    raise SystemExit(main())
