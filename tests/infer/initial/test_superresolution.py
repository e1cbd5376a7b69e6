"""A finer grid is the same in every window."""

import numpy as np
import pytest
from tests.infer.initial.test_estimates import layers
from tests.shapes import discs

from llars.infer.initial.estimates import initial_estimate
from llars.infer.initial.superresolution import Superresolved
from llars.infer.reading.layers import Constrained, Enlarged
from llars.infer.tiles import Window
from llars.weights.estimators import load_upsampling


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_windows_show_no_edges(factor: int) -> None:
    start = Superresolved(Enlarged(layers(discs(4, 90).expand(1, 2, 90, 90)), factor), load_upsampling())
    whole, there = start.compute(Window(0, 0, 90 * factor, 90 * factor))
    assert whole.shape == (2, 90 * factor, 90 * factor) and there.all()
    for window in (Window(0, 0, 40, 31), Window(37, 85, 122, 170), Window(90, 101, 90 * factor, 90 * factor)):
        np.testing.assert_allclose(start.compute(window)[0], whole[(slice(None), *window.slices)], atol=1e-5)


def test_a_small_scene_is_made_once_and_its_area_means_are_held() -> None:
    start = initial_estimate("sr", Enlarged(layers(discs(4, 40)), 2), [])
    assert isinstance(start, Superresolved) and isinstance(start, Constrained) and start.whole is not None
    image = start.read(Window(0, 0, 80, 80))[0] + 0.1
    start.enforce(image, Window(0, 0, 80, 80), None)
    np.testing.assert_allclose(image.reshape(1, 40, 2, 40, 2).mean((2, 4)), discs(4, 40)[0].numpy(), atol=1e-5)
