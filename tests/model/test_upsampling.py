"""Kinds of edges, and what filters of each kind add to an enlargement."""

import pytest
import torch
from tests.shapes import discs

from llars.degrade.resolution import reduce
from llars.model.upsampling import FACTORS, KINDS, UpsamplingFilters, kinds_of


def test_brighter_or_of_more_contrast_an_edge_is_of_the_same_kind() -> None:
    image = discs(3, 64)
    kinds = kinds_of(image)
    assert len(kinds.unique()) > 20 and int(kinds.min()) >= 0 and int(kinds.max()) < KINDS
    same = (kinds_of(3.0 * image + 0.25) == kinds).float().mean()
    assert same > 0.99, "what is flat but for rounding may change"


def test_a_turned_edge_is_of_another_direction_and_as_coherent() -> None:
    ramp = torch.linspace(-3, 3, 32).tanh().expand(1, 1, 32, 32)
    upright, level = (kinds_of(edge)[0, 16, 16] for edge in (ramp, ramp.mT))
    others = KINDS // 16
    assert upright // others != level // others
    assert upright % others == level % others


@pytest.mark.parametrize("factor", FACTORS)
def test_detail_leaves_area_means_alone(factor: int) -> None:
    torch.manual_seed(0)
    filters = UpsamplingFilters()
    coarse = discs(5, 48)
    assert not filters(coarse, factor).any(), "nothing is learned yet"
    for part in filters.parameters():
        torch.nn.init.normal_(part)
    detail = filters(coarse, factor)
    assert detail.shape == (1, 1, 48 * factor, 48 * factor)
    assert detail.std() > 0.1
    assert reduce(detail, factor).abs().max() < 1e-6
