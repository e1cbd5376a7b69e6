"""Gaps under an initial estimate: both it and the scene as it was observed are filled there, each in its own way."""

import numpy as np
import pytest
import torch
from rasterio.transform import Affine
from tests.infer.conftest import KeywordReader, SeededEncoder
from tests.infer.scenes import RED_NIR

from llars import degrade
from llars.infer.initial.estimates import initial_estimate
from llars.infer.reading.picture import picture_of
from llars.infer.reading.sampling import statistics_of
from llars.infer.restorer import Restorer
from llars.infer.tiling.column_pass import StepInputs
from llars.model.network import Network

PROMPTS = {"denoise": "noise", "cloud": "clouds"}
HOLE = (slice(None), slice(60, 90), slice(30, 70))
APART = (slice(None), slice(90, 110), slice(20, 60))


@pytest.fixture(scope="module")
def cloudy(textured, placed):
    """A function that makes a noisy scene with clouds; a given value lies in two holes, one of them of one band."""

    def make(under=None):
        clear = torch.from_numpy(0.4 * textured(2, 128, 136))
        values = degrade.get("thick_cloud")(clear, 0.4, torch.Generator().manual_seed(1), RED_NIR).numpy()
        values += 0.03 * np.random.default_rng(2).standard_normal(values.shape).astype(np.float32)
        if under is not None:
            values[HOLE] = under
            values[1, 100:104, 100:] = under
        return placed(values, RED_NIR, Affine(10, 0, 3e5, 0, -10, 5e6), units="reflectance")

    return make


@pytest.mark.parametrize("task", PROMPTS)
def test_what_the_network_sees_in_gaps_is_finite_and_no_larger_than_elsewhere(cloudy, task):
    picture = picture_of(cloudy(np.nan))
    estimate = initial_estimate(task, picture.layers, [], picture.reflectances)
    inputs = StepInputs(estimate, observed=picture.layers)
    values, valid = inputs.channels.read(picture.window)
    assert np.isfinite(values).all()
    assert not valid[:, HOLE[1], HOLE[2]].any()
    seen = statistics_of(inputs.bands).network_input(torch.from_numpy(values)[None])
    residual, gaps = seen[0, 2:].abs().numpy(), ~valid[:2]
    assert residual[~gaps].max() > 0.1
    assert residual[gaps].max() <= residual[~gaps].max()


@pytest.mark.parametrize("task", PROMPTS)
@pytest.mark.parametrize("under", [np.inf, -np.inf])
def test_neighbours_of_gaps_are_finite_and_the_same_whatever_lies_in_them(fuser, cloudy, task, under):
    empty = cloudy(np.nan)
    result, deviation = fuser(empty, PROMPTS[task], uncertainty=True)
    gaps = np.isnan(empty.values)
    assert np.array_equal(np.isnan(result.values), gaps)
    assert np.array_equal(np.isnan(deviation.values), gaps)
    assert np.abs(result.values - empty.values)[~gaps].max() > 0.01, "a network that does nothing shows nothing"
    spoilt = fuser(cloudy(under), PROMPTS[task]).values
    np.testing.assert_array_equal(spoilt[~gaps], result.values[~gaps])


def test_neighbours_of_gaps_are_denoised_as_they_would_be_without(fuser, cloudy):
    # Untrained, the network gives the initial estimate back.
    untrained = Network(fuser.info.config).eval()
    restorer = Restorer(untrained, fuser.info, KeywordReader(), SeededEncoder(), device="cpu", precision="float32")
    whole = cloudy()
    holed = whole.copy()
    holed[APART] = np.nan
    expected, found = (restorer(scene, PROMPTS["denoise"]).values for scene in (whole, holed))
    rest = np.isfinite(holed.values)
    assert np.abs(expected - whole.values).max() > 0.03
    # The filter reaches into the gap, and the noise is measured without it.
    assert np.abs(found - expected)[rest].max() < 0.02
