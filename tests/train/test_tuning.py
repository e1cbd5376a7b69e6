"""Tuning runs: report, seeds, interruptions, commands."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import llars
from llars import cli
from llars.errors import ConfigError, DataError
from llars.train.tuning import trainer
from llars.train.tuning.report import TuneReport
from llars.train.tuning.tune import tune
from llars.weights.adapters import read_adapter

QUICK = {"task": "denoise", "steps": 6, "evaluate_steps": 3, "batch_size": 2, "patch": 32, "rank": 2, "keep": 0.34}
Pairs = Callable[..., dict[str, Path]]


@pytest.fixture
def run(pairs: Pairs, moved_weights: Path, tmp_path: Path) -> Callable[..., TuneReport]:
    """A function that tunes on four small pairs."""

    def call(name: str = "a", **given: Any) -> TuneReport:
        out = tmp_path / f"{name}.safetensors"
        return llars.tune(**{**QUICK, **pairs(), "base": moved_weights, "out": out, **given})

    return call


def test_the_report_tells_before_after_and_other_tasks(run: Callable[..., TuneReport], moved_weights: Path) -> None:
    done = run(steps=40, evaluate_steps=8, learning_rate=3e-3)
    assert done.gain > 0.1
    assert done.best_step > 0
    assert set(done.others) == {"deblur", "destripe", "haze", "cloud", "sr", "brightness", "equalize", "stretch"}
    assert done.parameters == read_adapter(done.adapter).parameters
    whole = sum(tensor.numel() for tensor in load_file(moved_weights).values())
    assert done.share == pytest.approx(done.parameters / whole, rel=1e-3)
    assert (done.images, len(done.held_out)) == (3, 1)
    told = json.loads((done.folder / "report.json").read_text())
    assert told["restored"]["after"] == done.restored.after
    assert [evaluation[0] for evaluation in told["evaluations"]] == [0, 8, 16, 24, 32, 40]
    page = (done.folder / "report.md").read_text()
    assert f"| restored with the adapter | {done.restored.after:.2f} |" in page
    for picture in ("curve.png", "before_after.png"):
        assert (done.folder / picture).read_bytes()[1:4] == b"PNG"


def test_the_same_seed_gives_the_same_file(run: Callable[..., TuneReport]) -> None:
    first, second, other = run("a"), run("b"), run("c", seed=1)
    assert first.adapter.read_bytes() == second.adapter.read_bytes()
    assert first.adapter.read_bytes() != other.adapter.read_bytes()


def test_an_interrupted_run_ends_like_one_that_was_not(
    run: Callable[..., TuneReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    straight = run("a").adapter.read_bytes()
    step, done = trainer.Tuner.train_step, []

    def stopped(self: trainer.Tuner) -> float:
        if len(done) == 4:
            raise KeyboardInterrupt
        done.append(self.step)
        return step(self)

    monkeypatch.setattr(trainer.Tuner, "train_step", stopped)
    with pytest.raises(KeyboardInterrupt):
        run("b")
    monkeypatch.undo()
    resumed = run("b")
    assert done == [0, 1, 2, 3]
    assert resumed.adapter.read_bytes() == straight


def test_a_run_with_other_settings_is_not_gone_on_with(run: Callable[..., TuneReport]) -> None:
    run("a")
    with pytest.raises(ConfigError, match=r"started with other settings \(rank\)"):
        run("a", rank=1)


def test_a_command_that_failed_before_its_first_step_may_be_corrected(
    run: Callable[..., TuneReport], tmp_path: Path
) -> None:
    clean = {"inputs": None, "targets": None, "clean": tmp_path / "target"}
    with pytest.raises(ConfigError, match="unknown degradation"):
        run("a", **clean, degradation="rust")
    assert not (tmp_path / "a.run").exists()
    with pytest.raises(DataError, match="at least 4 x 4 are needed"):
        run("a", patch=1)
    assert run("a").steps == QUICK["steps"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="CUDA is there")
def test_a_device_that_is_not_there_is_refused(run: Callable[..., TuneReport]) -> None:
    with pytest.raises(ConfigError, match="device 'cuda' is not available; this machine has"):
        run(device="cuda")


def test_it_stops_when_nothing_is_gained_any_more(run: Callable[..., TuneReport]) -> None:
    done = run(steps=60, evaluate_steps=1, patience=2, learning_rate=0.0)
    assert (done.steps, done.best_step, done.gain) == (2, 0, 0.0)
    assert not any(value.any() for name, value in load_file(done.adapter).items() if name.endswith("/up"))


def test_holding_on_to_other_tasks_keeps_them(run: Callable[..., TuneReport]) -> None:
    given = {"steps": 30, "evaluate_steps": 30, "method": "full", "learning_rate": 1e-3}
    free, held = run("free", keep=0.0, **given), run("held", keep=0.5, **given)

    def moved(report: TuneReport) -> float:
        return sum(abs(pair.after - pair.before) for pair in report.others.values())

    assert moved(held) < 0.8 * moved(free)


def test_commands(run: Callable[..., TuneReport], moved_weights: Path, tmp_path: Path, capsys: Any) -> None:
    done = run(steps=1, prompts=["mend what the old camera does"])
    source, out, merged = tmp_path / "input" / "0.tif", tmp_path / "out.tif", tmp_path / "merged.safetensors"
    asked = ["restore", str(source), str(out), "-p", "mend what the old camera does", "--sensor", "rgb"]
    assert cli.run([*asked, "--model", str(moved_weights)]) == cli.MISTAKE
    assert cli.run([*asked, "--model", str(moved_weights), "--adapter", str(done.adapter)]) == cli.OK
    assert cli.run(["merge", str(moved_weights), str(done.adapter), str(merged)]) == cli.OK
    assert cli.run([*asked, "--overwrite", "--model", str(merged)]) == cli.OK
    capsys.readouterr()
    assert cli.run([*asked, "--overwrite", "--model", str(merged), "--adapter", str(done.adapter)]) == cli.MISTAKE
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert cli.run(["merge", str(moved_weights), str(done.adapter), str(merged)]) == cli.MISTAKE
    assert "exists" in capsys.readouterr().err


def test_the_command_reads_a_file_of_settings(
    pairs: Pairs, moved_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shipped = Path(__file__).parents[2] / "configs" / "tune" / "pairs.yaml"
    given = {**QUICK, **pairs(), "base": moved_weights, "out": tmp_path / "a.safetensors", "steps": 1}
    code = cli.run(["tune", str(shipped), *(f"{key}={value}" for key, value in given.items())])
    assert code == cli.OK
    assert "held out" in capsys.readouterr().out
    shutil.rmtree(tmp_path / "a.run")
    with pytest.raises(DataError, match="no folder"):
        tune(shipped, [f"out={tmp_path / 'a.safetensors'}", f"base={moved_weights}"])
