"""What files of standard deviations say of themselves."""

import rasterio
from tests.commands import plain, write

from llars.infer.job import restore_file
from llars.infer.raster.uncertainty import interval_tags
from llars.tasks import Step

UNKNOWN = "00" * 32
TAG = "LLARS_HALF_WIDTHS"


def test_weights_that_nobody_calibrated_are_taken_at_their_word():
    tags = interval_tags(UNKNOWN, [Step("denoise", 0.5)])
    assert tags[TAG] == "50%: 0.49, 68%: 0.81, 80%: 1.14, 90%: 1.63, 95%: 2.12"


def test_of_several_steps_nothing_is_said():
    assert interval_tags(UNKNOWN, [Step("denoise", 0.5), Step("haze", 0.5)]) == {}


def test_the_uncertainty_says_it_and_the_image_does_not(tmp_path, tiny_weights):
    source, image, sigma = write(tmp_path / "in.tif", plain()), tmp_path / "out.tif", tmp_path / "sigma.tif"
    restore_file(source, image, "reduce the noise", model=str(tiny_weights), uncertainty=sigma)
    with rasterio.open(image) as first, rasterio.open(sigma) as second:
        assert TAG not in first.tags()
        assert second.tags()[TAG].startswith("50%: ")
        assert second.tags()["LLARS_PROMPT"] == "reduce the noise"
