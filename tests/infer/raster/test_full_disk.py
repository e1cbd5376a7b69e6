"""A disk that becomes full ends a command with one line that says so, and nothing is left behind."""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from tests.commands import plain, write

from llars.errors import OutputError
from llars.infer import job
from llars.infer.raster.outputs import whole_files
from llars.infer.report.preview import write_png

SAYS = "free space or choose another folder"


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file can be longer than ``size`` bytes."""
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)


def test_whatever_is_written_says_that_the_disk_is_full(tmp_path: Path) -> None:
    with (
        room_for(1_000),
        pytest.raises(OutputError, match=rf"cannot write a\.onnx: .*{SAYS}"),
        whole_files([tmp_path / "a.onnx"]) as (place,),
    ):
        place.write_bytes(bytes(2_000))
    assert not list(tmp_path.iterdir())


def test_another_fault_is_not_taken_for_a_full_disk(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), whole_files([tmp_path / "a.onnx"]):
        (tmp_path / "nowhere").read_bytes()


def test_a_preview_says_that_the_disk_is_full(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (3, 60, 80)).astype(np.uint8)
    with room_for(1_000), pytest.raises(OutputError, match=rf"cannot write the picture a\.png: .*{SAYS}"):
        write_png(tmp_path / "a.png", noise)


def test_the_picture_of_a_diagnosis_says_that_the_disk_is_full(tmp_path, restorer, monkeypatch) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(job, "load", lambda *_, **__: restorer)
    source = write(tmp_path / "in.tif", plain())
    with room_for(2_000), pytest.raises(OutputError, match=rf"cannot write a\.png: .*{SAYS}"):
        job.diagnose_file(source, sensor="rgb", picture=tmp_path / "a.png")
    assert [path.name for path in tmp_path.iterdir()] == ["in.tif"]
