"""Batches: every scene once, whatever happens in between."""

import json
import shutil
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
import rasterio
from tests.commands import Result
from tests.infer.archives import journal_of, results_in, write_scene

from llars import cli
from llars.errors import InstructionError, OutputError, WeightsError
from llars.infer import batch
from llars.infer.batch import worker
from llars.infer.batch.engines.pool import LostItem
from llars.infer.batch.journal import Journal
from llars.infer.batch.manifest import Entry


class Here:
    """Does everything in this process; ``dies`` names scenes with which every worker dies."""

    def __init__(self, dies=(), stop_after=None):
        self.asked, self.dies, self.stop_after = [], dies, stop_after

    def map(self, function, items):
        for item in items:
            if self.stop_after is not None and len(self.asked) >= self.stop_after:
                raise KeyboardInterrupt
            self.asked.append(item.entry.source.name)
            yield item, LostItem(3) if item.entry.source.name in self.dies else function(item)


@pytest.fixture
def archive(tmp_path):
    """Three scenes, one of them cut short."""
    for seed, name in enumerate(("a.tif", "deep/b.tif", "bad.tif")):
        path = write_scene(tmp_path / "in" / name, seed)
    path.write_bytes(path.read_bytes()[:200])
    return tmp_path / "in"


@pytest.fixture
def run(archive, tmp_path, tiny_weights, monkeypatch):
    """A function that runs the batch and returns its summary and the scenes that a worker was asked for."""

    def call(prompt="reduce the noise", engine=None, manifest=archive, **options):
        engine = engine or Here()
        monkeypatch.setattr(batch.run, "get_engine", lambda *_, **__: engine)
        options = {"model": str(tiny_weights), "device": "cpu", **options}
        return batch.restore_batch(manifest, tmp_path / "out", prompt, **options), engine.asked

    return call


def test_scenes_are_restored_as_by_restore_and_failures_are_named(run, archive, tmp_path, llars, tiny_weights):
    summary, _ = run()
    out = tmp_path / "out"
    assert (summary.done, summary.kept) == (2, 0)
    ((source, reason),) = summary.failed
    assert source == str(archive / "bad.tif") and "\n" not in reason and reason
    made = {f"{stem}.{kind}" for stem in ("a", "deep/b") for kind in ("tif", "json", "png")}
    assert results_in(out) == made | {"journal.jsonl", "report.html"}
    alone = tmp_path / "alone.tif"
    llars("restore", archive / "a.tif", alone, "-p", "reduce the noise", "--model", tiny_weights, "--device", "cpu")
    with rasterio.open(alone) as one, rasterio.open(out / "a.tif") as other:
        assert np.array_equal(one.read(), other.read())
        assert one.tags() == other.tags()
    page = (out / "report.html").read_text()
    assert "2 scenes restored, 1 failed" in page and "deep/b.png" in page and "bad.tif" in page


def test_without_a_prompt_each_scene_is_restored_as_its_diagnosis_says(run, archive, tmp_path, llars, tiny_weights):
    summary, _ = run(prompt="")
    assert (summary.done, len(summary.failed)) == (2, 1)
    alone = tmp_path / "alone.tif"
    llars("restore", archive / "a.tif", alone, "--model", tiny_weights, "--device", "cpu")
    with rasterio.open(alone) as one, rasterio.open(tmp_path / "out" / "a.tif") as other:
        assert np.array_equal(one.read(), other.read())
        steps = json.loads(one.tags()["LLARS_STEPS"])
    said = json.loads((tmp_path / "out" / "a.json").read_text())["properties"]["llars:prompt"]
    assert said == "no faults found" if not steps else said


def test_a_pixel_size_in_words_is_reached(run, archive, tmp_path):
    with rasterio.open(archive / "a.tif") as scene:
        size = scene.res[0]
    summary, _ = run(f"bring it to {size / 2:g} m")
    assert summary.done == 2
    with rasterio.open(tmp_path / "out" / "a.tif") as result:
        assert result.res[0] == size / 2


def test_run_again_it_does_nothing_and_failures_are_tried_when_asked_for(run, archive, tmp_path):
    run()
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.tif")}
    summary, asked = run()
    assert asked == []
    assert (summary.done, summary.kept, len(summary.failed)) == (0, 2, 1)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    _, asked = run(retry_failed=True)
    assert asked == ["bad.tif"]
    write_scene(archive / "bad.tif", 9)
    summary, asked = run()
    assert asked == ["bad.tif"]
    assert (summary.done, summary.kept, summary.failed) == (1, 2, ())


def test_what_changed_or_went_missing_is_done_again(run, archive, tmp_path):
    run()
    (tmp_path / "out" / "a.tif").unlink()
    assert run()[1] == ["a.tif"]
    write_scene(archive / "deep/b.tif", 11, side=32)
    assert run()[1] == ["b.tif"]
    assert sorted(run("remove the haze")[1]) == ["a.tif", "b.tif", "bad.tif"]
    assert sorted(run("remove the haze", settings=batch.Settings(scale=2))[1]) == ["a.tif", "b.tif", "bad.tif"]


def test_a_scene_whose_time_changed_is_done_again(run, archive, tmp_path):
    table = archive / "t.csv"
    for when, done in (("", 1), ("2024-06-01", 1), ("2024-06-01T00:00:00Z", 0), ("2024-06-02", 1)):
        table.write_text(f"input,datetime\na.tif,{when}\n")
        assert run(manifest=table)[0].done == done
    item = json.loads((tmp_path / "out" / "a.json").read_text())
    assert item["properties"]["datetime"] == "2024-06-02T00:00:00Z"


def test_products_are_known_by_all_their_files(tmp_path):
    product = tmp_path / "S2A.SAFE"
    product.mkdir()
    (product / "B05.jp2").write_bytes(b"one")
    (product / "MTD_MSIL2A.xml").write_bytes(b"<xml/>")

    def keys():
        names = (product, f"{product}:20m", product / "MTD_MSIL2A.xml")
        return [
            batch.key_of(Entry(Path(name), PurePosixPath("a.tif"), "noise"), batch.Settings(), "0") for name in names
        ]

    first = keys()
    assert keys() == first and len({*first}) == 3
    (product / "B05.jp2").write_bytes(b"longer")
    assert not {*first} & {*keys()}


@pytest.mark.parametrize("alone", [True, False])
def test_a_damaged_scene_stops_no_other_even_if_it_comes_first(run, archive, tmp_path, alone):
    broken = archive / "S2A_MSIL2A_broken.zip"
    broken.write_bytes(b"PK\x03\x04 and no end")
    if alone:
        shutil.rmtree(archive / "deep")
        (archive / "a.tif").unlink()
    summary, asked = run()
    assert broken.name in asked
    assert summary.done == (0 if alone else 2)
    assert "no whole zip archive" in dict(summary.failed)[str(broken)]
    engine = Here()
    if not alone:
        with pytest.raises(InstructionError):
            run("bake a cake", engine=engine)
        assert engine.asked == []


def test_interrupted_batches_go_on_where_they_stopped(run, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(engine=Here(stop_after=1))
    assert [entry["output"] for entry in journal_of(tmp_path / "out")] == ["a.tif"]
    _, asked = run()
    assert asked == ["bad.tif", "b.tif"]


@pytest.mark.parametrize("moment", ["before the journal", "before the move"])
def test_a_scene_that_was_whole_when_all_was_killed_is_not_done_again(run, tmp_path, monkeypatch, moment):
    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(*((Journal, "add") if "journal" in moment else (batch.run._Ledger, "_move")), killed)
        with pytest.raises(KeyboardInterrupt):
            run()
    assert not (tmp_path / "out" / "a.tif").exists()
    _, asked = run()
    assert asked == ["bad.tif", "b.tif"]
    assert {"a.tif", "a.json", "a.png"} <= results_in(tmp_path / "out")
    assert [entry["output"] for entry in journal_of(tmp_path / "out")].count("a.tif") == 1


def test_a_retry_takes_over_what_a_dead_worker_had_finished(run, tmp_path, monkeypatch):
    def twice(function, items):
        for item in items:
            function(item)
            with monkeypatch.context() as patch:
                patch.setattr(worker, "restore_file", lambda *_, **__: pytest.fail("done twice"))
                yield item, function(item)

    engine = Here()
    monkeypatch.setattr(engine, "map", twice)
    (tmp_path / "in" / "bad.tif").unlink()
    assert run(engine=engine)[0].done == 2


def test_scenes_with_which_workers_die_are_named_and_the_rest_is_done(run, archive):
    summary, _ = run(engine=Here(dies=("a.tif",)))
    assert summary.done == 1
    assert dict(summary.failed)[str(archive / "a.tif")] == "its worker died 3 times; too little memory?"


def test_faults_of_ours_stop_nobody_else(run, archive, monkeypatch):
    restore = worker.restore_file

    def breaks(source, *rest, **options):
        if source.name == "a.tif":
            raise ZeroDivisionError("deep\ninside")
        return restore(source, *rest, **options)

    monkeypatch.setattr(worker, "restore_file", breaks)
    summary, _ = run()
    assert summary.done == 1
    assert dict(summary.failed)[str(archive / "a.tif")] == "ZeroDivisionError: deep inside; this is a bug in llars"


def test_what_is_wrong_for_all_is_refused_before_any_scene(run, tmp_path, tiny_weights):
    engine = Here()
    with pytest.raises(InstructionError):
        run("bake a cake", engine=engine)
    with pytest.raises(WeightsError):
        run(model="nothing", engine=engine)
    assert not (tmp_path / "out").exists()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.tif").write_bytes(b"precious")
    with pytest.raises(OutputError, match="of no batch"):
        run(engine=engine)
    assert engine.asked == []
    assert (tmp_path / "out" / "a.tif").read_bytes() == b"precious"
    run(overwrite=True)
    assert (tmp_path / "out" / "a.tif").stat().st_size > 100


@pytest.mark.parametrize("cog", [False, True])
def test_a_result_of_another_input_is_not_replaced_unasked(run, archive, tmp_path, cog):
    run()
    write_scene(tmp_path / "other" / "a.tif", 7)
    out, engine = tmp_path / "out", Here()
    before = {name: (out / name).read_bytes() for name in results_in(out)}
    with pytest.raises(OutputError, match=r"is the result of .*in/a\.tif, not of .*other/a\.tif") as caught:
        run(manifest=tmp_path / "other", engine=engine, cog=cog)
    assert "\n" not in str(caught.value) and "--overwrite" in str(caught.value)
    assert engine.asked == []
    assert {name: (out / name).read_bytes() for name in results_in(out)} == before
    # Replaced when asked to, the first one's result counts as missing, whatever its size.
    assert run(manifest=tmp_path / "other", overwrite=True, cog=cog)[0].done == 1
    with pytest.raises(OutputError, match=r"is the result of .*other/a\.tif"):
        run(engine=engine)
    assert engine.asked == []
    assert run(overwrite=True)[1] == ["a.tif"]
    # The same input by another way, and with another prompt and back, is no other input.
    (archive / "deep" / "list.txt").write_text("../a.tif\n")
    assert run("remove the haze", manifest=archive / "deep" / "list.txt")[1] == ["a.tif"]
    assert run()[1] == ["a.tif"]


def test_the_command_names_failures_and_exits_with_2(run, archive, tmp_path, llars, tiny_weights):
    run()
    options = ["-p", "reduce the noise", "--model", tiny_weights, "--device", "cpu"]
    result = llars("batch", archive, tmp_path / "out", *options)
    first, second = result.err.splitlines()
    assert result.code == cli.MISTAKE
    assert first.startswith(f"llars: error: {archive / 'bad.tif'}: ") and first.count("bad.tif") == 1
    assert second.startswith("llars: 0 restored, 2 done before, 1 failed")
    (archive / "bad.tif").unlink()
    assert llars("batch", archive, tmp_path / "out", *options, "--quiet") == Result(cli.OK, "", "")
