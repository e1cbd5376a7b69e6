"""The loop: what was stopped and went on ends where an uninterrupted run ends; training lowers the loss."""

import csv
import math
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file
from tests.packing import pack

from llars.bands import Band
from llars.data.corpus import Corpus
from llars.data.mix import Mixer, Recipe
from llars.errors import ConfigError, DataError, OutputError
from llars.sample import Sample
from llars.train.bundled import estimators, instructions
from llars.train.config import TrainConfig, minutes, read_config
from llars.train.log import Progress
from llars.train.loop import Trainer, main
from llars.train.losses import SMALL, TYPICAL
from llars.weights.registry import load_network

BANDS = tuple(Band(name, nm, 40.0, 10.0) for name, nm in (("B", 490.0), ("G", 560.0), ("R", 665.0)))


def waves(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:160, :160] / rng.uniform(6, 20)
    plane = 0.4 + 0.2 * np.sin(y + rng.uniform(0, 6)) * np.cos(x)
    return (np.stack([plane * gain for gain in (0.8, 1.0, 1.2)]) * 10_000).astype(np.uint16)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration of a run on two made-up scenes per split."""
    for split, first in (("train", 0), ("val", 10)):
        scenes = [
            Sample(f"{split}{i}", split, "made-up", BANDS, waves(first + i), 1e-4, 0.0, np.ones((160, 160), bool))
            for i in range(2)
        ]
        pack(scenes, tmp_path / "corpus" / split)
    settings = {
        "model": "llars-tiny",
        "corpus": str(tmp_path / "corpus"),
        "run": str(tmp_path / "run"),
        "steps": 6,
        "batch_size": 4,
        "warmup": 2,
        "tasks": {"denoise": 1.0, "brightness": 1.0},
    }
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


def make_mixer(config: TrainConfig) -> Mixer:
    corpus = Corpus.open(config.corpus / "train")
    return Mixer(corpus, instructions(), Recipe(config.tasks), config.batch_size, estimators=estimators())


def test_resuming_is_exact(config: Path, tmp_path: Path) -> None:
    straight = load_file(main(config, [f"run={tmp_path / 'straight'}"]))
    broken_run = tmp_path / "broken"
    short = tmp_path / "short"
    # Stopped after 3 of 6 steps of the same schedule: a run with a shorter schedule would learn at other rates.
    trainer_config = read_config(config, [f"run={short}"])
    stop_after(trainer_config.run, config, 3)
    shutil.copytree(short, broken_run)
    resumed = load_file(main(config, [f"run={broken_run}"]))
    assert straight.keys() == resumed.keys()
    for name, value in straight.items():
        torch.testing.assert_close(resumed[name], value, rtol=0, atol=0)


def stop_after(run: Path, path: Path, steps: int) -> None:
    """Trains ``steps`` steps of the configured schedule and saves, as a kill after a checkpoint would leave it."""
    config = read_config(path, [f"run={run}"])
    mixer = make_mixer(config)
    trainer = Trainer(config)
    for step in range(steps):
        trainer.train_step(mixer.batch(step), Progress())
    trainer.save()


def test_a_time_budget_stops_with_weights_and_rows_of_the_log(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llars.train.loop.LOG_STEPS", 1)
    weights = main(config, ["steps=100000", "max_minutes=0.02"])
    network, info = load_network(weights)
    assert network.config.name == "llars-tiny"
    assert set(info.tasks) == {"denoise", "brightness"}
    row = next(csv.DictReader((tmp_path / "run" / "validation.csv").open()))
    assert {"step", "denoise", "denoise_gain", "brightness_gain", "mean_gain"} <= row.keys()
    of_tasks = next(csv.DictReader((tmp_path / "run" / "weights.csv").open()))
    assert list(of_tasks) == ["step", "brightness", "denoise"]
    # The mean over the samples of a batch is 1, however they are weighted; one of the tasks may not have occurred.
    known = [float(of_tasks[task]) for task in ("brightness", "denoise") if of_tasks[task]]
    assert known and min(known) <= 1.0 <= max(known)


def test_the_last_step_is_evaluated_once(config: Path, tmp_path: Path) -> None:
    for _ in range(2):
        main(config, ["steps=3"])
    rows = list(csv.DictReader((tmp_path / "run" / "validation.csv").open()))
    assert [row["step"] for row in rows] == ["3"]


def test_training_lowers_the_loss(config: Path) -> None:
    settings = read_config(config, ["learning_rate=0.005", "steps=200"])
    mixer = make_mixer(settings)
    trainer = Trainer(settings)
    first, last = Progress(), Progress()
    for step in range(200):
        trainer.train_step(mixer.batch(step % 4), last if step >= 192 else first)
    for task, values in last.losses.values.items():
        early = first.losses.values[task][: len(values)]
        assert mean_error(values) < 0.6 * mean_error(early), task


def mean_error(losses: list[float]) -> float:
    """Absolute error, in contrasts, that losses stand for: they count its logarithm."""
    return sum(SMALL * math.expm1(loss / TYPICAL) for loss in losses) / len(losses)


def test_a_gradient_that_is_not_finite_is_skipped_and_counted(config: Path) -> None:
    settings = read_config(config)
    mixer = make_mixer(settings)
    trainer, progress = Trainer(settings), Progress()
    before = {name: value.clone() for name, value in trainer.network.named_parameters()}
    batch = mixer.batch(0)
    batch.degraded[0, 0, 0, 0] = torch.nan
    trainer.train_step(batch, progress)
    assert progress.skipped == 1
    # Not in the means of the log, which it would make no numbers.
    assert (progress.steps, progress.losses.values, progress.weights.values) == (0, {}, {})
    assert all(torch.equal(value, before[name]) for name, value in trainer.network.named_parameters())
    trainer.train_step(mixer.batch(1), progress)
    assert progress.skipped == 1
    assert any(not torch.equal(value, before[name]) for name, value in trainer.network.named_parameters())


def test_mistakes_in_the_configuration(config: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="unknown training settings"):
        read_config(config, ["learning_rat=1"])
    with pytest.raises(ConfigError, match="no configuration"):
        read_config(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="not readable"):
        read_config(config, ["steps"])
    with pytest.raises(ConfigError, match="steps='many' is not what was expected: int"):
        read_config(config, ["steps=many"])
    with pytest.raises(ConfigError, match="do not fit"):
        read_config(config, ["losses={beauty: 1}"])
    assert read_config(config, ["learning_rate=2e-3"]).learning_rate == 0.002


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("steps=1.5", "steps=1.5 is not what was expected: int"),
        ("steps=0", "steps=0; expected 1 or more"),
        ("steps=true", "steps=True is not"),
        ("batch_size=0", "batch_size=0; expected 1 or more"),
        ("learning_rate=-1", "learning_rate=-1.0; expected 0 or more"),
        ("learning_rate=.nan", "learning_rate=nan is not what was expected: float"),
        ("max_minutes=-1", "max_minutes=-1.0; expected 0 or more"),
        ("seed=-1", "seed=-1; expected 0 or more"),
        ("seed=99999999999", "seed=99999999999; expected"),
        ("average=1", "average=1.0; expected a decay"),
        ("model=null", "model=None is not"),
        ("recompute=maybe", "recompute='maybe' is not"),
        ("tasks=denoise", "tasks='denoise' is not what was expected: numbers by name"),
        ("tasks={denoise: x}", "tasks.denoise='x' is not"),
        ("tasks={denoise: -1}", "expected shares of 0 or more"),
        ("losses=[1]", r"losses=\[1\] is not"),
    ],
)
def test_impossible_values_are_refused_in_one_line(config: Path, word: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        read_config(config, [word])
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(torch.cuda.is_available(), reason="CUDA is there")
def test_a_device_that_is_not_there_is_refused(config: Path) -> None:
    with pytest.raises(ConfigError, match="device 'cuda' is not available; this machine has"):
        main(config, ["device=cuda"])


def test_durations() -> None:
    assert minutes("90m") == minutes("1h30m") == minutes("1.5h") == 90
    assert minutes("30s") == 0.5
    for wrong in ("", "90", "2 days", "m"):
        with pytest.raises(ConfigError, match="no duration"):
            minutes(wrong)


def test_a_run_does_not_go_on_with_other_settings(config: Path, tmp_path: Path) -> None:
    main(config, ["steps=2"])
    before = (tmp_path / "run" / "last.safetensors").read_bytes()
    with pytest.raises(ConfigError, match=r"other settings: .*; give those again, or another `run=`") as caught:
        main(
            config, ["steps=3", "learning_rate=0.5", "seed=9", "batch_size=5", "tasks={denoise: 1}", "losses={text: 9}"]
        )
    said = str(caught.value)
    for part in (
        "steps 2 (now 3)",
        "learning_rate 0.002 (now 0.5)",
        "seed 0 (now 9)",
        "batch_size 4 (now 5)",
        '"denoise": 1.0} (now {"denoise": 1.0});',
    ):
        assert part in said
    assert "warmup" not in said and "\n" not in said
    assert (tmp_path / "run" / "last.safetensors").read_bytes() == before


def test_what_does_not_determine_the_result_may_change_and_the_corpus_may_move(config: Path, tmp_path: Path) -> None:
    stop_after(tmp_path / "run", config, 1)
    (tmp_path / "corpus").rename(tmp_path / "moved")
    moved = [f"corpus={tmp_path / 'moved'}", "max_minutes=5", "evaluate_minutes=1", "checkpoint_minutes=1"]
    said: list[str] = []
    main(config, [*moved, "recompute=true", "steps=6"], said.append)
    assert said == []
    pack(
        [Sample("other", "train", "made-up", BANDS, waves(5), 1e-4, 0.0, np.ones((160, 160), bool))],
        tmp_path / "new/train",
    )
    shutil.copytree(tmp_path / "moved" / "val", tmp_path / "new" / "val")
    with pytest.raises(ConfigError, match=r"other settings: corpus \w{12} \(now \w{12}\);"):
        main(config, [f"corpus={tmp_path / 'new'}"])


def test_a_checkpoint_without_settings_goes_on_with_a_note(config: Path, tmp_path: Path) -> None:
    stop_after(tmp_path / "run", config, 1)
    path = tmp_path / "run" / "last.safetensors"
    save_file(load_file(path), path, metadata={"step": "1"})
    said: list[str] = []
    main(config, ["seed=3", "steps=2"], said.append)
    (note,) = said
    assert "does not tell its settings" in note
    with pytest.raises(ConfigError, match=r"seed 3 \(now 0\)"):
        main(config, ["steps=2"])


def test_a_run_in_an_unwritable_place_is_told_in_one_line(config: Path, tmp_path: Path) -> None:
    (tmp_path / "blocked").write_text("a file, not a folder")
    with pytest.raises(OutputError, match=r"cannot write .*blocked.run: .*; choose another place"):
        main(config, [f"run={tmp_path / 'blocked' / 'run'}"])
    trainer = Trainer(read_config(config))
    trainer.checkpoint = tmp_path / "blocked" / "last.safetensors"
    with pytest.raises(OutputError, match=r"cannot write .*last\.safetensors"):
        trainer.save()
    trainer.checkpoint.parent.unlink()
    (trainer.checkpoint.parent / f".last.safetensors.{os.getpid()}.part").mkdir(parents=True)
    with pytest.raises(OutputError, match=r"cannot write .*last\.safetensors"):
        trainer.save()


def test_a_damaged_checkpoint_is_named(config: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "last.safetensors").write_bytes(b"nonsense")
    with pytest.raises(DataError, match=r"last\.safetensors is damaged"):
        main(config)
