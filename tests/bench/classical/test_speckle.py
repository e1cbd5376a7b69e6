"""Rivals for speckle on intensities with a known truth."""

import numpy as np
import pytest

from llars import metrics
from llars.bench.classical import speckle

FILTERS = [speckle.lee, speckle.refined_lee, speckle.frost, speckle.kuan, speckle.gamma_map, speckle.bm3d_log]


@pytest.fixture
def fields() -> np.ndarray:
    """Two fields of different brightness that meet in a slanted edge, one band of intensities."""
    y, x = np.mgrid[:48, :64]
    return np.where(x > 20 + y / 4, 0.2, 0.05)[None].astype(np.float32)


def speckled(fields: np.ndarray, looks: int) -> np.ndarray:
    rng = np.random.default_rng(1)
    return (fields * rng.gamma(looks, 1 / looks, fields.shape)).astype(np.float32)


@pytest.mark.parametrize("method", FILTERS)
@pytest.mark.parametrize("looks", [1, 4])
def test_speckle_is_reduced_and_the_mean_kept(fields, method, looks):
    noisy = speckled(fields, looks)
    filtered = method(noisy, float(looks))
    assert metrics.psnr(filtered, fields) > metrics.psnr(noisy, fields) + 3
    flat = np.s_[:, 18:, 2:18]
    assert metrics.enl(filtered[flat]) > 5 * looks
    # A mean of 480 samples of L looks has a standard error of 4.6 % / sqrt(L).
    assert filtered[flat].mean() == pytest.approx(noisy[flat].mean(), rel=0.1 / np.sqrt(looks))


@pytest.mark.parametrize("method", FILTERS)
def test_what_has_no_speckle_keeps_its_edge(fields, method):
    # With very many looks expected, whatever varies is signal.
    filtered = method(fields, 1e4)
    assert np.abs(filtered - fields).max() < 0.02


def test_the_refined_filter_leaves_edges_sharper(fields):
    noisy = speckled(fields, 4)
    edge = np.abs(np.diff(fields[0], axis=1)) > 0
    near = np.zeros_like(fields[0], bool)
    for shift in range(-3, 4):
        near |= np.roll(np.pad(edge, ((0, 0), (0, 1))), shift, axis=1)
    errors = [np.abs(method(noisy, 4.0) - fields)[0][near].mean() for method in (speckle.refined_lee, speckle.lee)]
    assert errors[0] < errors[1]


def test_decibels_go_there_and_back():
    decibels = np.random.default_rng(2).uniform(0.2, 0.8, (2, 16, 18)).astype(np.float32)
    same = speckle.in_power(decibels, lambda power, looks: power, 1.0, (-30.0, 10.0))
    np.testing.assert_allclose(same, decibels, atol=1e-6)
    doubled = speckle.in_power(decibels, lambda power, looks: power * looks, 10.0, (-30.0, 10.0))
    np.testing.assert_allclose(doubled, decibels + 10 / 40, atol=1e-6)
