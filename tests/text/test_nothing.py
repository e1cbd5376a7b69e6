"""Amounts of zero are told from those that change something."""

import pytest

from llars.text.nothing import asks_for_no_change


@pytest.mark.parametrize(
    ("task", "text"),
    [
        ("brightness", "brighten by 0%"), ("brightness", "brighten by 0.0 %"), ("brightness", "brighten it by 0 stops"),
        ("brightness", "darken by zero"), ("brightness", "brighten by 0 EV"), ("brightness", "darken by zero stops"),
        ("brightness", "brighten it by nothing"), ("brightness", "brightness +0"), ("brightness", "exposure -0 EV"),
        ("denoise", "denoise at 0%"), ("denoise", "denoise by 0"), ("haze", "dehaze by zero percent"),
        ("deblur", "sharpen 0 %"), ("denoise", "denoise, strength zero"), ("haze", "haze=0"),
        ("haze", "remove 0 % of the haze"), ("stretch", "stretch, strength 0"),
    ],
)  # fmt: skip
def test_an_amount_of_zero_changes_nothing(task: str, text: str) -> None:
    assert asks_for_no_change(task, text)


@pytest.mark.parametrize(
    ("task", "text"),
    [
        ("brightness", "brighten by 0.5 stops"), ("brightness", "brighten by 0,5 EV"), ("brightness", "darken by 10 %"),
        ("brightness", "brighten by 0-10 %"), ("brightness", "brighten by 20 %"), ("brightness", "brighten it"),
        ("denoise", "reduce the noise to 0 %"), ("denoise", "denoise by 0.5"), ("denoise", "denoise band 10"),
        ("stretch", "stretch 0-100 %"), ("cloud", "remove the clouds, cloud cover 0 %"),
        ("denoise", "zero noise please"),
        ("sr", "upscale by 0"), ("denoise", "denoise by 0.5 m"),
    ],
)  # fmt: skip
def test_other_amounts_change_something(task: str, text: str) -> None:
    assert not asks_for_no_change(task, text)
