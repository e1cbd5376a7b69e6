"""Radar in decibel, in power, or in neither."""

import re

import numpy as np
import pytest

from llars.errors import ValueRangeError
from llars.infer.reading.radar import in_decibels
from llars.infer.reading.sources import ImageSource


@pytest.mark.parametrize(("power", "fits"), [(1.0, True), (1000.0, False)])
def test_the_share_that_is_told_lies_between_the_values_that_are_told(power, fits):
    values = np.random.default_rng(1).exponential(power, (1, 200, 200)).astype(np.float32)
    said = []
    if fits:
        in_decibels(ImageSource(values), None, "radar.tif", said.append)
    else:
        with pytest.raises(ValueRangeError) as refused:
            in_decibels(ImageSource(values), None, "radar.tif", said.append)
        said = [str(refused.value)]
    found = re.match(r"radar.tif holds values from (\S+) to (\S+) \((\d+) % of them\)", said[0])
    low, high, share = (float(number) for number in found.groups())
    # The ends are told with three digits.
    assert np.mean((values >= low) & (values <= high)) == pytest.approx(share / 100, abs=0.005)
