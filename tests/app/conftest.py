"""The playground over small weights that were never trained, with small limits, on a port of its own."""

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin
from tests.commands import write

from llars.app.service import PlaygroundService
from llars.app.uploads import Limits
from llars.infer.restorer import load

LIMITS = Limits(upload=2_000_000, pixels=500_000, bands=12, unpacked=8_000_000, results=3)


@pytest.fixture(scope="session")
def small_restorer(tiny_weights):
    return load(str(tiny_weights), "cpu")


@pytest.fixture
def service(small_restorer):
    made = PlaygroundService(small_restorer, LIMITS)
    yield made
    made.close()


@pytest.fixture
def upload(tmp_path):
    """Makes files as Gradio leaves them: each in a folder of its own, named as its owner named it."""

    def make(original: Path, name: str = "mine.tif") -> Path:
        path = tmp_path / f"sent{len(list(tmp_path.iterdir()))}" / name
        path.parent.mkdir()
        shutil.copyfile(original, path)
        return path

    return make


@pytest.fixture
def bomb(tmp_path):
    """A file of some kilobytes that says it is 60000 x 60000 pixels of three bands."""
    path = tmp_path / "bomb.tif"
    options = {"driver": "GTiff", "width": 60_000, "height": 60_000, "count": 3, "dtype": "uint16"}
    place = {"crs": "EPSG:32633", "transform": from_origin(5e5, 5e6, 10, 10)}
    with rasterio.open(path, "w", **options, **place, sparse_ok=True, tiled=True, blockxsize=8192, blockysize=8192):
        pass
    assert path.stat().st_size < 100_000
    return path


@pytest.fixture
def garbage(tmp_path):
    path = tmp_path / "garbage.tif"
    path.write_bytes(np.random.default_rng(0).bytes(5_000))
    return path


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    """A picture of three bands, 90 pixels wide and 60 high, on a map."""
    values = np.random.default_rng(1).integers(60, 180, (3, 60, 90)).astype(np.uint8)
    return write(tmp_path_factory.mktemp("pictures") / "field.tif", values)


@pytest.fixture(scope="module")
def radar(tmp_path_factory):
    """Fields in radar of about four looks: VV and VH in decibels, as float32."""
    rng = np.random.default_rng(4)
    fields = np.repeat(np.repeat(rng.uniform(-14, -8, (4, 5)), 24, axis=0), 24, axis=1)
    speckle = 10 * np.log10(rng.gamma(4.0, 0.25, (2, *fields.shape)))
    values = np.stack([fields, fields - 7]) + speckle
    path = write(tmp_path_factory.mktemp("radar") / "radar.tif", values.astype(np.float32))
    with rasterio.open(path, "r+") as file:
        file.descriptions = ("VV", "VH")
        file.units = ("dB", "dB")
    return path


@contextmanager
def running(service: PlaygroundService, token: str | None = None, local: bool = True) -> Iterator[str]:
    """The address of a server over the service."""
    from llars.app.server import build, listening, uvicorn_of

    with listening("127.0.0.1", 0) as listener:
        server = uvicorn_of(build(service, token, local))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.02)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)


@pytest.fixture(scope="module")
def served(small_restorer, tmp_path_factory):
    """A running playground: its service and its address."""
    pytest.importorskip("gradio", reason="needs the extra app")
    service = PlaygroundService(small_restorer, LIMITS)
    with running(service) as address:
        yield service, address
    service.close()
