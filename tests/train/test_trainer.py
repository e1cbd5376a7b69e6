"""A small network's training follows its schedule and goes on where it was interrupted."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from llars.train.trainer import LAST_RATE, Trainer


def trainer(steps: int = 10) -> Trainer[nn.Conv2d]:
    torch.manual_seed(0)
    return Trainer(nn.Conv2d(1, 1, 3), steps, rate=0.1, warm_up=3, decay=0.9)


def learn(taught: Trainer[nn.Conv2d], step: int) -> float:
    image = torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(step))
    return taught.learn((taught.network(image) - image[..., 1:-1, 1:-1]).square().mean())


def test_the_rate_rises_and_then_falls() -> None:
    taught, rates = trainer(), []
    for step in range(10):
        learn(taught, step)
        rates.append(taught.optimiser.param_groups[0]["lr"])
    assert rates[0] == pytest.approx(0.1 / 3) and rates.index(max(rates)) == 2
    assert rates[2:] == sorted(rates[2:], reverse=True)
    assert 0.1 * LAST_RATE <= rates[-1] < 0.1 * (LAST_RATE + 0.03)


def test_an_interrupted_run_goes_on(tmp_path: Path) -> None:
    whole, begun, resumed = (trainer() for _ in range(3))
    for step in range(6):
        learn(whole, step)
    for step in range(4):
        learn(begun, step)
    begun.save(tmp_path / "checkpoint.safetensors")
    resumed.load(tmp_path / "checkpoint.safetensors")
    assert resumed.step == 4
    for step in range(4, 6):
        learn(resumed, step)
    assert torch.equal(whole.averaged().weight, resumed.averaged().weight)


def test_a_run_goes_on_from_its_last_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llars.train.trainer.CHECKPOINT_SECONDS", -1.0)
    seen: list[int] = []

    def losses_of(taught: Trainer[nn.Conv2d], fails_in: int | None = None) -> Callable[[int], Iterator[torch.Tensor]]:
        def losses(batch: int) -> Iterator[torch.Tensor]:
            seen.append(batch)
            if batch == fails_in:
                raise KeyboardInterrupt
            for step in range(2):
                image = torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(2 * batch + step))
                yield (taught.network(image) - image[..., 1:-1, 1:-1]).square().mean()

        return losses

    whole, begun, resumed = (trainer() for _ in range(3))
    expected = whole.run(5, losses_of(whole))
    with pytest.raises(KeyboardInterrupt):
        begun.run(5, losses_of(begun, fails_in=3), tmp_path)
    result = resumed.run(5, losses_of(resumed), tmp_path)
    assert seen == [0, 1, 2, 3, 4, 0, 1, 2, 3, 3, 4]
    assert torch.equal(result.weight, expected.weight)


def test_the_result_is_averaged_and_has_half_precision() -> None:
    taught = trainer()
    for step in range(5):
        learn(taught, step)
    last = taught.network.weight.detach().clone()
    result = taught.averaged()
    assert not result.training and not torch.equal(result.weight, last)
    assert torch.equal(result.weight, result.weight.half().float())
