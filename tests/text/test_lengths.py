"""Lengths in words: which one is a pixel size that is asked for, and the ratio of two."""

import pytest

from llars.text.lengths import length_wanted, pixel_size_in, plain_arrows, ratio_in


@pytest.mark.parametrize(
    ("text", "ratio"),
    [
        ("from 10 m to 5 m", 2), ("10 m -> 2.5 m", 4), ("bring the 10m bands to 2,5 m", 4),
        ("from 10 to 2.5 metres", 4),
        ("1 m to 25 cm", 4), ("to 5 m", None), ("10 m; to 5 m", None), ("go from 10 m x 10 m to 5 m x 5 m", 2),
    ],
)  # fmt: skip
def test_the_ratio_of_two_lengths(text: str, ratio: float | None) -> None:
    assert ratio_in(text) == (None if ratio is None else pytest.approx(ratio))


def test_an_arrow_between_lengths_is_no_conjunction() -> None:
    assert plain_arrows("10 m -> 5 m -> sharpen") == "10 m to 5 m -> sharpen"


@pytest.mark.parametrize("text", ["the 10 m bands", "10 m is too coarse", "20 m pixels are too big for me", "3 bands"])
def test_what_is_there_is_not_asked_for(text: str) -> None:
    assert length_wanted(text) is None


def test_a_length_in_words_of_another_task_is_no_pixel_size() -> None:
    assert pixel_size_in("denoise to a 5 m resolution") is None and length_wanted("denoise to a 5 m resolution") == 5
