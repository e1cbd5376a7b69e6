"""Radar in decibel, in power, or in neither."""

import re

import numpy as np
import pytest

from llars.errors import RasterError, ValueRangeError
from llars.infer.reading import sampling
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


def test_power_that_lies_between_the_sample_blocks_is_converted(monkeypatch):
    monkeypatch.setattr(sampling, "SAMPLE", 2**14)
    monkeypatch.setattr(sampling, "SAMPLE_BLOCK", 16)
    values, said = np.full((1, 500, 500), np.nan, dtype=np.float32), []
    values[:, 20:50, 20:50] = np.random.default_rng(1).exponential(0.1, (30, 30))
    source = ImageSource(values)
    assert not any(np.isfinite(source.read(block)).any() for block in sampling.sample_blocks(500, 500))
    assert in_decibels(source, None, "radar.tif", said.append) is not source
    assert "taken for linear power" in said[0]


@pytest.mark.parametrize("units", [None, "dB", "power"])
def test_radar_without_data_is_refused(units):
    with pytest.raises(RasterError, match=r"radar\.tif has no data: .*; check its nodata value"):
        in_decibels(ImageSource(np.full((1, 40, 40), np.nan, np.float32)), units, "radar.tif", str)
