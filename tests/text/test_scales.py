"""Factors of resolution in words, and what is refused instead of being doubled."""

import pytest

from llars.errors import InstructionError
from llars.text.scales import asks_for_coarser, scale_in, scale_of


@pytest.mark.parametrize(
    ("text", "scale"),
    [
        ("quarter the pixel size", 4), ("halve the pixel size", 2), ("10 m -> 2.5 m", 4), ("upsample to 200 %", 2),
        ("increase the resolution by 100 %", 2), ("reduce the pixel size by 50 %", 2), ("upscale by 400 %", 4),
        ("scale=3", 3),
        ("reduce the pixels to a third of their size", 3),
    ],
)  # fmt: skip
def test_factors_of_sizes_and_percentages(text: str, scale: int) -> None:
    assert scale_in(text) == scale


@pytest.mark.parametrize(
    ("text", "said"),
    [("upsample by 150 %", "1.5 times finer"), ("10 m to 20 m", "2 times coarser"), (".5x", "2 times coarser")],
)
def test_other_factors_are_refused_by_their_value(text: str, said: str) -> None:
    with pytest.raises(InstructionError, match=said):
        scale_in(text)


def test_a_size_that_gives_no_factor_is_refused_and_not_doubled() -> None:
    with pytest.raises(
        InstructionError, match=r"names a pixel size \(2\.5 m\).*'resample to 2\.5 m' as a clause of its own$"
    ):
        scale_of("super-resolve to 2.5 m")
    with pytest.raises(InstructionError, match=r"names a pixel size \(2\.5 m\)"):
        scale_of("get 2.5m")
    assert scale_of("the 10 m bands are too coarse") == 2


@pytest.mark.parametrize("text", ["double the pixel size", "quarter the resolution", "larger pixels"])
def test_larger_pixels_are_a_coarser_grid(text: str) -> None:
    assert asks_for_coarser(text)
    with pytest.raises(InstructionError, match="coarser grid"):
        scale_of(text)
