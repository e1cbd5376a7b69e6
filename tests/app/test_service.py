"""Scenes and results of many visitors, and that nothing is left of them."""

import os
import shutil
import threading
import time
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin
from tests.commands import write

from llars.app.bundled import BUNDLED
from llars.app.guides import SUGGESTIONS
from llars.app.service import UPLOAD_SECONDS, PlaygroundService, step_labels
from llars.app.session import STRETCHES, picture
from llars.app.uploads import BusyError
from llars.bands import Role
from llars.errors import InstructionError, LlarsError, RasterError
from llars.infer.report.display import composites
from llars.infer.restorer import load
from llars.tasks import Step


def files_below(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("name", BUNDLED)
def test_every_bundled_scene_opens(service, name):
    session = service.open_bundled("ann", name)
    assert len(session.bands) in (4, 10)
    assert "EPSG" in " ".join(session.facts)


def test_an_upload_keeps_its_name(service, upload, small_scene):
    session = service.open_upload("ann", upload(small_scene))
    assert session.facts[0] == "mine.tif"
    assert session.facts[1] == "40 × 48 px"


def test_a_refused_upload_leaves_nothing_and_the_scene_before_stays(service, upload, small_scene, bomb, garbage):
    before = service.open_upload("ann", upload(small_scene)).scene
    there = files_below(service.root)
    for bad in (bomb, garbage):
        sent = upload(bad)
        with pytest.raises(RasterError):
            service.open_upload("ann", sent)
    assert files_below(service.root) == there
    assert service.session("ann").scene is before


def test_uploads_go_when_they_are_old_and_not_while_somebody_may_open_them(service):
    old, new = (service.uploads / name / "field.tif" for name in ("one", "two"))
    for path in (old, new):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"II*")
    os.utime(old, (time.time() - UPLOAD_SECONDS - 1,) * 2)
    service.sweep()
    assert (old.exists(), new.exists()) == (False, True)


def test_a_folder_that_goes_meanwhile_keeps_no_other_from_being_swept(service, monkeypatch):
    going, old = (service.uploads / name / "field.tif" for name in ("going", "old"))
    for path in (going, old):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"II*")
        os.utime(path, (time.time() - UPLOAD_SECONDS - 1,) * 2)
    scan = os.scandir

    def race(place="."):
        if not isinstance(place, int) and os.fspath(place) == str(going.parent):
            shutil.rmtree(going.parent)
        return scan(place)

    monkeypatch.setattr(os, "scandir", race)
    service.sweep()
    assert not old.exists()


def test_the_sweeper_goes_on_after_a_fault(small_restorer, monkeypatch, caplog):
    swept = threading.Event()
    faults = [OSError("the disk is away"), OSError("and still")]

    def sweep(_):
        if faults:
            raise faults.pop(0)
        swept.set()

    monkeypatch.setattr("llars.app.service.SWEEP_SECONDS", 0.01)
    monkeypatch.setattr(PlaygroundService, "sweep", sweep)
    with closing(PlaygroundService(small_restorer)):
        assert swept.wait(20)
    assert "the disk is away" in caplog.text


def test_while_a_bundled_scene_is_made_others_are_served(service, monkeypatch, small_scene):
    """The first to open a scene waits for its fault to be put in; nobody else does."""
    slow, quick = list(BUNDLED)[:2]
    begun, finish = threading.Event(), threading.Event()

    def make(scene, folder):
        if scene is BUNDLED[slow]:
            begun.set()
            finish.wait(20)
        return small_scene

    monkeypatch.setattr("llars.app.service.make_bundled", make)
    first = threading.Thread(target=service.open_bundled, args=("ann", slow))
    second = threading.Thread(target=service.open_bundled, args=("bob", quick))
    first.start()
    assert begun.wait(20)
    second.start()
    second.join(20)
    waiting = second.is_alive()
    finish.set()
    first.join(20)
    assert not waiting


def test_an_unknown_bundled_scene_is_refused_in_a_line(service):
    with pytest.raises(RasterError, match=r"no bundled scene is called 'Atlantis'; choose one of Lakes in Dakota"):
        service.open_bundled("ann", "Atlantis")
    assert service.session("ann").scene is None


def test_messages_name_the_file_and_not_where_it_lies(service, upload, garbage):
    with pytest.raises(LlarsError) as caught:
        service.open_upload("ann", upload(garbage, "holiday.tif"))
    assert "holiday.tif" in str(caught.value)
    assert str(service.root) not in str(caught.value)


def test_a_result_keeps_the_place_and_says_how_it_was_made(service, upload, small_scene):
    service.open_upload("ann", upload(small_scene))
    ticks = []
    image = service.restore("ann", "reduce the noise", lambda done, total: ticks.append((done, total)), report=True)
    assert image.path.name == "mine_denoise.tif"
    assert image.interpretation.startswith("denoise")
    assert ticks == [(1, 1)]
    assert "<html" in image.report.read_text(encoding="utf-8")
    with rasterio.open(small_scene) as before, rasterio.open(image.path) as after:
        assert after.transform == before.transform
        assert after.tags()["LLARS_PROMPT"] == "reduce the noise"


def test_several_results_lie_side_by_side_and_the_oldest_goes(service, upload, small_scene):
    service.open_upload("ann", upload(small_scene))
    made = [service.restore("ann", prompt) for prompt in ("denoise", "deblur", "destripe", "haze")]
    session = service.session("ann")
    assert session.results == made[1:]
    assert not made[0].path.exists()
    assert all(image.path.exists() for image in session.images)


def test_another_scene_takes_the_results_of_the_one_before_along(service, upload, small_scene):
    service.open_upload("ann", upload(small_scene))
    service.restore("ann", "denoise")
    service.open_upload("ann", upload(small_scene, "other.tif"))
    assert [path.name for path in files_below(service.root)] == ["other.tif"]


def test_a_failed_instruction_leaves_nothing(service, upload, small_scene):
    service.open_upload("ann", upload(small_scene))
    there = files_below(service.root)
    with pytest.raises(InstructionError):
        service.restore("ann", "sing me a song")
    assert files_below(service.root) == there


def test_work_ends_when_its_time_is_over(service, upload, example):
    """Two steps are two tiles; the first is the last."""
    service.limits = replace(service.limits, seconds=0.0)
    service.open_upload("ann", upload(example))
    with pytest.raises(BusyError, match="longer than 0 s"):
        service.restore("ann", "denoise, then deblur")
    assert [path.name for path in files_below(service.root)] == ["mine.tif"]


@pytest.mark.parametrize("prompt", ["double the resolution", "bring it to 5 m"])
def test_a_grid_that_gets_too_large_is_refused_before_any_work(service, upload, example, prompt):
    service.limits = replace(service.limits, pixels=300_000)
    service.open_upload("ann", upload(example))
    with pytest.raises(BusyError, match="times finer"):
        service.restore("ann", prompt)


def test_ten_at_once_each_get_their_own(service, upload, small_scene):
    """Every visitor's scene is brightened by another gain: results that were mixed up would show."""
    sent = {str(number): upload(small_scene, f"scene{number}.tif") for number in range(10)}
    failed = []

    def visit(visitor):
        try:
            service.open_upload(visitor, sent[visitor])
            service.restore(visitor, "brighten" if int(visitor) % 2 else "darken")
        except Exception as fault:
            failed.append(fault)

    threads = [threading.Thread(target=visit, args=(visitor,)) for visitor in sent]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    with rasterio.open(small_scene) as file:
        usual = file.read().mean()
    for visitor in sent:
        (image,) = service.session(visitor).results
        assert image.path.name == f"scene{visitor}_brightness.tif"
        with rasterio.open(image.path) as file:
            assert (file.read().mean() > usual) == bool(int(visitor) % 2)


def test_who_leaves_is_forgotten_and_who_stays_is_not(service, upload, small_scene):
    for visitor in ("ann", "bob"):
        service.open_upload(visitor, upload(small_scene, f"{visitor}.tif"))
    service.leave("ann")
    service.sweep()
    assert len(files_below(service.root)) == 2, "pages are reloaded: there is some time"
    service.session("ann").last_active = time.monotonic() - service.limits.idle - 1
    service.sweep()
    assert [path.name for path in files_below(service.root)] == ["bob.tif"]


@pytest.fixture
def fusing(fusing_weights):
    made = PlaygroundService(load(str(fusing_weights), "cpu"))
    yield made
    made.close()


@pytest.fixture
def pan(tmp_path):
    """On a grid twice as fine as that of the small scene."""
    path = tmp_path / "pan.tif"
    place = {"crs": "EPSG:32630", "transform": from_origin(500_000, 5_800_000, 5, 5)}
    return write(path, np.random.default_rng(2).integers(500, 900, (1, 96, 80)).astype(np.uint16), **place)


@pytest.fixture
def scene(tmp_path):
    place = {"crs": "EPSG:32630", "transform": from_origin(500_000, 5_800_000, 10, 10)}
    values = np.random.default_rng(3).integers(500, 900, (4, 48, 40)).astype(np.uint16)
    return write(tmp_path / "scene.tif", values, **place)


def test_a_panchromatic_band_sets_the_grid_where_it_helps(fusing, upload, scene, pan):
    fusing.open_upload("ann", upload(scene))
    session, role = fusing.add_guide("ann", upload(pan, "pan.tif"))
    assert role is Role.PAN
    assert "pan: pan.tif" in session.facts
    assert fusing.restore("ann", SUGGESTIONS[role]).file.shape == (4, 96, 80)
    assert fusing.restore("ann", "remove the clouds").file.shape == (4, 48, 40)
    fusing.open_upload("ann", upload(scene))
    assert not session.guides
    assert {path.name for path in files_below(fusing.root)} == {"mine.tif"}


def test_what_helps_with_nothing_is_refused(fusing, upload, scene, garbage):
    with pytest.raises(InstructionError, match="no scene is open"):
        fusing.add_guide("ann", upload(scene))
    session = fusing.open_upload("ann", upload(scene))
    for bad, says in ((scene, "4 bands; what helps here is radar"), (garbage, "no GeoTIFF")):
        with pytest.raises(LlarsError, match=says):
            fusing.add_guide("ann", upload(bad, "other.tif"))
    assert not session.guides
    assert {path.name for path in files_below(fusing.root)} == {"mine.tif"}


def test_closing_leaves_nothing(small_restorer, upload, small_scene):
    service = PlaygroundService(small_restorer)
    service.open_upload("ann", upload(small_scene))
    service.restore("ann", "denoise")
    service.close()
    assert not service.root.exists()


def test_pictures_share_their_stretch_unless_each_has_its_own(service, upload, small_scene):
    session = service.open_upload("ann", upload(small_scene))
    image = service.restore("ann", "darken strongly")
    first = next(iter(composites(session.bands)))
    alike, *_, alone = STRETCHES
    means = {kind: _decoded(picture(session, image, first, kind)).mean() for kind in (alike, alone)}
    assert means[alike] < 0.7 * means[alone]
    shown = _decoded(picture(session, session.scene, "no such combination", "no such stretch"))
    assert shown.shape == (3, 48, 40)


def _decoded(content) -> np.ndarray:
    with rasterio.MemoryFile(content) as memory, memory.open() as file:
        return file.read()


def test_steps_are_told_in_few_words():
    steps = [Step("sr", 0.33, scale=2), Step("brightness", -0.5), Step("denoise", 0.5)]
    assert step_labels(steps) == "sr ×2, then brightness -0.50, then denoise 0.50"
