"""Pairs have the fault that they say, and their truth is what mending it must give."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from llars.bands import Band, Modality
from llars.data.synthetic import CHAIN, SAR_RANGE, backscatter, brighten, damage, speckle, untouched, upsample
from llars.tasks import TASK_KEYS, brightness_gain

BANDS = tuple(Band(name, wavelength, 30.0, 10.0) for name, wavelength in (("B", 490.0), ("G", 560.0), ("R", 665.0)))


@pytest.fixture
def clean() -> Tensor:
    y, x = torch.meshgrid(torch.arange(48) / 6.0, torch.arange(48) / 6.0, indexing="ij")
    waves = torch.stack([torch.sin(y + i) * torch.cos(x - i) for i in range(3)])
    return (0.4 + 0.2 * waves).expand(4, 3, 48, 48).clone()


@pytest.mark.parametrize("task", CHAIN)
def test_one_fault_leaves_the_truth_clean(clean: Tensor, task: str) -> None:
    pair = damage(task, clean, [BANDS] * 4, np.random.default_rng(0), torch.Generator().manual_seed(0))
    assert torch.equal(pair.clean, clean)
    # A blur far narrower than a pixel leaves float32 values as they are.
    assert (pair.degraded != clean).flatten(1).any(1)[pair.severity > 0.2].all()
    assert torch.equal(pair.faults.nonzero()[:, 1], torch.full((4,), TASK_KEYS.index(task)))
    assert torch.equal(pair.faults.sum(1), pair.severity)
    assert ((pair.severity >= 0.05) & (pair.severity <= 1)).all()


@pytest.mark.parametrize("task", CHAIN[1:])
def test_a_second_fault_is_in_truth_and_image_alike(clean: Tensor, task: str) -> None:
    pair = damage(task, clean, [BANDS] * 4, np.random.default_rng(1), torch.Generator().manual_seed(1), second=True)
    assert not torch.equal(pair.clean, clean)
    shown = set(pair.faults.nonzero()[:, 1].tolist())
    assert len(shown) == 2
    assert TASK_KEYS.index(task) in shown
    earlier = {TASK_KEYS.index(key) for key in CHAIN[: CHAIN.index(task)]}
    assert shown - {TASK_KEYS.index(task)} <= earlier


def test_where_nothing_is_wrong_nothing_changes(clean: Tensor) -> None:
    pair = untouched(clean)
    assert torch.equal(pair.degraded, pair.clean)
    assert not pair.severity.any()
    assert not pair.faults.any()


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_a_coarser_grid_keeps_the_mean_and_loses_detail(clean: Tensor, factor: int) -> None:
    pair = upsample(clean, factor)
    assert pair.degraded.shape == clean.shape
    torch.testing.assert_close(pair.degraded.mean((2, 3)), clean.mean((2, 3)), atol=2e-3, rtol=0)
    assert pair.degraded.var() < clean.var()
    assert pair.severity.tolist() == pytest.approx([(factor - 1) / 3] * 4)


def test_brightness_multiplies_physical_values(clean: Tensor) -> None:
    strength, darkness = np.array([1.0, 0.5, -0.25, -1.0]), np.array([1.0, 0.0, 0.0, 0.0])
    ranges = [(0.0, 1.0), (0.0, 2.0), (0.0, 1.0), (0.2, 1.2)]
    pair = brighten(clean, strength, darkness, ranges)
    torch.testing.assert_close(pair.clean[0], clean[0])  # darkened by a stop and brightened by one
    for row in range(4):
        low, high = ranges[row]
        before, after = (low + image[row] * (high - low) for image in (pair.degraded, pair.clean))
        torch.testing.assert_close(after, before * brightness_gain(strength[row]))


def test_speckle_keeps_the_power_and_has_the_looks_it_says() -> None:
    flat = torch.full((4, 1, 256, 256), 0.5)
    for seed in range(4):
        pair = speckle(flat, np.random.default_rng(seed), torch.Generator().manual_seed(seed))
        low, high = SAR_RANGE
        ratio = 10 ** ((pair.degraded - pair.clean) * (high - low) / 10)
        looks = 1 / float(ratio.var())
        assert float(ratio.mean()) == pytest.approx(1.0, abs=0.02)
        assert looks == pytest.approx(round(looks), rel=0.05)
        deviation = float((pair.degraded - pair.clean).std())
        # The series of the trigamma function is 1 % off at one look.
        assert min(1.0, deviation / 0.1) == pytest.approx(float(pair.severity[0]), rel=0.05)


def test_backscatter_is_plausible_and_keeps_the_structure(clean: Tensor) -> None:
    unit, bands = backscatter(clean[:, :2], np.random.default_rng(2))
    assert [[band.name for band in each] for each in bands] == [["VV", "VH"]] * 4
    assert all(band.modality is Modality.SAR for band in bands[0])
    low, high = SAR_RANGE
    decibels = low + unit * (high - low)
    assert -35 <= float(decibels.min()) <= float(decibels.max()) <= 10
    assert (decibels[:, 1].mean((1, 2)) < decibels[:, 0].mean((1, 2))).all()
    for patch, original in zip(unit[:, 0], clean[:, 0], strict=True):
        together = torch.corrcoef(torch.stack([patch.flatten(), original.flatten()]))[0, 1]
        assert math.isclose(abs(float(together)), 1.0, abs_tol=0.02)  # the tails are clipped
