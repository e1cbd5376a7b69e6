"""Pixel sizes in words, and the factor that reaches them."""

import numpy as np
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


@pytest.mark.parametrize(
    ("prompt", "metres"),
    [
        ("super-resolve to 2.5 m", 2.5), ("upscale to 3 m", 3), ("enlarge to 2.5 m", 2.5), ("zoom to 2.5 m", 2.5),
        ("refine to 2.5 m", 2.5), ("2.5 m resolution", 2.5), ("make 2.5 m pixels", 2.5), ("to 2.5 m", 2.5),
        ("resample to 2,5 m", 2.5), ("resample to 250 cm", 2.5), ("change GSD to 333 cm", 3.33), ("GSD of 5 m", 5),
        ("sharpen to 5 metre pixels", 5), ("we need 5 m pixels", 5), ("super-resolve to five metres", 5),
        ("change the pixel size to 2.5 m x 2.5 m", 2.5), ("10 m is too coarse, 5 m please", 5),
        ("upscale to 1 km", 1000),
    ],
)  # fmt: skip
def test_sizes_are_found_in_other_words(prompt, metres) -> None:
    assert pixel_size_request(prompt).metres == pytest.approx(metres)


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("resample to 5 m, then sharpen", "double the resolution, then sharpen"),
        ("denoise, then resample to 5 m, then sharpen", "denoise, then double the resolution, then sharpen"),
        ("sharpen after resampling to 5 m", "sharpen after doubling the resolution"),
        ("sharpen, but first resample to 5 m", "sharpen, but first double the resolution"),
        ("resample to 5 m -> sharpen", "double the resolution -> sharpen"),
        ("resample to 5 m.", ""),
        ("denoise, bring it to 10 m", "denoise"),
    ],
)
def test_the_factor_takes_the_place_of_the_size_so_that_the_order_stays(prompt, words) -> None:
    assert pixel_size_request(prompt).resolved(10.0) == (words, None if "10 m" in prompt else 2)


@pytest.mark.parametrize(
    "prompt",
    [
        "remove the haze", "despeckle down to 3 m", "double the resolution", "x2", "", "super-resolve the 10 m bands",
        "10 m is too coarse", "denoise but don't resample to 5 m", "bring the 30 m bands to 15 m with the pan band",
        "crop it to 500 m", "denoise it at 10 m",
    ],
)  # fmt: skip
def test_other_instructions_are_left_to_the_reader(prompt) -> None:
    assert pixel_size_request(prompt, several=True) is None


def test_a_factor_between_two_sizes_is_the_readers_where_there_is_one_grid() -> None:
    assert pixel_size_request("take the image from 10 m to 5 m", several=False) is None
    assert pixel_size_request("10 m -> 2.5 m") is None
    assert pixel_size_request("take the image from 20 m to 10 m", several=True).metres == 10
    # Which pixels the bands have now is known better from the image.
    assert pixel_size_request("20 m bands to 10 m please").metres == 10


@pytest.mark.parametrize(("pixel_m", "scale"), [(10.0, 2), (15.0, 3), (19.7, 4), (4.95, None)])
def test_the_scale_is_the_ratio_of_the_sizes(pixel_m, scale) -> None:
    assert pixel_size_request("resample to 5 m").scale(pixel_m) == scale


def test_a_size_out_of_reach_is_refused_with_those_within() -> None:
    with pytest.raises(InstructionError, match=r"10 m wide.*1\.43 times.*possible are 5, 3\.33, 2\.5 m"):
        pixel_size_request("bring it to 7 m").scale(10.0)


@pytest.mark.parametrize("prompt", ["0.5 m resolution", "1.5 m resolution", "1. 0.5 m resolution"])
def test_the_number_is_quoted_whole(prompt) -> None:
    size = pixel_size_request(prompt)
    assert size.text == prompt.removeprefix("1. ")


def test_nothing_is_guessed_where_the_pixels_have_no_size() -> None:
    with pytest.raises(ConfigError, match="--scale 2"):
        pixel_size_request("bring it to 5 m").scale(None)


def test_a_coarser_size_is_called_coarser() -> None:
    with pytest.raises(InstructionError, match=r"10 m wide, that is 2 times coarser; llars makes grids finer only"):
        pixel_size_request("resample to 20 m").scale(10.0)


@pytest.mark.parametrize("prompt", ["bring it to 2.5 m", "reduce the noise, then resample it to 2.5 m"])
def test_a_size_in_metres_is_reached_in_memory_and_lazily(restorer, data_array, prompt):
    result = restorer(data_array, prompt)
    assert result.shape == (2, 160, 192)
    assert float(result.x[1] - result.x[0]) == 2.5
    np.testing.assert_array_equal(restorer(data_array.chunk(), prompt).values, result.values)


def test_a_size_that_the_pixels_have_already_is_nothing_to_do(restorer, data_array):
    with pytest.raises(ConfigError, match="10 m wide already"):
        restorer(data_array, "bring it to 10 m")
