"""A finer grid: nearer to the truth than an enlargement, and the same image on the coarse one."""

import pytest
import torch
from tests.shapes import discs

from llars.degrade.resolution import enlarge_exactly, reduce
from llars.initial.superresolution import superresolved
from llars.weights.estimators import load_upsampling


@pytest.mark.parametrize(("factor", "least"), [(2, 0.8), (3, 0.5), (4, 0.5)])
def test_edges_come_nearer_to_the_truth_and_area_means_stay(factor: int, least: float) -> None:
    truth = discs(11, 192)
    coarse = reduce(truth, factor)
    fine = superresolved(coarse, factor, load_upsampling())
    assert (reduce(fine, factor) - coarse).abs().max() < 2e-6
    inner = (..., slice(16, -16), slice(16, -16))
    errors = [
        float((image - truth)[inner].square().mean().log10()) for image in (enlarge_exactly(coarse, factor), fine)
    ]
    assert 10 * (errors[0] - errors[1]) > least  # decibels


def test_what_was_not_measured_is_not_held() -> None:
    coarse = reduce(discs(12, 96), 2)
    valid = torch.ones_like(coarse, dtype=torch.bool)
    valid[..., 20:24, 20:24] = False
    spoiled = coarse.where(valid, 5.0)
    fine = superresolved(spoiled, 2, load_upsampling(), valid)
    left = (reduce(fine, 2) - spoiled).abs()
    assert left[valid].max() < 1e-5
    assert left[~valid].min() > 0
