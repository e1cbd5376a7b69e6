"""Factors of resolution in words, and what is refused instead of being doubled."""

import pytest

from llars.errors import InstructionError
from llars.text.scales import asks_for_coarser, repeats, scale_in, scale_of


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


@pytest.mark.parametrize(
    ("text", "listed"),
    [
        ("upscale by 2 and 3", "x2 and x3"), ("2-3x", "x2 and x3"), ("upsample 2x or 3x", "x2 and x3"),
        ("upscale by 2, 4", "x2 and x4"), ("double or triple the resolution", "x2 and x3"),
        ("2 or 3 times finer", "x2 and x3"),
    ],
)  # fmt: skip
def test_several_factors_in_one_request_are_refused(text: str, listed: str) -> None:
    with pytest.raises(InstructionError, match=f"names several scales, {listed}; name a single one"):
        scale_in(text)


@pytest.mark.parametrize(
    ("text", "scale"),
    [
        ("double the resolution twice", 4), ("double the resolution and then double it again", 4), ("x2 two times", 4),
        ("double the resolution again", 2), ("upscale twice", 2), ("upscale 3", 3), ("SR 4", 4), ("x2, 10 m bands", 2),
        ("upscale x2 and sharpen the 3 bands", 2), ("a double-page spread at x3", 3), ("upsample 10 m bands", None),
    ],
)  # fmt: skip
def test_factors_once_and_again(text: str, scale: int | None) -> None:
    assert scale_in(text) == scale


def test_what_asks_for_a_still_finer_grid() -> None:
    assert all(map(repeats, ("double it again", "and again", "twice", "2x again", "upscale it once more")))
    assert not any(map(repeats, ("double it", "denoise again", "sharpen twice", "twice the resolution")))


def test_a_factor_of_zero_is_refused() -> None:
    with pytest.raises(InstructionError, match="asks for the factor 0; llars does x2, x3 and x4"):
        scale_in("upscale x0")


@pytest.mark.parametrize("text", ["double the pixel size", "quarter the resolution", "larger pixels"])
def test_larger_pixels_are_a_coarser_grid(text: str) -> None:
    assert asks_for_coarser(text)
    with pytest.raises(InstructionError, match="coarser grid"):
        scale_of(text)
