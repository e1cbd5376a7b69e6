"""Words about the grid: how many times finer, to which pixel size, and what is refused."""

import re

import pytest

from llars import load
from llars.errors import InstructionError
from llars.infer.instructions import Reader
from llars.text.scales import scale_in


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader()


@pytest.mark.parametrize("text", ["lower the resolution", "reduce the spatial resolution by two"])
def test_a_coarser_grid_is_refused(reader: Reader, text: str) -> None:
    with pytest.raises(
        InstructionError, match=r"coarser grid; llars makes grids finer|asks for nothing that llars does"
    ):
        reader.understand(text)


@pytest.mark.parametrize(
    "text",
    [
        "halve the resolution", "Halve the spatial resolution, please", "halving the resolution", "half the resolution",
        "I want the resolution halved", "remove the noise, then halve the resolution",
    ],
)  # fmt: skip
def test_half_the_resolution_is_refused_and_not_doubled(reader: Reader, text: str) -> None:
    with pytest.raises(InstructionError, match="coarser grid; llars makes grids finer only"):
        reader.understand(text)


def test_pixels_of_half_the_size_are_twice_the_resolution(reader: Reader) -> None:
    (step,) = reader.understand("halve the pixel size")
    assert (step.task, step.scale, step.text) == ("sr", 2, "halve the pixel size")


def test_resolution_has_a_scale_and_its_severity(reader: Reader) -> None:
    for text, scale in (("increase the resolution", 2), ("upsample x3", 3), ("four times the resolution", 4)):
        (step,) = reader.understand(text)
        assert (step.task, step.scale, step.severity) == ("sr", scale, pytest.approx((scale - 1) / 3))
    with pytest.raises(InstructionError, match="8 times finer; llars does x2, x3 and x4"):
        reader.understand("upsample the image by a factor of 8")


@pytest.mark.parametrize(
    ("text", "scale"),
    [
        ("double it", 2), ("x3", 3), ("×2", 2), ("4x", 4), ("four times finer", 4), ("threefold", 3), ("triple res", 3),
        ("by a factor of 2", 2), ("make the pixels half as big", 2), ("go from 10 m to 5 m", 2),
        ("bring the 10m bands to 2.5m", 4), ("super-resolve it", None), ("10 m is too coarse", None),
        ("the 3 bands of S2", None), ("x2.0", 2), ("sharpen it by x3.", 3), ("denoise,2x", 2), ("down by 2.5 m", None),
    ],
)  # fmt: skip
def test_scale_in_words(text: str, scale: int | None) -> None:
    assert scale_in(text) == scale


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("upscale x2.5", "2.5"), ("a factor of 2.5", "2.5"), ("1.5 times finer", "1.5"), ("2.5x", "2.5"),
        ("by 3,5", "3.5"), ("x4.25", "4.25"),
    ],
)  # fmt: skip
def test_a_decimal_scale_is_read_whole_and_refused(text: str, found: str) -> None:
    with pytest.raises(InstructionError, match=rf" {re.escape(found)} times finer; llars does x2, x3 and x4"):
        scale_in(text)


def test_a_decimal_scale_is_refused_from_the_instruction(reader: Reader) -> None:
    with pytest.raises(InstructionError, match=r"2\.5 times finer"):
        reader.understand("upscale x2.5")


@pytest.mark.parametrize(("text", "scale"), [("10 m -> 2.5 m", 4), ("quarter the pixel size", 4)])
def test_sizes_are_done_as_they_are_named(reader: Reader, text: str, scale: int) -> None:
    assert [(step.task, step.scale) for step in reader.understand(text)] == [("sr", scale)]


@pytest.mark.parametrize("text", ["super-resolve to 2.5 m", "denoise, then resample to 5 m"])
def test_a_size_without_that_of_the_pixels_is_refused(reader: Reader, text: str) -> None:
    with pytest.raises(InstructionError, match="names a pixel size"):
        reader.understand(text)


@pytest.mark.parametrize(
    ("prompt", "tasks_in_order"),
    [
        ("resample to 5 m, then sharpen", ["sr", "deblur"]),
        ("denoise, then resample to 5 m, then sharpen", ["denoise", "sr", "deblur"]),
        ("sharpen after resampling to 5 m", ["sr", "deblur"]),
        ("sharpen, but first resample to 5 m", ["sr", "deblur"]),
    ],
)
def test_a_size_keeps_its_place_in_the_order(prompt: str, tasks_in_order: list[str]) -> None:
    assert [(step.task, step.scale) for step in load().plan(prompt, pixel_m=10.0)] == [
        (task, 2 if task == "sr" else 1) for task in tasks_in_order
    ]
