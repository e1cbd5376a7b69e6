"""Scenes that are worked on window by window give what they give in memory, and leave nothing lying about."""

import os
import signal
from functools import partial

import numpy as np
import pytest
import rasterio
import torch
from tests.scene.files import S2, write

import llars
from llars.errors import ConfigError
from llars.infer import job
from llars.infer.tiling import column_pass
from llars.infer.tiling.rolling import Rolling
from llars.infer.tiling.stream import Options
from llars.tasks import Step


@pytest.fixture
def source(textured, tmp_path):
    """A Sentinel-2 file that is too large to be read at once when it is opened, with a wide gap."""
    numbers = np.rint(textured(4, 50, 1060, seed=5).clip(0.0) * 10_000).astype(np.uint16) + 1
    numbers[:, 12:40, 100:400] = 0
    folder = tmp_path / "in"
    folder.mkdir()
    return write(folder / "scene.tif", numbers, S2, scale=1e-4, nodata=0, tags={"SENSOR": "sentinel2-l2a"})


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "out"
    path.mkdir()
    return path


def read(path):
    with rasterio.open(path) as stored:
        return stored.read()


STEPS = [Step("denoise", 0.5, "noise"), Step("destripe", 0.5, "the stripes")]


def test_steps_through_files_give_what_they_give_in_memory(restorer, source, folder):
    scene = llars.open_scene(source)
    held = llars.open_scene(source).values
    values, sigma = restorer(held, STEPS, bands=list(scene.attrs["bands"]), uncertainty=True)
    found, spread = np.zeros_like(values), np.zeros_like(values)
    for part in restorer.stream(scene, STEPS, options=Options(tile=96, uncertainty=True, scratch=folder)):
        window = (slice(None), *part.window.slices)
        found[window], spread[window] = part.values, part.deviation
        assert not list(folder.iterdir()), "scratch files have no names"
    # 1e-3 of the data range, the contract of the design.
    np.testing.assert_allclose(found, values, atol=1e-3)
    np.testing.assert_allclose(spread, sigma, atol=1e-3)
    assert not scene.variable._in_memory


def test_no_step_changes_nothing(restorer, source):
    scene = llars.open_scene(source)
    same, nothing = restorer(scene, [], uncertainty=True)
    np.testing.assert_array_equal(same.values, scene.values)
    assert not np.nan_to_num(nothing.values).any()


@pytest.fixture
def loaded(restorer, monkeypatch):
    monkeypatch.setattr(job, "load", lambda *_, **__: restorer)


def test_the_limit_sets_the_tile_and_is_told(loaded, source, folder):
    job.restore_file(source, folder / "whole.tif", "noise")
    report = job.restore_file(source, folder / "tiles.tif", "noise", max_memory="900MB")
    assert any(note.startswith("working in tiles of") and "900 MB" in note for note in report.notes)
    whole, tiles = (read(folder / name).astype(int) for name in ("whole.tif", "tiles.tif"))
    # 1e-3 of the range are ten stored numbers.
    assert np.abs(whole - tiles).max() <= 10
    assert np.array_equal(whole == 0, read(source) == 0)
    with pytest.raises(ConfigError, match="allow at least"):
        job.restore_file(source, folder / "none.tif", "noise", max_memory="100MB")


def test_a_cog_and_a_finer_grid_are_streamed_too(loaded, source, folder):
    report = job.restore_file(source, folder / "a.cog.tif", "noise", scale=2, tile=500, preview=folder / "a.png")
    assert report.notes == ()
    with rasterio.open(folder / "a.cog.tif") as stored:
        assert stored.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert stored.shape == (100, 2120)
        gaps = stored.read() == 0
    assert np.array_equal(gaps, (read(source) == 0).repeat(2, 1).repeat(2, 2))
    assert {path.name for path in folder.iterdir()} == {"a.cog.tif", "a.png"}


class Narrow:
    """A network on a device that has memory for so many columns; what it runs is ``rolling``."""

    def __init__(self, rolling, most, fault):
        self.rolling, self.most, self.fault = rolling, most, fault

    def __call__(self, dense):
        network = self.rolling(dense)

        def run(rows, last):
            if rows.shape[-1] > self.most:
                raise self.fault
            return network(rows, last)

        return run


@pytest.mark.parametrize(
    "fault",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:119] DefaultCPUAllocator: can't allocate memory: 9 bytes"),
    ],
)
def test_out_of_memory_halves_the_tiles_and_goes_on(loaded, restorer, source, folder, monkeypatch, fault):
    job.restore_file(source, folder / "whole.tif", "noise")
    monkeypatch.setattr(column_pass, "Rolling", Narrow(column_pass.Rolling, 500, fault))
    report = job.restore_file(source, folder / "narrow.tif", "noise", tile=2000)
    assert [note for note in report.notes if "out of memory on cpu" in note and "half as wide" in note]
    whole, narrow = (read(folder / name).astype(int) for name in ("whole.tif", "narrow.tif"))
    # 1e-3 of the range are ten stored numbers.
    assert np.abs(whole - narrow).max() <= 10
    monkeypatch.setattr(column_pass, "Rolling", Narrow(column_pass.Rolling, 0, fault))
    with pytest.raises(ConfigError, match="no memory left on cpu"):
        job.restore_file(source, folder / "none.tif", "noise")
    monkeypatch.setattr(column_pass, "Rolling", Narrow(Rolling, 0, RuntimeError("a fault of ours")))
    with pytest.raises(RuntimeError, match="a fault of ours"):
        job.restore_file(source, folder / "none.tif", "noise")
    assert {path.name for path in folder.iterdir()} == {"whole.tif", "narrow.tif"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_run_that_is_told_to_end_leaves_nothing(loaded, source, folder, number, request):
    # Under nohup the signal is ignored, which is respected.
    request.addfinalizer(partial(signal.signal, number, signal.signal(number, signal.SIG_DFL)))

    def end(done, total):
        assert any(folder.iterdir())
        os.kill(os.getpid(), number)

    with pytest.raises(SystemExit) as stopped:
        job.restore_file(source, folder / "a.tif", "stripes and noise", tile=96, progress=end)
    assert stopped.value.code == 128 + number
    assert not list(folder.iterdir())
    assert signal.getsignal(number) is signal.SIG_DFL
