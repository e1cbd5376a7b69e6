"""Facts about the words that ask for a fault instead of its repair, or deny it."""

import pytest

from llars.text.spoiling import asks_for_fault, plain_wishes, without_denied


@pytest.mark.parametrize(
    "text",
    [
        "add noise", "please add some Poisson noise to it", "make it hazy", "make the picture look foggy",
        "increase the haze", "make it less sharp", "smudge it a bit", "fog it up", "blur the faces",
        "can you add clouds over the lake?",
    ],
)  # fmt: skip
def test_requests_for_a_fault(text: str) -> None:
    assert asks_for_fault(text)


@pytest.mark.parametrize(
    "text",
    [
        "add noise reduction", "add a grain filter", "add a step that removes the noise",
        "remove the haze and add grain", "make the hazy parts clear", "make it less noisy",
        "make it not so blurry", "make the noisy bands clean",
        "de-fog this", "please de-blur it for me", "un-blur the background",
        "boost the noise reduction", "why did you add noise?", "the haze makes it blurry", "increase the sharpness",
    ],
)  # fmt: skip
def test_requests_for_the_repair(text: str) -> None:
    assert not asks_for_fault(text)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("the image is not noisy", ""),
        ("it isn't very hazy.", ""),
        ("not hazy", ""),
        ("it's not blurry", ""),
        ("remove the stripes, not noisy", "remove the stripes"),
        ("there is no haze, but there are stripes", "there are stripes"),
        ("remove the stripes, there is no noise", "remove the stripes"),
    ],
)
def test_statements_that_a_fault_is_absent_are_left_out(text: str, left: str) -> None:
    assert without_denied(text) == left


@pytest.mark.parametrize(
    "text", ["no noise", "the image is not sharp", "make sure it is not noisy", "there is no contrast", "not so noisy"]
)
def test_requests_with_not_or_no_stay(text: str) -> None:
    assert without_denied(text) == text


def test_a_wish_for_the_absence_of_a_fault_is_one_for_less_of_it() -> None:
    assert plain_wishes("make it not hazy") == "make it less hazy"
    assert plain_wishes("make the image look not so noisy") == "make the image look less noisy"
    assert plain_wishes("it is not hazy") == "it is not hazy"
