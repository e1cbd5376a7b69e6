"""Facts about the words that ask for a fault instead of its repair."""

import pytest

from llars.text.spoiling import asks_for_fault


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
