"""What llars does not do is refused in one line that says what to do instead, or told in a note."""

import pytest

from llars.errors import InstructionError
from llars.infer.instructions import Reader
from llars.infer.pixel_sizes import pixel_size_request
from llars.tasks import TASK_KEYS


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("brighten by 0%", "asks for no change at all"),
        ("brighten by 0 stops", "asks for no change at all"),
        ("denoise at 0%", "asks for no change at all"),
        ("remove the haze, then darken by zero", "asks for no change at all"),
        ("fill gaps", "asks to fill missing pixels"),
        ("SLC-off gap filling", "asks to fill missing pixels"),
        ("interpolate the missing lines of SLC-off", "asks to fill missing pixels"),
        ("fill the nodata", "asks to fill missing pixels"),
        ("cloud masking", "asks where the clouds are"),
        ("cloud mask", "asks where the clouds are"),
        ("detect clouds", "asks where the clouds are"),
        ("cloud screening", "asks where the clouds are"),
        ("create a cloud mask", "asks where the clouds are"),
        ("auto", "names no fault; leave out -p"),
        ("enhance", "names no fault; leave out -p"),
        ("fix all faults", "names no fault; leave out -p"),
        ("normalize", "could mean several things"),
        ("not hazy", "says that a fault is absent"),
        ("it's not hazy", "says that a fault is absent"),
        ("upscale by 2 and 3", "names several scales, x2 and x3"),
        ("upsample 2x or 3x", "names several scales, x2 and x3"),
        ("triple the resolution twice", "9 times finer; llars does x2, x3 and x4"),
        ("fix the exposure", "does not say which way"),
    ],
)
def test_a_refusal_says_what_to_do(reader: Reader, text: str, said: str) -> None:
    with pytest.raises(InstructionError) as caught:
        reader.understand(text)
    assert said in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("prompt", ["blah " * 1000, "denoise strength 5 " + "x" * 5000, "remove gaps " + "big " * 1500])
def test_a_long_instruction_is_quoted_shortened(reader: Reader, prompt: str) -> None:
    with pytest.raises(InstructionError, match="…") as caught:
        reader.understand(prompt)
    assert len(str(caught.value)) < 600


def test_the_words_of_a_step_are_shortened(reader: Reader) -> None:
    (step,) = reader.understand("use the radar to see through " + "the big " * 600 + "clouds")
    assert len(step.text) <= 120 and step.text.startswith("use the radar")
    with pytest.raises(InstructionError, match="…") as caught:
        pixel_size_request("upscale to 7 m " + "very nice " * 500).scale(10.0)
    assert len(str(caught.value)) < 300


def test_the_suggested_words_are_understood(reader: Reader) -> None:
    for key in TASK_KEYS:
        with pytest.raises(InstructionError) as caught:
            Reader(tasks=(key,)).understand("write me a poem")
        assert [step.task for step in reader.understand(str(caught.value).rpartition(": ")[2])] == [key]


@pytest.mark.parametrize(
    ("text", "task", "note"),
    [
        ("stretch 1 99", "stretch", "names other limits than 2 and 98 %; llars cuts 2 % at either end, and does that"),
        (
            "denoise with sigma 10",
            "denoise",
            "gives a value to a parameter (sigma 10), which no step takes; say 'sligh",
        ),
        ("CLAHE", "equalize", "names a method (CLAHE); plain histogram equalisation is used instead"),
        ("denoise with BM3D", "denoise", "names a method (BM3D); llars has its own, which is used instead"),
        (
            "remove SLC-off stripes",
            "destripe",
            "names the gaps of SLC-off; stripes are removed, and pixels that are no",
        ),
        ("brightness 20", "brightness", "names an amount without its unit (20), which no step takes; say '20 %' or"),
    ],
)
def test_what_is_not_taken_is_noted(reader: Reader, text: str, task: str, note: str) -> None:
    found = reader.interpret(text)
    assert [step.task for step in found.steps] == [task]
    assert any(doubt.startswith(f"{text!r} {note}") for doubt in found.doubts)


@pytest.mark.parametrize(
    ("text", "task", "note"),
    [
        ("dehaze, then enhance the image", "haze", "'enhance the image' names no fault"),
        ("remove the noise and normalize it", "denoise", "'normalise it' could mean several things"),
        ("detect clouds, then sharpen", "deblur", "'detect clouds' asks where the clouds are"),
        ("denoise, then denoise again", "denoise", "'denoise again' names a repetition; it is done once"),
        ("2x, then 2x", "sr", "'2x' names the factor x2 a second time; the grid is made finer by it once"),
    ],
)
def test_what_is_left_out_beside_a_request_is_noted(reader: Reader, text: str, task: str, note: str) -> None:
    found = reader.interpret(text)
    assert [step.task for step in found.steps] == [task]
    assert any(doubt.startswith(note) for doubt in found.doubts)


@pytest.mark.parametrize(
    ("text", "scale"),
    [
        ("double the resolution and then double it again", 4),
        ("double the resolution twice", 4),
        ("double the resolution, then double again", 4),
        ("2x and again 2x", 4),
        ("double the resolution again", 2),
        ("upscale 3", 3),
    ],
)
def test_factors_multiply_where_they_are_asked_for_again(reader: Reader, text: str, scale: int) -> None:
    found = reader.interpret(text)
    assert [(step.task, step.scale) for step in found.steps] == [("sr", scale)]
    assert found.doubts == ()


@pytest.mark.parametrize(
    ("text", "task"),
    [
        ("cloud free please", "cloud"), ("dehaze pls", "haze"), ("NR", "denoise"), ("pan-sharp", "pansharpen"),
        ("SR x3", "sr"), ("get rid of sensor striping", "destripe"), ("de-speckle", "denoise"),
        ("remove salt and pepper", "denoise"), ("make it crisp", "deblur"), ("it is too dark", "brightness"),
        ("fuse with pan", "pansharpen"), ("4x upsampling", "sr"), ("make it not hazy", "haze"),
        ("remove the dead lines", "destripe"), ("hist eq", "equalize"), ("rm clouds", "cloud"),
        ("Blurry!! make it crisp again", "deblur"), ("detect the clouds and remove them", "cloud"),
    ],
)  # fmt: skip
def test_sloppy_words_are_understood(reader: Reader, text: str, task: str) -> None:
    found = reader.interpret(text)
    assert [step.task for step in found.steps] == [task]
    assert not any("names" in doubt for doubt in found.doubts)
