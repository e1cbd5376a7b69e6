"""Instructions that contradict or repeat themselves: nothing that is asked for is dropped without a word."""

import pytest

from llars.errors import InstructionError
from llars.infer.instructions import Reader


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader()


@pytest.mark.parametrize(
    ("text", "stops"),
    [
        ("brighten, then darken", [0.5, -0.5]),
        ("brighten strongly and then darken slightly", [1.0, -0.25]),
        ("two stops brighter, then one stop darker", [1.0, -1.0]),
        ("the image is too dark, please brighten it slightly", [0.25]),
    ],
)
def test_opposite_requests_for_brightness_are_all_done(reader: Reader, text: str, stops: list[float]) -> None:
    assert [(step.task, step.severity) for step in reader.understand(text)] == [("brightness", size) for size in stops]


def test_one_request_for_both_directions_is_doubted(reader: Reader) -> None:
    found = reader.interpret("brighten and darken")
    assert [step.severity for step in found.steps] == [0.5]
    assert len(found.doubts) == 1 and found.doubts[0].endswith("it is made brighter, and 'darker' was left out")
    assert reader.interpret("too dark, brighten it").doubts == ()


@pytest.mark.parametrize("text", ["it is not bright enough", "the image isn't bright enough"])
def test_an_image_that_is_not_bright_enough_is_made_brighter(reader: Reader, text: str) -> None:
    (step,) = reader.understand(text)
    assert (step.task, step.severity > 0) == ("brightness", True)


@pytest.mark.parametrize(
    "text",
    [
        "triple the resolution, then double the resolution",
        "double the resolution, then triple the resolution",
        "double the resolution, remove the noise, then triple the resolution",
    ],
)
def test_different_scales_in_one_instruction_are_refused(reader: Reader, text: str) -> None:
    with pytest.raises(InstructionError, match=r"names several scales, x\d in '.*; name a single one: x2, x3 or x4$"):
        reader.understand(text)


@pytest.mark.parametrize(
    "text", ["increase the resolution, then upscale it x3", "upscale it x3, x3", "make it finer. x3"]
)
def test_a_scale_that_is_named_once_or_repeated_counts(reader: Reader, text: str) -> None:
    assert [step.scale for step in reader.understand(text)] == [3]


@pytest.mark.parametrize("text", ["the image is not noisy", "there is no haze"])
def test_a_fault_that_is_said_to_be_absent_is_not_mended(reader: Reader, text: str) -> None:
    with pytest.raises(InstructionError, match="asks for nothing that llars does"):
        reader.understand(text)


def test_only_the_fault_that_is_present_is_mended(reader: Reader) -> None:
    assert [step.task for step in reader.understand("the image is not hazy, but blurry")] == ["deblur"]
