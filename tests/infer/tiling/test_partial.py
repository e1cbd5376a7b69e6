"""What was finished before a kill is gone on with, to the same bits; what a kill leaves goes away."""

import errno
import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio
from tests.scene.files import S2, write

from llars.errors import OutputError
from llars.infer import job
from llars.infer.raster.outputs import whole_files
from llars.infer.reading import sources
from llars.infer.tiling.partial import Partial, identity_of
from llars.scene import open_scene


@pytest.fixture(autouse=True)
def loaded(restorer, monkeypatch):
    monkeypatch.setattr(job, "load", lambda *_, **__: restorer)


@pytest.fixture
def source(textured, tmp_path):
    numbers = np.rint(textured(4, 400, 100, seed=5).clip(0.0) * 10_000).astype(np.uint16) + 1
    numbers[:, 120:140, 10:40] = 0
    (tmp_path / "in").mkdir()
    return write(tmp_path / "in" / "scene.tif", numbers, S2, scale=1e-4, nodata=0, tags={"SENSOR": "sentinel2-l2a"})


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "out"
    path.mkdir()
    return path


OPTIONS = {"tile": 64, "resume": True}


def read(path):
    with rasterio.open(path) as stored:
        return stored.read()


def interrupted(source, output, after, **options):
    """A run that Ctrl-C ends when so many tiles are done."""

    def progress(done, total):
        if done == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        job.restore_file(source, output, "stripes and noise", progress=progress, **options)


@pytest.mark.parametrize("after", [3, 17])
def test_a_resumed_run_gives_the_same_bits_and_does_nothing_twice(source, folder, restorer, monkeypatch, after):
    job.restore_file(source, folder / "whole.tif", "stripes and noise", uncertainty=folder / "w.tif", tile=64)
    interrupted(source, folder / "a.tif", after, uncertainty=folder / "s.tif", **OPTIONS)
    assert not (folder / "a.tif").exists()
    made, take = [], restorer.engine.run_step

    def counted(*arguments, **options):
        for part in take(*arguments, **options):
            made.append(part.window)
            yield part

    monkeypatch.setattr(restorer.engine, "run_step", counted)
    # 14 tiles for each of two steps; what was being made when the run was stopped was not kept.
    done = job.restore_file(source, folder / "a.tif", "stripes and noise", uncertainty=folder / "s.tif", **OPTIONS)
    assert len(made) == 28 - after
    assert f"going on with {after} tiles that were finished before" in done.notes
    assert np.array_equal(read(folder / "a.tif"), read(folder / "whole.tif"))
    assert np.array_equal(read(folder / "s.tif"), read(folder / "w.tif"), equal_nan=True)
    assert {path.name for path in folder.iterdir()} == {"a.tif", "s.tif", "whole.tif", "w.tif"}


def test_without_resume_an_interrupted_run_leaves_nothing(source, folder):
    interrupted(source, folder / "a.tif", 3, tile=64)
    assert not list(folder.iterdir())


@pytest.mark.parametrize("change", ["prompt", "input", "tile"])
def test_what_is_of_another_run_is_begun_anew_and_that_is_said(source, folder, change):
    interrupted(source, folder / "a.tif", 3, **OPTIONS)
    if change == "input":
        os.utime(source, (1, 1))
    prompt = "noise" if change == "prompt" else "stripes and noise"
    told = {"prompt": "steps", "input": "input", "tile": "tiles"}[change]
    report = job.restore_file(source, folder / "a.tif", prompt, tile=80 if change == "tile" else 64, resume=True)
    assert f".a.tif.partial is of another run (other {told}): begun anew" in report.notes
    job.restore_file(source, folder / "b.tif", prompt, tile=64)
    # Ten stored numbers are 1e-3 of the range: another tile may round otherwise.
    assert np.abs(read(folder / "a.tif").astype(int) - read(folder / "b.tif")).max() <= (10 if change == "tile" else 0)


def test_another_spelling_of_the_input_is_the_same_input(source, folder, tmp_path):
    interrupted(source, folder / "a.tif", 3, **OPTIONS)
    link = tmp_path / "link.tif"
    link.symlink_to(source)
    for spelling in (source.parent / ".." / source.parent.name / source.name, link):
        report = job.restore_file(spelling, folder / "a.tif", "stripes and noise", tile=64, resume=True)
        assert "going on with 3 tiles that were finished before" in report.notes
        (folder / "a.tif").unlink()
        interrupted(source, folder / "a.tif", 3, **OPTIONS)


def test_a_product_whose_file_changed_is_another_input(source, tmp_path, restorer):
    product = tmp_path / "S2A.SAFE"
    (product / "IMG_DATA").mkdir(parents=True)
    band = product / "IMG_DATA" / "B05.jp2"
    band.write_bytes(b"one")
    scene, asked = open_scene(source), {"input": f"{product}:20m", "guides": {"pan": product}, "uncertainty": False}
    first = identity_of(asked, scene, restorer.info)
    assert identity_of(asked, scene, restorer.info) == first
    # As long as before, in a folder that was not touched.
    band.write_bytes(b"two")
    os.utime(band, (1, 1))
    changed = identity_of(asked, scene, restorer.info)
    assert {key for key in first if first[key] != changed[key]} == {"input", "guides"}


def test_a_line_that_was_cut_short_does_not_count(source, folder):
    interrupted(source, folder / "a.tif", 5, **OPTIONS)
    journal = folder / ".a.tif.partial" / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-4])
    report = job.restore_file(source, folder / "a.tif", "stripes and noise", **OPTIONS)
    assert "going on with 4 tiles that were finished before" in report.notes
    job.restore_file(source, folder / "b.tif", "stripes and noise", tile=64)
    assert np.array_equal(read(folder / "a.tif"), read(folder / "b.tif"))


def test_what_comes_after_a_line_that_was_cut_short_counts(source, folder):
    journal = folder / ".a.tif.partial" / "journal.jsonl"
    for after in (5, 9):
        interrupted(source, folder / "a.tif", after, **OPTIONS)
        journal.write_bytes(journal.read_bytes()[:-4])
    report = job.restore_file(source, folder / "a.tif", "stripes and noise", **OPTIONS)
    assert "going on with 8 tiles that were finished before" in report.notes


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="space is not reserved by the system")
@pytest.mark.parametrize("resume", [True, False])
def test_a_disk_without_room_between_the_steps_is_told_and_nothing_is_left(source, folder, monkeypatch, resume):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OutputError, match=r"needs 0\.00064 GB beside the output, the disk has .* GB; free space or"):
        job.restore_file(source, folder / "a.tif", "stripes and noise", tile=64, resume=resume)
    assert not list(folder.iterdir())


def test_what_is_kept_has_its_place_on_the_disk_and_no_deviation_unless_asked_for(source, folder):
    interrupted(source, folder / "a.tif", 1, **OPTIONS)
    kept = {path.name: path.stat() for path in (folder / ".a.tif.partial").glob("*.*[!l]")}
    assert set(kept) == {"0.values"}
    assert 512 * kept["0.values"].st_blocks >= kept["0.values"].st_size == 4 * 4 * 400 * 100


def test_a_file_system_that_cannot_reserve_space_is_asked_for_its_free_space(source, folder, monkeypatch):
    def unable(*_):
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr(os, "posix_fallocate", unable, raising=False)
    job.restore_file(source, folder / "a.tif", "stripes and noise", **OPTIONS)
    monkeypatch.setattr(sources.shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000))
    with pytest.raises(OutputError, match="the disk has 1e-06 GB"):
        job.restore_file(source, folder / "b.tif", "stripes and noise", **OPTIONS)
    assert [path.name for path in folder.iterdir()] == ["a.tif"]


def test_two_runs_do_not_share_a_partial_result(folder):
    with Partial(folder / "a.tif", {}, str), pytest.raises(OutputError, match="another run"):
        Partial(folder / "a.tif", {}, str).__enter__()


HOLD = """
import sys, time
from pathlib import Path
from llars.infer.raster.outputs import whole_files
with whole_files([Path(sys.argv[1]) / "a.tif"]):
    print(flush=True)
    time.sleep(600)
"""


def test_the_next_run_sweeps_away_what_a_killed_one_left_and_nothing_else(folder):
    with subprocess.Popen([sys.executable, "-c", HOLD, folder], stdout=subprocess.PIPE) as killed:
        try:
            killed.stdout.readline()
            (left,) = folder.iterdir()
            with whole_files([folder / "b.tif"]) as (place,):
                place.write_text("first")
                assert left.exists(), "its run is alive"
        finally:
            killed.kill()
    with whole_files([folder / "b.tif"]) as (place,):
        place.write_text("whole")
        assert not left.exists()
    assert [path.name for path in folder.iterdir()] == ["b.tif"]
