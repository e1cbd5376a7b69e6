"""Adaptation: what is measured was not learned from, what is done is not done again, the page says what follows."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from tests.packing import pack

import llars
from benchmarks.adaptation import base as bases
from benchmarks.adaptation import report
from benchmarks.adaptation.__main__ import main
from benchmarks.adaptation.base import Base, trained
from benchmarks.adaptation.pairs import SIDE, Places, write_pairs
from benchmarks.adaptation.report import Row, keep, kept, page, rows_of, summary, write_pages
from benchmarks.adaptation.runs import Result, read_result
from llars.errors import ConfigError, DataError
from llars.sample import Sample
from llars.sensors import get_sensor
from llars.train.tuning.config import settings
from llars.train.tuning.examples import read_examples

NAIP = get_sensor("naip")


def waves(count: int, seed: int, side: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] / rng.uniform(4, 12)
    plane = 0.4 + 0.2 * np.sin(y + rng.uniform(0, 6)) * np.cos(x)
    return (255 * np.stack([plane * gain for gain in np.linspace(0.7, 1.2, count)])).astype(np.uint8)


def scene(name: str, split: str, sensor: str, seed: int, side: int = 170) -> Sample:
    bands = get_sensor(sensor).bands
    values = waves(len(bands), seed, side)
    return Sample(name, split, sensor, bands, values, 1 / 255, 0.0, np.ones((side, side), bool), group=f"of {name}")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four places of NAIP, one of them in the split of validation, beside RGB."""
    folder = tmp_path_factory.mktemp("corpus")
    naip = [scene(f"naip{i}", "val" if i == 3 else "train", "naip", i) for i in range(4)]
    rgb = [scene(f"rgb{i}", split, "rgb-aerial", 9 + i, 240) for i, split in enumerate(("train", "val"))]
    for split in ("train", "val"):
        pack([one for one in (*naip, *rgb) if one.split == split], folder / split)
    (folder / "manifest.json").write_text("{}")
    return folder


def test_pairs_and_figures_are_of_different_places(corpus: Path) -> None:
    places = Places.of(corpus, "naip")
    adapting, testing = ({one.group for one in scenes} for scenes in (places.adapting, places.testing))
    assert (len(adapting), len(testing)) == (3, 1)
    assert adapting | testing == {f"of naip{i}" for i in range(4)}
    with pytest.raises(DataError, match=r"of 'rgb' at 2 place\(s\); at least 3 are needed"):
        Places.of(corpus, "rgb")


def test_pairs_are_files_that_tuning_reads(corpus: Path, tmp_path: Path) -> None:
    places = Places.of(corpus, "naip")
    listed = write_pairs(places.adapting, "denoise", tmp_path, seed=0, count=5)
    examples, notes = read_examples(
        settings(None, {"out": tmp_path / "a", "task": "denoise", "pairs": listed, "base": "none"})
    )
    assert notes == []
    # Three places take turns.
    assert len({one.place for one in examples[:3]}) == 3
    for one in examples:
        assert (one.bands, one.truth.shape) == (NAIP.bands, (4, SIDE, SIDE))
        source = next(each for each in places.adapting if one.name.startswith(f"{each.name}_"))
        y, x = map(int, one.name.removesuffix(".tif").split("_")[1:])
        np.testing.assert_allclose(one.truth, source.crop(range(4), y, x, SIDE, SIDE), atol=1e-6)
        # Gaussian noise of severity 0.1 has a standard deviation of 0.01, and the waves are hardly blurred.
        assert np.std(one.image - one.truth) == pytest.approx(0.01, rel=0.1)


def names(listed: Path) -> list[str]:
    return [line.split(",")[0] for line in listed.read_text().splitlines()[1:]]


def test_fewer_pairs_of_a_seed_are_the_first_of_more(corpus: Path, tmp_path: Path) -> None:
    adapting = Places.of(corpus, "naip").adapting
    few, more = (write_pairs(adapting, "denoise", tmp_path / str(count), 0, count) for count in (4, 9))
    other = write_pairs(adapting, "denoise", tmp_path / "other", 1, 9)
    assert names(few) == names(more)[:4]
    assert names(more) != names(other)
    assert (few.parent / names(few)[0]).read_bytes() == (more.parent / names(few)[0]).read_bytes()
    # 170 x 170 pixels hold two times two images.
    assert len(set(names(write_pairs(adapting, "denoise", tmp_path / "all", 0)))) == 12
    with pytest.raises(DataError, match="3 scenes hold 12 images of 72 x 72 pixels, asked for 13"):
        write_pairs(adapting, "denoise", tmp_path / "13", 0, 13)


def test_a_folder_belongs_to_one_base(corpus: Path, tmp_path: Path) -> None:
    base = Base.of(corpus, "naip", 1.0, "llars-tiny", 4)
    (tmp_path / "base.json").write_text(json.dumps(asdict(replace(base, without="rgb"))))
    with pytest.raises(ConfigError, match="holds a base with without rgb, asked for naip"):
        trained(base, corpus, tmp_path)
    with pytest.raises(DataError, match="build the corpus"):
        Base.of(tmp_path, "naip", 1.0, "llars-tiny", 4)


def test_the_whole_comparison_runs_once(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, config = tmp_path / "runs", tmp_path / "config.yaml"
    config.write_text(f"{{model: llars-tiny, corpus: {corpus}, run: none, steps: 1, tasks: {{denoise: 1, deblur: 1}}}}")
    monkeypatch.setattr(bases, "CONFIG", config)
    asked = ["--corpus", str(corpus), "--without", "naip", "--model", "llars-tiny", "--batch-size", "2"]
    asked += ["--cpu-minutes", "0.001", "--methods", "bitfit", "--pairs", "4", "--seeds", "1"]
    asked += ["--steps", "2", "--evaluate-steps", "2", "--out", str(out)]
    assert main(asked) == 0
    done = read_result(out / "naip" / "haze-bitfit-4-0" / "result.json")
    assert (done.task, done.method, done.pairs, done.steps, done.places) == ("haze", "bitfit", 4, 2, 3)
    assert 0 < done.share < 0.1
    assert {"denoise", "deblur", "sr", "pansharpen"} <= set(done.old)
    assert done.test_images == 4
    monkeypatch.setattr(llars, "tune", None)
    assert main(asked) == 0
    assert main([*asked, "--cpu-minutes", "2"]) == 2
    assert "holds a base with cpu_minutes 0.001, asked for 2.0" in capsys.readouterr().err


def result(method: str, gain: float, seed: int = 0, lost: float = 0.05, **changes: object) -> Result:
    share = {"full": 1.0, "lora": 0.11}.get(method, 0.01)
    old = {"sr": (20.0, 20.0 - lost / 5), "stretch": (70.0, 70.0 - lost), "deblur": (30.0, 30.5)}
    plain = Result(
        "naip", "haze", method, 20, seed, "f" * 64, 9.0, 1000, 3, 18, 4 * (method == "lora"), 1234, share, 5000, 200,
        160, 200, 1.5, 30.0, 31.0, 31.0 + gain, old,
    )  # fmt: skip
    return replace(plain, **changes)


def test_the_page_says_what_the_numbers_say() -> None:
    runs = [result("full", 1.0), result("full", 1.2, 1), result("full", 5.0, 2)]
    runs += [result("lora", 1.1), result("bitfit", 1.0), result("bitfit", 1.1, 1), result("prompt", 0.5, lost=0.3)]
    text = page(runs)
    rows = {line.split(" | ")[0]: line.split(" | ", 5)[5] for line in text.splitlines() if " | 1,234 | " in line}
    assert rows["| full"].startswith(
        "1.5 ± 0.0 | +2.40 ± 2.25 | 100% | 0.05 ± 0.00 | 0.01 ± 0.00 | 0.00 ± 0.00 | missed: 100.0% trained"
    )
    # Over the seeds that both have: 2.1 of 2.2.
    assert rows["| bitfit"] == "1.5 ± 0.0 | +1.05 ± 0.07 | 95% | 0.05 ± 0.00 | 0.01 ± 0.00 | 0.00 ± 0.00 | met |"
    assert rows["| lora, rank 4"] == "1.5 | +1.10 | 110% | 0.05 | 0.01 | 0.00 | missed: 11.0% trained |"
    assert rows["| prompt"] == "1.5 | +0.50 | 50% | 0.30 | 0.06 | 0.00 | missed: 50% of the gain, 0.30 dB lost |"
    assert "the target is met by `bitfit` (95% of it, 1.00% trained)" in " ".join(text.split())
    assert "barely learned" not in text
    assert "has barely learned to correct this degradation" in " ".join(page([result("full", 1.0, given=30.6)]).split())
    without = [one for one in runs if one.method in ("full", "lora", "prompt")]
    assert summary(without) == [
        "`naip`, `haze`, 20 pairs: full fine-tuning gains +2.40 dB; the target is missed, the closest method is "
        "`prompt`: 50% of the gain, 0.30 dB lost."
    ]


def test_the_same_task_on_other_sensors_is_counted_by_itself() -> None:
    run = replace(result("lora", 1.0), old={"haze": (30.0, 27.0), "sr": (20.0, 19.9)})
    assert (run.lost, run.lost_elsewhere) == (pytest.approx(0.1), 3.0)


def test_nothing_is_compared_with_no_gain() -> None:
    rows = rows_of([result("full", -0.1), result("bitfit", 0.1)])
    assert [row.of_full for row in rows] == [None, None]
    assert "gained nothing" in summary([result("full", -0.1), result("bitfit", 0.1)])[0]
    assert Row((result("bitfit", 0.1),), ()).missed() is None
    slow = Row((result("bitfit", 1.0, cpu_minutes=12.0),), (result("full", 1.0),))
    assert slow.missed() == ["12 minutes"]


def test_results_are_kept_and_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KEPT", "PAGE", "TUNING"):
        monkeypatch.setattr(report, name, tmp_path / name)
    with pytest.raises(DataError, match="run there first"):
        keep(tmp_path / "runs")
    with pytest.raises(DataError, match="no results in"):
        write_pages()
    runs = [result("full", 1.0), result("bitfit", 0.95)]
    for one in runs:
        folder = tmp_path / "runs" / "naip" / f"haze-{one.method}-20-0"
        folder.mkdir(parents=True)
        (folder / "result.json").write_text(json.dumps(asdict(one)))
    keep(tmp_path / "runs")
    assert sorted(kept(), key=lambda one: one.method) == sorted(runs, key=lambda one: one.method)
    (tmp_path / "TUNING").write_text("# Tuning\n")
    with pytest.raises(DataError, match="has no section"):
        write_pages()
    (tmp_path / "TUNING").write_text("# Tuning\n\n## Measured\n\nwhat was here before\n")
    assert "| bitfit | 1 |" in write_pages().read_text()
    told = (tmp_path / "TUNING").read_text()
    assert told.startswith("# Tuning\n\n## Measured\n\nBase weights trained without `naip`")
    assert "before" not in told
    assert "`bitfit` (95% of it" in " ".join(told.split())
    other = tmp_path / "KEPT" / "naip" / "haze-lora-20-0.json"
    other.write_text(json.dumps(asdict(result("lora", 1.0, most_steps=100))))
    with pytest.raises(DataError, match="mixes bases or steps"):
        kept()
