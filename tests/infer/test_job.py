"""Jobs: files in, files out, whole or not at all."""

import json
import math
import os
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine
from tests.scene.files import S2, write

import llars
from llars.errors import ConfigError, InstructionError, OutputError
from llars.infer import job, writing
from llars.infer.instructions import Interpretation
from llars.infer.raster.outputs import whole_files
from llars.tasks import Step

TRANSFORM = Affine(10.0, 0.0, 600_000.0, 0.0, -10.0, 5_800_000.0)


@pytest.fixture(autouse=True)
def loaded(restorer, monkeypatch):
    """No job loads weights: all use the random ones."""
    monkeypatch.setattr(job, "load", lambda *_, **__: restorer)


@pytest.fixture
def source(textured, tmp_path):
    """A Sentinel-2 L2A file of four bands and 49 x 66 pixels with a hole in it, in a folder of its own."""
    folder = tmp_path / "in"
    folder.mkdir()
    numbers = np.rint(textured(4, 49, 66, seed=5).clip(0.0) * 10_000).astype(np.uint16) + 1
    numbers[:, 10:14, 20:31] = 0
    path = folder / "scene.tif"
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=4,
        height=49,
        width=66,
        dtype="uint16",
        nodata=0,
        transform=TRANSFORM,
        crs="EPSG:32633",
    ) as target:
        target.write(numbers)
        target.descriptions = ("B02", "B03", "B04", "B08")
        target.scales, target.offsets = (1e-4,) * 4, (0.0,) * 4
        target.update_tags(SENSOR="sentinel2-l2a", ORBIT="22")
    return path


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "out"
    path.mkdir()
    return path


def read(path):
    with rasterio.open(path) as stored:
        return stored.read(), stored.profile, stored.tags()


def test_restored_file_keeps_everything_but_the_pixels_and_says_how_it_was_made(source, folder, restorer):
    said = []
    report = job.restore_file(
        source, folder / "a.tif", "reduce the noise", model="some/llars.safetensors", say=said.append
    )
    before, profile, _ = read(source)
    after, kept, tags = read(folder / "a.tif")
    for key in ("crs", "transform", "dtype", "nodata", "count", "height", "width"):
        assert kept[key] == profile[key]
    assert np.array_equal(after == 0, before == 0)
    assert (after != before).mean() > 0.5
    expected = restorer(llars.open_scene(source), "reduce the noise").values
    # Stored numbers are whole ten-thousandths that fit into 16 bits.
    np.testing.assert_allclose(after[before > 0] * 1e-4, expected[before > 0].clip(1e-4, 6.5535), atol=0.51e-4)
    assert tags["ORBIT"] == "22"
    assert tags["LLARS_MODEL"] == "llars.safetensors"
    assert tags["LLARS_PROMPT"] == "reduce the noise"
    assert tags["LLARS_WEIGHTS_SHA256"] == restorer.info.sha256
    assert tags["LLARS_VERSION"] == llars.__version__
    assert json.loads(tags["LLARS_STEPS"]) == [{"task": "denoise", "severity": 0.5, "scale": 1}]
    assert [step.task for step in report.steps] == ["denoise"]
    assert report.output == folder / "a.tif"
    assert report.seconds > 0
    assert list(report.notes) == said == []


def test_uncertainty_and_preview_come_along(source, folder):
    job.restore_file(
        source, folder / "a.tif", "noise", scale=2, uncertainty=folder / "sigma.tif", preview=folder / "look.png"
    )
    image, profile, _ = read(folder / "a.tif")
    sigma, companion, _ = read(folder / "sigma.tif")
    assert image.shape == sigma.shape == (4, 98, 132)
    assert profile["transform"] == companion["transform"] == TRANSFORM @ Affine.scale(0.5)
    assert sigma.dtype == np.float32
    assert np.array_equal(np.isnan(sigma), image == 0)
    assert np.nanmin(sigma) > 0
    with rasterio.open(folder / "sigma.tif") as stored:
        assert stored.descriptions[0] == "standard deviation of B02"
    with rasterio.open(folder / "look.png") as picture:
        assert picture.shape == (98, 132 + 8 + 132)
    assert {path.name for path in folder.iterdir()} == {"a.tif", "sigma.tif", "look.png"}


def test_existing_and_impossible_outputs_are_refused_before_any_work(source, folder, monkeypatch):
    monkeypatch.setattr(job, "open_scene", lambda *_: pytest.fail("work began"))
    (folder / "there.tif").write_bytes(b"precious")
    for output, extra, message in (
        ("there.tif", {}, "exists already"),
        ("a.tif", {"uncertainty": folder / "there.tif"}, "exists already"),
        ("a.tif", {"preview": folder / "none" / "a.png"}, "no folder"),
        ("a.tif", {"uncertainty": folder / "a.tif"}, "one file"),
        ("a.tif", {"preview": folder / "a.jpg"}, r"ends in \.png"),
        ("a.jp2", {}, r"ends in \.tif"),
        (".", {}, "is a folder"),
    ):
        with pytest.raises(OutputError, match=message):
            job.restore_file(source, folder / output, "noise", **extra)
    assert [path.name for path in folder.iterdir()] == ["there.tif"]
    assert (folder / "there.tif").read_bytes() == b"precious"


def test_overwriting_needs_to_be_said_and_works_on_the_input_itself(source):
    before, _, _ = read(source)
    job.restore_file(source, source, "noise", overwrite=True)
    after, _, tags = read(source)
    assert (after != before).any()
    assert tags["LLARS_PROMPT"] == "noise"
    assert list(source.parent.iterdir()) == [source]


@pytest.mark.parametrize("fault", [OSError("disk full"), KeyboardInterrupt()])
def test_a_failure_at_the_last_output_leaves_none(source, folder, monkeypatch, fault):
    def fail(*_):
        raise fault

    monkeypatch.setattr(writing, "write_png", fail)
    with pytest.raises(type(fault)):
        job.restore_file(source, folder / "a.tif", "noise", uncertainty=folder / "s.tif", preview=folder / "a.png")
    assert not list(folder.iterdir())


def test_a_refused_prompt_leaves_nothing(source, folder):
    with pytest.raises(InstructionError):
        job.restore_file(source, folder / "a.tif", "bake a cake")
    assert not list(folder.iterdir())


def test_what_could_be_meant_otherwise_is_said(source, folder):
    said = []
    report = job.restore_file(source, folder / "a.tif", "maybe the noise", say=said.append)
    assert list(report.notes) == said == ["perhaps otherwise"]


def test_files_appear_together(tmp_path):
    paths = [tmp_path / "a.txt", tmp_path / "b.txt"]
    with whole_files(paths) as places:
        for place in places:
            place.write_text("whole")
            assert not any(path.exists() for path in paths)
    assert [path.read_text() for path in paths] == ["whole", "whole"]
    assert set(tmp_path.iterdir()) == set(paths)


@pytest.mark.parametrize("linked", [True, False])
def test_where_a_later_file_cannot_be_replaced_the_earlier_ones_are_as_before(tmp_path, monkeypatch, linked):
    old, new, blocked = (tmp_path / name for name in ("old.txt", "new.txt", "blocked.txt"))
    old.write_text("precious")
    if not linked:
        monkeypatch.setattr(os, "link", refuse)

    def write_all():
        with whole_files([old, new, blocked]) as places:
            for place in places:
                place.write_text("whole")
            blocked.mkdir()

    with pytest.raises(OutputError, match=r"cannot write .*blocked\.txt") as refused:
        write_all()
    assert not new.exists()
    assert old.read_text() == ("precious" if linked else "whole")
    # Without hard links nothing is kept of what was replaced, and that is said.
    assert (f"new already: {old}" in str(refused.value)) != linked
    assert {path.name for path in tmp_path.iterdir()} == {"old.txt", "blocked.txt"}


def refuse(*_):
    raise OSError("no hard links here")


def test_degrading_is_reproducible_and_keeps_gaps(source, folder):
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        job.degrade_file(source, folder / f"{name}.tif", "destripe", 0.5, seed)
    a, b, c = (read(folder / f"{name}.tif")[0] for name in "abc")
    before, profile, _ = read(source)
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)
    assert np.array_equal(a == 0, before == 0)
    assert read(folder / "a.tif")[1]["transform"] == profile["transform"]
    assert "detector_stripes 0.5 seed 7" in read(folder / "a.tif")[2]["LLARS_DEGRADATION"]


def test_degrading_for_sr_makes_pixels_coarser(source, folder):
    report = job.degrade_file(source, folder / "a.tif", "sr", 1 / 3)
    before, _, _ = read(source)
    after, profile, tags = read(folder / "a.tif")
    assert after.shape == (4, 24, 33)
    assert profile["transform"] == TRANSFORM @ Affine.scale(2)
    assert any("1 rows and 0 columns" in note for note in report.notes)
    blocks = before[:, :48].reshape(4, 24, 2, 33, 2)
    whole = (blocks > 0).all(axis=(2, 4))
    # Half a stored number of rounding.
    np.testing.assert_allclose(after[whole], blocks.mean(axis=(2, 4))[whole], atol=0.51)
    assert not after[~whole].any()
    assert tags["ORBIT"] == "22"
    with rasterio.open(folder / "a.tif") as stored:
        assert stored.descriptions == ("B02", "B03", "B04", "B08")


def test_degrading_for_sr_does_not_work_on_the_fine_grid(source, folder, monkeypatch):
    def refuse(case):
        raise AssertionError("the operator works on the whole scene and its result is not used")

    operator = replace(llars.degrade.get("sr"), operate=refuse)
    monkeypatch.setattr(job.degrade, "get", lambda _: operator)
    job.degrade_file(source, folder / "a.tif", "sr", 1.0)
    assert read(folder / "a.tif")[0].shape == (4, 12, 16)


def test_impossible_degradations_are_refused(source, folder):
    for task, severity in (("bake", 0.5), ("denoise", 1.5), ("sr", -0.5), ("sr", 1.5), ("sr", math.nan)):
        with pytest.raises(ConfigError):
            job.degrade_file(source, folder / "a.tif", task, severity)
    assert not list(folder.iterdir())


def test_diagnosis_of_a_file_is_that_of_its_scene(source, restorer):
    assert job.diagnose_file(source) == restorer.diagnose(llars.open_scene(source))


def test_speckle_on_decibels_multiplies_power(tmp_path):
    path, speckled = tmp_path / "s1.tif", tmp_path / "speckled.tif"
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=1,
        height=200,
        width=200,
        dtype="float32",
        transform=TRANSFORM,
        crs="EPSG:32633",
    ) as target:
        target.write(np.full((1, 200, 200), -12.0, np.float32))
        target.descriptions = ("VV",)
        target.update_tags(SENSOR="sentinel1-grd-db")
    job.degrade_file(path, speckled, "speckle", severity=1.0, seed=3)
    power = 10 ** (read(speckled)[0].astype(np.float64) / 10)
    # One look: exponential power, whose mean and standard deviation are equal; 40,000 pixels give both to 1 %.
    assert power.mean() == pytest.approx(10**-1.2, rel=0.03)
    assert power.std() == pytest.approx(10**-1.2, rel=0.05)


@pytest.mark.parametrize("nodata", [None, 0])
def test_means_hold_where_dark_pixels_cannot_get_darker(folder, tmp_path, restorer, monkeypatch, nodata):
    dark = np.random.default_rng(4).integers(1, 60, (4, 24, 32)).astype(np.uint16)
    source = write(tmp_path / "dark.tif", dark, S2, scale=1e-4, nodata=nodata, tags={"SENSOR": "sentinel2-l2a"})
    step = Step("sr", 1 / 3, "double the resolution", 2)
    monkeypatch.setattr(restorer, "interpret", lambda _: Interpretation((step,), ()))
    job.restore_file(source, folder / "fine.tif", "double the resolution")
    fine = read(folder / "fine.tif")[0].astype(float)
    # Half a number of rounding.
    np.testing.assert_allclose(fine.reshape(4, 24, 2, 32, 2).mean((2, 4)), dark, atol=0.51)
    assert (fine == fine.min()).mean() > 0.01, "some pixels are as dark as can be stored"
