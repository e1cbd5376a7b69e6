"""Equalising and stretching: exact on the scene's own quantiles, whatever the words weigh."""

import pytest
import torch

from llars.model.normalise import Statistics
from llars.model.tone import tone_curve
from llars.tasks import TASK_KEYS


def logits(task: str) -> torch.Tensor:
    found = torch.full((1, len(TASK_KEYS)), -30.0)
    found[:, TASK_KEYS.index(task)] = 30.0
    return found


@pytest.fixture
def image() -> torch.Tensor:
    return 0.2 + 0.1 * torch.randn(1, 2, 64, 64, generator=torch.Generator().manual_seed(1)).abs()


def toned(image: torch.Tensor, task: str) -> torch.Tensor:
    statistics = Statistics.of(image, histogram=True).jittered(torch.ones(1, 1), torch.full((1, 1), 1.5))
    curve = tone_curve(statistics, logits(task))
    assert curve is not None
    return statistics.undo(curve(statistics.apply(image)))


def test_equalised_values_are_spread_evenly(image: torch.Tensor) -> None:
    ordered = toned(image, "equalize").flatten(2).sort(-1).values
    even = torch.linspace(0, 1, ordered.shape[-1]).expand_as(ordered)
    # Linear between 64 knots: what the curve bends within one step is left.
    torch.testing.assert_close(ordered, even, atol=0.01, rtol=0)


def test_the_stretch_puts_2_percent_at_each_end(image: torch.Tensor) -> None:
    stretched = toned(image, "stretch")
    assert (stretched <= 1e-6).float().mean().item() == pytest.approx(0.02, abs=0.002)
    assert (stretched >= 1 - 1e-6).float().mean().item() == pytest.approx(0.02, abs=0.002)
    low, high = (torch.quantile(image.flatten(2), q, dim=-1)[..., None, None] for q in (0.02, 0.98))
    torch.testing.assert_close(stretched, ((image - low) / (high - low)).clamp(0, 1), atol=1e-4, rtol=0)


def test_without_quantiles_there_is_no_curve(image: torch.Tensor) -> None:
    assert tone_curve(Statistics.of(image), logits("equalize")) is None
