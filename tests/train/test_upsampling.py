"""Filters are learned that bring enlarged images nearer to the truth."""

import torch
from tests.shapes import discs

from llars.degrade.resolution import enlarge_exactly, reduce
from llars.initial.superresolution import superresolved
from llars.model.upsampling import UpsamplingFilters
from llars.train.upsampling import NormalEquations


def test_edges_of_one_kind_of_image_are_learned_from_others_like_it() -> None:
    sums = NormalEquations(2)
    for seed in range(30):
        sums.add(discs(seed, 96))
    filters = UpsamplingFilters()
    with torch.no_grad():
        filters.filters["2"].copy_(sums.solved())
    truth = torch.cat([discs(seed, 96) for seed in range(100, 104)])
    coarse = reduce(truth, 2)
    before, after = (
        (image - truth)[..., 8:-8, 8:-8].square().mean()
        for image in (enlarge_exactly(coarse, 2), superresolved(coarse, 2, filters))
    )
    assert after < 0.85 * before
