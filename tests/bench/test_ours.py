"""The ways in which ours is measured."""

from __future__ import annotations

import numpy as np
import pytest

from llars.bands import Band
from llars.bench.cases import Case, Scene
from llars.bench.ours import restore_with, runs_of_llars
from llars.bench.protocols import OURS, OURS_FEW, OURS_SHUFFLED, OURS_UNPROJECTED, Trial


def case_of(count: int, **settings) -> Case:
    bands = tuple(Band(f"B{i}", 400.0 + 50 * i) for i in range(count))
    image = np.random.default_rng(0).random((count, 16, 16)).astype(np.float32)
    scene = Scene("s", "d / s", bands, image, np.ones((16, 16), bool), (0.0, 1.0), True)
    trial = Trial("noise", "denoise", "reduce the noise", 0.5, "gaussian_noise", **settings)
    return Case(scene, trial, image, image, image, bands)


@pytest.mark.parametrize(("count", "sizes"), [(10, [4, 3, 3]), (4, [2, 2]), (3, [2, 1]), (2, [1, 1])])
def test_bands_are_shuffled_and_given_few_at_a_time_and_come_back_in_their_order(count, sizes):
    given = []

    def restore(case, words, project=True):
        given.append([band.name for band in case.bands])
        # Told apart by their bands alone: whoever mixes them up is found out.
        offsets = np.array([band.wavelength_nm for band in case.bands], np.float32)
        return case.degraded + offsets[:, None, None]

    case = case_of(count, rearranged=True)
    images = {name: run() for name, run in runs_of_llars(case, restore, seed=5)}
    assert list(images) == [OURS, OURS_SHUFFLED, OURS_FEW]
    np.testing.assert_array_equal(images[OURS_SHUFFLED], images[OURS])
    np.testing.assert_array_equal(images[OURS_FEW], images[OURS])
    own = [band.name for band in case.bands]
    assert given[0] == own and given[1] != own and sorted(given[1]) == own
    assert [len(group) for group in given[2:]] == sizes
    first = list(given)
    given.clear()
    for _, run in runs_of_llars(case, restore, seed=5):
        run()
    assert given == first


def test_one_band_has_no_other_order():
    assert [name for name, _ in runs_of_llars(case_of(1, rearranged=True), lambda case, words: case.degraded, 5)] == [
        OURS
    ]


def test_the_projection_is_left_out_where_the_trial_asks_for_it():
    told = []

    def restorer(image, prompt, **options):
        told.append(options)
        return image.values

    for _, run in runs_of_llars(case_of(3, unprojected=True), restore_with(restorer), 5):
        run()
    assert told == [{}, {"project": False}]
    assert [name for name, _ in runs_of_llars(case_of(3), restore_with(restorer), 5)] == [OURS]
    assert OURS_UNPROJECTED not in [name for name, _ in runs_of_llars(case_of(3), restore_with(restorer), 5)]
