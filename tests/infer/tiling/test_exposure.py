"""Brightness is a gain on physical values, to rounding, whatever the range and the weights."""

import numpy as np
import pytest

import llars
from llars.sensors import get_sensor


@pytest.mark.parametrize(("stops", "gain"), [(1.0, 2.0), (-1.0, 0.5), (0.25, 2**0.25)])
def test_a_stop_is_a_factor_of_two(stops: float, gain: float) -> None:
    scene = np.random.default_rng(0).uniform(0.05, 0.4, (4, 40, 50)).astype(np.float32)
    scene[1, 5:9, 7] = np.nan
    brighter, sigma = llars.load()(
        scene, [llars.Step("brightness", stops)], bands=get_sensor("naip").bands, uncertainty=True
    )
    np.testing.assert_allclose(brighter, gain * scene, rtol=1e-5)
    assert np.nanmax(sigma) == 0


def test_decibels_are_shifted() -> None:
    scene = np.random.default_rng(0).uniform(-25.0, -5.0, (2, 32, 32)).astype(np.float32)
    darker = llars.load()(scene, [llars.Step("brightness", -1.0)], bands=["VV", "VH"])
    # Half the power.
    np.testing.assert_allclose(darker, scene - 3.0103, atol=1e-4)


@pytest.mark.parametrize(
    ("prompt", "strength"),
    [("brighten the image by one stop", 1.0), ("darken it by half a stop", -0.5), ("brighten the image", 0.5)],
)
def test_words_name_the_stops(prompt: str, strength: float) -> None:
    (step,) = llars.load().understand(prompt)
    assert (step.task, step.severity) == ("brightness", strength)
