"""Pairs with guides: what the guide tells is what the degraded image lacks."""

import numpy as np
import pytest
import torch

from llars.bands import Band, Modality, Role
from llars.data.guided import another_date, clouded, fused, later
from llars.data.initial import Estimators, initial_pair
from llars.degrade.resolution import reduce

BANDS = [(Band("R", 660.0, 40.0, 10.0), Band("N", 840.0, 100.0, 10.0))] * 3


@pytest.fixture
def clean() -> torch.Tensor:
    texture = torch.rand(3, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    return torch.cat((0.1 + 0.3 * texture, 0.2 + 0.2 * texture), 1)


@pytest.mark.parametrize("seed", range(4))
def test_pan_holds_the_detail_that_the_bands_lost(clean: torch.Tensor, seed: int) -> None:
    pair = fused(clean, BANDS, np.random.default_rng(seed), torch.Generator().manual_seed(seed))
    assert pair.guides is not None
    lost = (pair.clean - pair.degraded).mean(1).flatten(1)
    detail = (pair.guides[:, 0] - pair.degraded.mean(1)).flatten(1)
    assert torch.cosine_similarity(lost, detail).min() > 0.9


@pytest.mark.parametrize("seed", range(4))
def test_only_area_means_are_held(clean: torch.Tensor, seed: int) -> None:
    pair = fused(clean, BANDS, np.random.default_rng(seed), torch.Generator().manual_seed(seed))
    start = initial_pair("pansharpen", pair, BANDS, Estimators())
    # What the estimate adds is detail of a finer grid, which the network does not take.
    assert start.observed is None
    means = [reduce(image, pair.factor) for image in (start.degraded, pair.clean)]
    assert start.factor == (pair.factor if torch.allclose(*means, atol=1e-4) else 1)
    assert (start.degraded - pair.clean).square().mean() < (pair.degraded - pair.clean).square().mean()


def test_the_coarse_difference_tells_what_changed(clean: torch.Tensor) -> None:
    rng = np.random.default_rng(1)
    before = another_date(clean, rng)
    pair = later(clean, before, BANDS, rng)
    assert pair.guides is not None
    fine_before = pair.guides[:, :2]
    start = initial_pair("stf", pair, BANDS, Estimators()).degraded
    assert (start - clean).square().mean() < (fine_before - clean).square().mean()
    assert [band.role for band in pair.guide_bands[0]] == [Role.FINE_BEFORE] * 2 + [Role.COARSE_BEFORE] * 2


def test_radar_is_not_clouded(clean: torch.Tensor) -> None:
    radar = torch.rand(3, 1, 64, 64, generator=torch.Generator().manual_seed(2))
    bands = [(Band("VV", modality=Modality.SAR),)] * 3
    pair = clouded(clean, BANDS, torch.ones(3), torch.Generator().manual_seed(3), False, radar, bands)
    assert pair.guides is radar
    assert (pair.degraded - pair.clean).abs().mean() > 0.05
    assert pair.guide_bands[0][0].role is Role.SAR


def test_another_date_is_another_but_of_the_same_place(clean: torch.Tensor) -> None:
    smooth = torch.nn.functional.avg_pool2d(clean, 5, 1, 2)
    other = another_date(smooth, np.random.default_rng(5))
    assert (other - smooth).abs().mean() > 0.01
    pixels = torch.stack([image[0, 0].flatten() for image in (other, smooth)])
    assert torch.corrcoef(pixels)[0, 1] > 0.5
