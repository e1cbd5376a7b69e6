"""A disk that becomes full ends a command with one line that says so, and nothing is left behind."""

import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import rasterio
from tests.commands import plain, write

from llars.errors import OutputError
from llars.infer import job
from llars.infer.raster import read_profile, write_like
from llars.infer.raster.outputs import whole_files
from llars.infer.report.preview import write_png
from llars.scene import open_scene

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


LIMITED = """
import resource, signal, sys
from llars import cli
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for limit in sys.argv[1].split(","):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), resource.RLIM_INFINITY))
    for command in sys.argv[2:]:
        print(limit, cli.run(command.split()), flush=True)
"""


def test_on_a_full_disk_commands_fail_and_the_old_output_stays(tmp_path: Path, tiny_weights: Path) -> None:
    # Noise hardly compresses, restored or not, and fills several blocks: each limit cuts off some of them.
    noise = np.random.default_rng(0).integers(1, 256, (3, 300, 280)).astype(np.uint8)
    source, output = write(tmp_path / "in.tif", noise), write(tmp_path / "out.tif", plain())
    old, size = output.read_bytes(), noise.size
    limits = [20_000, size // 4, size // 3, size // 2]
    commands = [
        f"restore {source} {output} -p denoise --model {tiny_weights} --sensor rgb --overwrite --quiet",
        f"degrade {source} {output} --task denoise --sensor rgb --overwrite",
    ]
    arguments = [sys.executable, "-c", LIMITED, ",".join(map(str, limits)), *commands]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [f"{limit} 2" for limit in limits for _ in commands], done.stderr
    # Lines that do not begin with "llars" are those of libtiff, which writes to the standard error itself.
    told = [line for line in done.stderr.splitlines() if line.startswith("llars")]
    assert len(told) == 2 * len(limits)
    assert all(line.startswith("llars: error: ") and "out.tif cannot be written: " in line for line in told), told
    assert output.read_bytes() == old
    assert {path.name for path in tmp_path.iterdir()} == {"in.tif", "out.tif"}


@pytest.mark.parametrize("name", ["out.tif", "out.cog.tif"])
@pytest.mark.parametrize("masked", [False, True])
def test_no_limit_below_the_size_of_the_output_leaves_a_part_of_it(tmp_path: Path, name: str, masked: bool) -> None:
    noise = np.random.default_rng(0).integers(1, 256, (3, 70, 60)).astype(np.uint8)
    source, output = write(tmp_path / "in.tif", noise), tmp_path / name
    if masked:
        with rasterio.open(source, "r+") as file:
            file.write_mask(np.arange(60) % 7 > np.zeros((70, 1)))
    values, profile = open_scene(source, "rgb").values, read_profile(source, "rgb")
    write_like(output, values, profile)
    size, whole = output.stat().st_size, output.read_bytes()
    for limit in (*range(1_000, size, size // 12), *range(size - 400, size, 40)):
        with room_for(limit), pytest.raises(OutputError, match=rf"{name} cannot be written: .*is the disk full\?"):
            write_like(output, values, profile, overwrite=True)
        assert output.read_bytes() == whole
    with room_for(2 * size):
        write_like(output, values, profile, overwrite=True)
