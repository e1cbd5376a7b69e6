"""Pixel sizes in words, and the factor that reaches them."""

import pytest

from llars.errors import ConfigError, InstructionError
from llars.infer.pixel_sizes import pixel_size_request


@pytest.mark.parametrize(
    ("prompt", "metres", "rest"),
    [
        ("bring all bands to 10 m", 10, ""),
        ("resample everything to 2.5 metres.", 2.5, ""),
        ("bring all bands to 10 m, then remove the haze", 10, "remove the haze"),
        ("Remove the haze and put all bands on a 10-m grid.", 10, "Remove the haze"),
        ("denoise, bring the bands to 10m and dehaze", 10, "denoise, then dehaze"),
        ("bring the 20 m bands to 10 m", 10, ""),
    ],
)
def test_sizes_are_found_and_the_rest_stays(prompt, metres, rest) -> None:
    wish = pixel_size_request(prompt, several=True)
    assert (wish.metres, wish.rest) == (metres, rest)


@pytest.mark.parametrize("prompt", ["remove the haze", "despeckle down to 3 m", "double the resolution", "x2", ""])
def test_other_instructions_are_left_to_the_reader(prompt) -> None:
    assert pixel_size_request(prompt, several=True) is None


def test_a_factor_between_two_sizes_is_the_readers_where_there_is_one_grid() -> None:
    assert pixel_size_request("take the image from 10 m to 5 m", several=False) is None
    assert pixel_size_request("take the image from 20 m to 10 m", several=True).metres == 10


@pytest.mark.parametrize(("pixel_m", "scale"), [(10.0, 2), (15.0, 3), (19.7, 4), (4.95, None)])
def test_the_scale_is_the_ratio_of_the_sizes(pixel_m, scale) -> None:
    assert pixel_size_request("resample to 5 m").scale(pixel_m) == scale


def test_a_size_out_of_reach_is_refused_with_those_within() -> None:
    with pytest.raises(InstructionError, match=r"10 m wide.*1\.43 times.*possible are 5, 3\.33, 2\.5 m"):
        pixel_size_request("bring it to 7 m").scale(10.0)


def test_nothing_is_guessed_where_the_pixels_have_no_size() -> None:
    with pytest.raises(ConfigError, match="--scale 2"):
        pixel_size_request("bring it to 5 m").scale(None)
