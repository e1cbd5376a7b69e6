"""Sizes in metres, products on several grids, and panchromatic bands of their own."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio

from llars.errors import ConfigError, InstructionError
from llars.infer import common_grid, job
from llars.infer.batch.manifest import read_manifest
from llars.infer.diagnosis.findings import Finding
from llars.infer.resolution import Request, repair_steps, with_own_pan


@pytest.fixture(scope="session")
def products():
    """The committed script that makes products in miniature."""
    scripts = str(Path(__file__).parents[2] / "scripts")
    sys.path.insert(0, scripts)
    try:
        from miniatures import products
    finally:
        sys.path.remove(scripts)
    return products


@pytest.fixture(autouse=True)
def loaded(fuser, monkeypatch):
    """No job loads weights: all use the random ones."""
    monkeypatch.setattr(job, "load", lambda *_, **__: fuser)


@pytest.fixture(scope="session")
def safe(products, tmp_path_factory):
    """A Sentinel-2 L2A product of 192 x 192 pixels of 10 m."""
    return products.sentinel2(tmp_path_factory.mktemp("safe"), "L2A")


def test_all_bands_come_to_the_fine_grid(safe, tmp_path) -> None:
    said = []
    report = job.restore_file(safe, tmp_path / "all.tif", "bring all bands to 10 m", say=said.append)
    assert {path.name for path in tmp_path.iterdir()} == {"all.tif"}
    assert any(note.startswith("B06, B07, B8A: 2 times finer") for note in said)
    assert any(note.startswith("B09: 6 times finer") for note in said)
    assert report.steps == ()
    with rasterio.open(report.output) as result:
        groups = json.loads(result.tags()["LLARS_STEPS"])
    assert {group["task"] for group in groups} <= {"sr", "pansharpen"}
    assert [(group["scale"], group["bands"]) for group in groups] == [
        *((2, bands) for bands in (["B05"], ["B06", "B07", "B8A"], ["B11"], ["B12"])),
        *((6, bands) for bands in (["B01"], ["B09"])),
    ]
    with rasterio.open(report.output) as result:
        order = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12")
        assert result.descriptions == order
        assert (result.res, result.shape, result.nodata) == ((10, 10), (192, 192), 0)
        assert set(zip(result.scales, result.offsets, strict=True)) == {(1e-4, -0.1)}
        assert result.tags()["SENSOR"] == "sentinel2-l2a"
        for index, band in enumerate(order, start=1):
            with rasterio.open(next(safe.rglob(f"*_{band}_*m.jp2"))) as source:
                stored, factor = source.read(1), round(source.res[0] / 10)
            values = result.read(index)
            gaps = stored.repeat(factor, 0).repeat(factor, 1) == 0
            np.testing.assert_array_equal(values == 0, gaps)
            if factor == 1:
                np.testing.assert_array_equal(values, stored)
            means = values.reshape(len(stored), factor, -1, factor).mean((1, 3))
            # Each number is rounded once for every step of two.
            assert np.abs(means - stored).max() <= {1: 0, 2: 0.5, 6: 1.0}[factor]


def test_an_interrupted_run_goes_on_with_the_groups_that_are_finished(safe, tmp_path, monkeypatch) -> None:
    prompt, step_of, started = "bring all bands to 10 m, then remove the noise", common_grid._step, []
    monkeypatch.setattr(common_grid, "_compare_methods", lambda *_: None)  # takes steps of its own
    undisturbed = job.restore_file(safe, tmp_path / "undisturbed.tif", prompt)

    def killed_once(guided, factor):
        started.append(factor)
        if started == [2, 2, 2]:
            raise KeyboardInterrupt
        return step_of(guided, factor)

    output, said = tmp_path / "all.tif", []
    monkeypatch.setattr(common_grid, "_step", killed_once)
    with pytest.raises(KeyboardInterrupt):
        job.restore_file(safe, output, prompt, resume=True)
    assert {path.name for path in (tmp_path / ".all.tif.bands").glob("*.tif")} == {"B05_2.tif", "B06_2.tif"}
    job.restore_file(safe, output, prompt, resume=True, say=said.append)
    # Of the eight images (two for each of the bands of 60 m), two were there.
    assert len(started) == 3 + 6 and "going on with what was finished before (2 images)" in said
    assert {path.name for path in tmp_path.iterdir()} == {"all.tif", "undisturbed.tif"}
    with rasterio.open(output) as result, rasterio.open(undisturbed.output) as expected:
        np.testing.assert_array_equal(result.read(), expected.read())


def test_what_else_is_asked_for_comes_after_it_on_all_bands(safe, tmp_path) -> None:
    report = job.restore_file(safe, tmp_path / "all.tif", "bring all bands to 10 m, then remove the noise")
    assert [step.task for step in report.steps] == ["denoise"]
    with rasterio.open(report.output) as result:
        assert result.count == 12
        assert json.loads(result.tags()["LLARS_STEPS"])[-1]["task"] == "denoise"
        assert result.tags()["LLARS_PROMPT"] == "bring all bands to 10 m, then remove the noise"


def test_what_a_product_cannot_become_is_refused_before_any_work(safe, tmp_path) -> None:
    output = tmp_path / "all.tif"
    with pytest.raises(InstructionError, match="coarser"):
        job.restore_file(safe, output, "bring all bands to 20 m")
    with pytest.raises(InstructionError, match="uncertainty"):
        job.restore_file(safe, output, "bring all bands to 10 m", uncertainty=tmp_path / "sigma.tif")
    with pytest.raises(InstructionError, match=r"10 m wide.*1\.43 times.*5, 3\.33, 2\.5 m"):
        job.restore_file(safe, output, "bring all bands to 7 m")
    assert list(tmp_path.iterdir()) == []


def test_the_grid_of_a_product_comes_first_and_who_asked_otherwise_is_told(safe, tmp_path) -> None:
    said = []
    report = job.restore_file(safe, tmp_path / "all.tif", "remove the noise, bring all bands to 5 m", say=said.append)
    assert [(step.task, step.scale) for step in report.steps] == [("sr", 2), ("denoise", 1)]
    assert "'bring all bands to 5 m' is done first, on all bands; 'remove the noise' comes after it" in said


def test_one_grid_becomes_finer_by_the_factor_between_the_sizes(safe, tmp_path) -> None:
    image = tmp_path / "b05.tif"
    job.restore_file(f"{safe}:B05", image, "remove the noise")
    report = job.restore_file(image, tmp_path / "fine.tif", "bring it to 10 m")
    assert [(step.task, step.scale) for step in report.steps] == [("sr", 2)]
    with rasterio.open(report.output) as result:
        assert result.res == (10, 10) and result.count == 1
    with pytest.raises(ConfigError, match="20 m already"):
        job.restore_file(image, tmp_path / "same.tif", "bring all bands to 20 m")
    with pytest.raises(ConfigError, match="--scale says 3"):
        job.restore_file(image, tmp_path / "other.tif", "bring all bands to 10 m", scale=3)


@pytest.mark.parametrize("prompt", ["sharpen with the panchromatic band", "bring all bands to 15 m"])
def test_landsat_sharpens_with_its_own_panchromatic_band(products, tmp_path, prompt) -> None:
    product = products.landsat(tmp_path, 1)
    report = job.restore_file(product, tmp_path / "sharp.tif", prompt)
    assert [step.task for step in report.steps] == ["pansharpen"]
    with rasterio.open(report.output) as result, rasterio.open(next(product.glob("*_B4.TIF"))) as source:
        assert (result.res, result.count) == ((15, 15), 8)
        means = result.read(4).reshape(96, 2, 96, 2).mean((1, 3))
        # Fill by the quality flags is five pixels wide, fill by the band's own edge four.
        assert np.abs(means - source.read(1))[5:, 5:].max() <= 0.5
        assert not result.read_masks(4)[:10, :10].any() and result.read_masks(4)[10:].all()


def test_a_panchromatic_band_that_is_given_or_not_asked_for_changes_nothing(products, fuser, tmp_path) -> None:
    product = products.landsat(tmp_path, 1)
    given = {"pan": tmp_path / "other.tif"}
    assert with_own_pan(fuser, product, "use the panchromatic band", given) == given
    assert with_own_pan(fuser, product, "remove the noise", {}) == {}
    assert str(with_own_pan(fuser, product, "use the panchromatic band", {})["pan"]) == f"{product}:pan"


def test_manifests_name_products(products, safe, tmp_path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    landsat = products.landsat(folder, 1)
    (folder / "plain.tif").write_bytes(next(landsat.glob("*_B1.TIF")).read_bytes())
    entries = read_manifest(folder, out, "denoise")
    assert [(entry.source.name, entry.output.name) for entry in entries] == [
        (landsat.name, f"{landsat.name}.tif"),
        ("plain.tif", "plain.tif"),
    ]
    assert [entry.source for entry in read_manifest(safe, out, "denoise")] == [safe]
    assert [entry.source for entry in read_manifest(f"{safe.parent}/*.SAFE", out, "denoise")] == [safe]
    table = tmp_path / "table.csv"
    table.write_text(f"input,output\n{safe}:20m,coarse.tif\n{safe},fine.tif\n")
    assert [str(entry.source) for entry in read_manifest(table, out, "denoise")] == [f"{safe}:20m", str(safe)]


@pytest.mark.parametrize(("dark", "told"), [(True, "nothing is mended"), (False, "nothing to mend was found")])
def test_what_is_left_as_it_is_was_found(dark, told, tmp_path) -> None:
    finding = Finding("brightness", 0.5, "brighten it", "too dark", "a little", applied=False)

    class Examiner:
        def diagnose(self, _):
            return [finding] if dark else []

        def plan(self, steps, *_):
            return steps

    said = []
    assert repair_steps(Request("a.tif", ""), Examiner(), None, said.append) == []
    assert said[-1] == f"{told}: the pixels are copied as they are"
    assert len(said) == 1 + dark
