"""What files of standard deviations say of themselves."""

from dataclasses import replace

import pytest
import rasterio
from tests.commands import plain, write

from llars.infer.job import restore_file
from llars.infer.raster import uncertainty
from llars.infer.raster.uncertainty import interval_tags
from llars.model.config import preset
from llars.tasks import Step
from llars.weights.registry import WeightsInfo
from llars.weights.temperatures import Calibration

WEIGHTS = WeightsInfo(preset("llars-tiny"), ("denoise", "haze"), "0", {}, 1, "00" * 32)
TAG = "LLARS_HALF_WIDTHS"


@pytest.fixture
def calibrated(monkeypatch):
    """Noise reduction is calibrated for all weights, and found to be what its Laplace distribution says."""
    monkeypatch.setattr(uncertainty, "calibrations_of", lambda _: {"denoise": Calibration()})


def test_intervals_are_told_in_standard_deviations(calibrated):
    tags = interval_tags(WEIGHTS, [Step("denoise", 0.5)])
    assert tags == {TAG: "50%: 0.49, 68%: 0.81, 80%: 1.14, 90%: 1.63, 95%: 2.12"}


def test_of_what_nobody_calibrated_nothing_is_said(calibrated):
    assert interval_tags(WEIGHTS, [Step("denoise", 0.5), Step("haze", 0.5)]) == {}
    assert interval_tags(WEIGHTS, [Step("haze", 0.5)]) == {}
    adapted = replace(WEIGHTS, training={"adapters": [{"sha256": "11" * 32, "method": "adapter"}]})
    assert interval_tags(adapted, [Step("denoise", 0.5)]) == {}


def test_of_weights_that_nobody_calibrated_nothing_is_said():
    assert interval_tags(WEIGHTS, [Step("denoise", 0.5)]) == {}


def test_the_uncertainty_says_it_and_the_image_does_not(tmp_path, tiny_weights, calibrated):
    source, image, sigma = write(tmp_path / "in.tif", plain()), tmp_path / "out.tif", tmp_path / "sigma.tif"
    restore_file(source, image, "reduce the noise", model=str(tiny_weights), uncertainty=sigma)
    with rasterio.open(image) as first, rasterio.open(sigma) as second:
        assert TAG not in first.tags()
        assert second.tags()[TAG].startswith("50%: ")
        assert second.tags()["LLARS_PROMPT"] == "reduce the noise"
