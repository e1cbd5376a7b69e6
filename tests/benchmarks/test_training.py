"""The training that all contestants share: resumed exactly, on one budget, robust to a batch that is not finite."""

import csv
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import Tensor, nn

from benchmarks import training
from benchmarks.scoring import gigaflops, score, score_inputs
from benchmarks.training import Contestant, Trained, rate_at, train
from llars.bands import plain_bands
from llars.errors import ConfigError
from llars.sample import Batch
from llars.tasks import TASK_KEYS


def noisy(seed: int, task: int = 0, count: int = 4) -> Batch:
    """Patches of noise whose truth is half of them."""
    image = torch.rand(count, 3, 16, 16, generator=torch.Generator().manual_seed(seed))
    zeros = torch.zeros(count)
    return Batch(
        degraded=image,
        clean=0.5 * image,
        bands=[plain_bands(3)] * count,
        task=torch.full((count,), task),
        severity=zeros,
        instruction=torch.zeros(count, 384),
        faults=torch.zeros(count, len(TASK_KEYS)),
        factor=torch.ones(count, dtype=torch.long),
        guides=image[:, :0],
    )


@dataclass(frozen=True)
class Draws:
    """In place of a mixer."""

    batch_size: int = 4
    spoilt: int = -1

    def batch(self, step: int) -> Batch:
        batch = noisy(step)
        if step == self.spoilt:
            batch.degraded[0, 0, 0, 0] = torch.nan
        return batch


class Convolution(Contestant):
    """One convolution; with ``stop`` it dies at that call."""

    def __init__(self, stop: int = -1) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.layer = nn.Conv2d(3, 3, 3, padding=1)
        self.calls, self.stop = 0, stop

    def loss(self, batch: Batch) -> Tensor:
        self.calls += 1
        if self.calls == self.stop:
            raise KeyboardInterrupt
        dropped = nn.functional.dropout(batch.degraded, 0.2)
        return (self.layer(dropped) - batch.clean).abs().mean()

    def restore(self, batch: Batch) -> Tensor:
        return self.layer(batch.degraded)


def trained(contestant: Contestant, folder: Path, mixer: Draws | None = None, **budget: float) -> Trained:
    files = {"checkpoint": folder / "last.safetensors", "log": folder / "log.csv"}
    return train(contestant, mixer or Draws(), seed=1, learning_rate=0.01, **budget, **files)


def test_an_interrupted_training_ends_where_another_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "LOG_STEPS", 2)
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", 0.0)
    straight, resumed = Convolution(), Convolution()
    trained(straight, tmp_path / "straight", steps=10)
    with pytest.raises(KeyboardInterrupt):
        trained(Convolution(stop=8), tmp_path / "broken", steps=10)
    taken = trained(resumed, tmp_path / "broken", steps=10)
    assert (taken.steps, taken.samples, resumed.calls) == (10, 40, 3)
    for name, value in straight.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name
    rows = [list(csv.DictReader((tmp_path / run / "log.csv").open())) for run in ("straight", "broken")]
    assert [row["step"] for row in rows[1]] == [row["step"] for row in rows[0]] == ["2", "4", "6", "8", "10"]


def test_rows_that_a_checkpoint_does_not_know_are_written_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "LOG_STEPS", 2)
    with pytest.raises(KeyboardInterrupt):
        trained(Convolution(stop=5), tmp_path, steps=6)
    assert not (tmp_path / "last.safetensors").exists()
    trained(Convolution(), tmp_path, steps=6)
    assert [row["step"] for row in csv.DictReader((tmp_path / "log.csv").open())] == ["2", "4", "6"]


def test_what_is_left_are_the_averaged_parameters_and_a_finished_training_does_no_more(tmp_path: Path) -> None:
    first, again = Convolution(), Convolution()
    trained(first, tmp_path, steps=5)
    with safe_open(tmp_path / "last.safetensors", "pt") as stored:
        assert torch.equal(first.layer.weight, stored.get_tensor("average/layer.weight"))
        assert not torch.equal(first.layer.weight, stored.get_tensor("contestant/layer.weight"))
    assert trained(again, tmp_path, steps=5).steps == 5 and again.calls == 0
    assert torch.equal(first.layer.weight, again.layer.weight)


def test_a_step_that_is_not_finite_is_left_out_and_counted(tmp_path: Path) -> None:
    contestant = Convolution()
    assert trained(contestant, tmp_path, Draws(spoilt=1), steps=3).skipped == 1
    assert all(value.isfinite().all() for value in contestant.parameters())


def test_a_budget_of_processor_time_is_spent_and_no_more(tmp_path: Path) -> None:
    taken = trained(Convolution(), tmp_path, cpu_minutes=0.005)
    # The last step may begin just before the end; one of these takes milliseconds.
    assert 0.3 <= taken.cpu_seconds < 0.6 and taken.samples == 4 * taken.steps > 0


def test_one_budget_is_asked_for(tmp_path: Path) -> None:
    for budget in ({}, {"steps": 3, "cpu_minutes": 1.0}, {"steps": 0}):
        with pytest.raises(ConfigError, match="give one of them, above 0"):
            trained(Convolution(), tmp_path, **budget)


def test_the_rate_rises_and_falls() -> None:
    rates = [rate_at(done / 100) for done in range(101)]
    top = rates.index(1.0)
    assert top == 5
    assert rates[:6] == sorted(rates[:6]) and rates[top:] == sorted(rates[top:], reverse=True)
    assert rates[-1] == pytest.approx(0.01)


class Shifted(Contestant):
    """The truth with a known error."""

    def loss(self, batch: Batch) -> Tensor:
        raise NotImplementedError

    def restore(self, batch: Batch) -> Tensor:
        return batch.clean + (0.1 if batch.task[0] == 1 else 0.0)


def test_scores_are_means_by_task() -> None:
    found = score(Shifted(), [noisy(0, task=1), noisy(1, task=1), noisy(2, task=3)])
    assert found == pytest.approx({TASK_KEYS[1]: 20.0, TASK_KEYS[3]: 80.0}, abs=1e-4)
    # The truth is half of the image, which lies evenly between 0 and 1: a mean square error of 1/12.
    assert score_inputs([noisy(0, count=64)]) == pytest.approx({TASK_KEYS[0]: 10.79}, abs=0.05)


def test_work_is_counted_per_megapixel() -> None:
    # 3x3 weights from 3 bands to 3, a multiplication and an addition each: 162 a pixel.
    assert gigaflops(Convolution(), noisy(0)) == pytest.approx(0.162)
