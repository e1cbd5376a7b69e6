"""Facts about understanding: the shipped reader on plain, ordered, forbidden and foreign instructions."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from llars.errors import InstructionError
from llars.infer.instructions import Reader
from llars.tasks import TASKS

REAL = Path(__file__).parents[1] / "text" / "real_sentences.yaml"


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader()


def tasks(reader: Reader, text: str) -> list[str]:
    return [step.task for step in reader.understand(text)]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.key)
def test_canonical_sentences_and_keys(reader: Reader, task: object) -> None:
    for text in (task.instruction, task.key, f" {task.key.upper()} "):  # type: ignore[attr-defined]
        assert tasks(reader, text) == [task.key]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("despeckle", ["denoise"]),
        ("remove the stripes, then the noise", ["destripe", "denoise"]),
        ("remove the haze, then double the resolution", ["haze", "sr"]),
        ("denoise but don't sharpen", ["denoise"]),
        ("denoise, then sharpen", ["denoise", "deblur"]),
        ("sharpen after denoising", ["denoise", "deblur"]),
        ("use the radar to see through the clouds", ["cloud_sar"]),
        ("sharpen and x2", ["deblur", "sr"]),
        ("x2 after denoising", ["denoise", "sr"]),
        ("first remove stripes and noise, then double the resolution", ["destripe", "denoise", "sr"]),
        ("stretch it, but destripe it first", ["destripe", "stretch"]),
        ("no dehazing, only destriping", ["destripe"]),
        ("x2, denoise", ["sr", "denoise"]),
        ("remove the noise, x2", ["denoise", "sr"]),
        ("denoise\nsharpen", ["denoise", "deblur"]),
        ("denoise\tsharpen", ["denoise", "deblur"]),
        ("- denoise\n- sharpen", ["denoise", "deblur"]),
        ("1. denoise\n2. double the resolution", ["denoise", "sr"]),
        ("denoise sharpen", ["denoise", "deblur"]),
        ("don't sharpen\ndenoise", ["denoise"]),
        ("remove the noise\nfrom the image", ["denoise"]),
    ],
)
def test_requests_in_order(reader: Reader, text: str, expected: list[str]) -> None:
    assert tasks(reader, text) == expected


@pytest.mark.parametrize("text", ["double the size of my house", "write me a poem", "sing a song", "hello", "lkjsdf"])
def test_what_asks_for_nothing_is_refused_with_a_list(reader: Reader, text: str) -> None:
    with pytest.raises(
        InstructionError, match=r"asks for nothing that llars does; say.*the haze, reduce the noise"
    ) as caught:
        reader.understand(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "make the picture blurry", "add some noise to it", "make it hazy", "blur it on purpose", "add some noise",
        "introduce stripes into the scene", "simulate clouds", "I want it more blurry", "make it look foggy",
        "more noise please", "increase the haze", "degrade it with gaussian noise", "turn it into a foggy scene",
    ],
)  # fmt: skip
def test_spoiling_an_image_is_refused(reader: Reader, text: str) -> None:
    with pytest.raises(InstructionError, match="asks for nothing that llars does"):
        reader.understand(text)


def test_a_refusal_suggests_words_for_the_tasks_of_the_weights() -> None:
    with pytest.raises(InstructionError, match=r"; say for example: remove the haze, double the resolution$"):
        Reader(tasks=("haze", "sr")).understand("write me a poem")


@pytest.mark.parametrize("text", ["", "  \n "])
def test_an_empty_instruction_is_refused(reader: Reader, text: str) -> None:
    with pytest.raises(InstructionError, match=r"is empty; say for example: remove the clouds, "):
        reader.understand(text)


@pytest.mark.parametrize("text", ["don't sharpen", "the noise must stay", "not denoise", "keep the clouds"])
def test_a_mere_prohibition_is_refused(reader: Reader, text: str) -> None:
    with pytest.raises(InstructionError, match="only says what not to do"):
        reader.understand(text)


@pytest.mark.parametrize("text", ["do anything but denoise", "remove everything except the noise"])
def test_a_mere_exception_is_refused(reader: Reader, text: str) -> None:
    with pytest.raises(InstructionError, match=r"leaves open what to do; say for example"):
        reader.understand(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("keep the clouds, remove the haze", ["haze"]),
        ("remove the noise, leave the clouds", ["denoise"]),
        ("rather sharpen than denoise", ["deblur"]),
        ("the noise is fine, remove the stripes", ["destripe"]),
        ("leave the stripes alone and remove the noise", ["denoise"]),
    ],
)
def test_what_is_to_stay_stays(reader: Reader, text: str, expected: list[str]) -> None:
    assert tasks(reader, text) == expected


@pytest.mark.parametrize("text", ["fix dead pixels", "get rid of the dead pixels", "remove the hot pixels"])
def test_defective_pixels_are_noise(reader: Reader, text: str) -> None:
    assert tasks(reader, text) == ["denoise"]


def test_other_pixels_are_those_of_the_resolution(reader: Reader) -> None:
    assert tasks(reader, "make the pixels smaller") == ["sr"]
    assert tasks(reader, "remove the bad pixels, then double the resolution") == ["denoise", "sr"]


@pytest.mark.parametrize(
    "text",
    [
        "lower the contrast", "reduce contrast", "less contrast", "flatten the contrast", "less sharp",
        "reduce the sharpness", "unsharpen", "undo the sharpening", "cloud mask", "find the clouds", "mask the clouds",
        "remove the noise, then lower the contrast",
    ],
)  # fmt: skip
def test_the_opposite_of_a_task_and_work_beside_it_are_refused(reader: Reader, text: str) -> None:
    with pytest.raises(InstructionError, match="; ") as caught:
        reader.understand(text)
    assert "\n" not in str(caught.value)


def test_strengths(reader: Reader) -> None:
    def severity(text: str) -> float:
        (step,) = reader.understand(text)
        return step.severity

    assert severity("remove the haze") == 0.5
    # The words stand for 0.25, 0.5 and 0.9 in the grammar; half way to the neighbour is misheard.
    assert severity("remove the haze slightly") == pytest.approx(0.25, abs=0.12)
    assert severity("remove the haze as much as you can") == pytest.approx(0.9, abs=0.2)
    assert severity("brighten the image a lot") == pytest.approx(1.0, abs=0.25)
    assert severity("darken the image slightly") == pytest.approx(-0.25, abs=0.12)


@pytest.mark.parametrize(
    ("text", "task", "strength", "told"),
    [
        ("denoise strength 0.9", "denoise", 0.9, "strongly reduce the noise"),
        ("denoise, strength 0.9", "denoise", 0.9, "strongly reduce the noise"),
        ("denoise 10 %", "denoise", 0.1, "slightly reduce the noise"),
        ("haze=0.8", "haze", 0.8, "strongly remove the haze"),
        ("remove the haze at 50 percent", "haze", 0.5, "remove the haze"),
    ],
)
def test_a_strength_in_numbers_is_taken_as_it_is(
    reader: Reader, text: str, task: str, strength: float, told: str
) -> None:
    found = reader.interpret(text)
    assert [(step.task, step.severity) for step in found.steps] == [(task, strength)]
    assert any(doubt.endswith(f"the network knows three grades and is told {told!r}") for doubt in found.doubts)


def test_a_strength_beyond_the_scale_is_refused(reader: Reader) -> None:
    with pytest.raises(InstructionError, match="names the strength 5; give one between 0 and 1"):
        reader.understand("denoise strength 5")


def test_steps_carry_the_words_that_asked_for_them(reader: Reader) -> None:
    first, second = reader.understand("remove the stripes, then the noise")
    assert (first.text, second.text) == ("remove the stripes", "remove the noise")
    assert 0.5 <= second.confidence <= 1


def test_doubt_is_told(reader: Reader) -> None:
    sure = reader.interpret("remove the noise")
    assert not sure.doubts and sure.steps[0].confidence > 0.75
    for text in ("make it look better and nicer", "improve the details", "sharpen the colours with the other band"):
        try:
            found = reader.interpret(text)
        except InstructionError:
            continue
        for step in found.steps:
            assert (step.confidence < 0.75) == any(step.text[:20] in doubt for doubt in found.doubts)


@pytest.mark.parametrize(
    ("text", "kept", "dropped"),
    [
        ("remove the stripes, then rotate the image by 90 degrees", "destripe", "rotate the image by 90 degrees"),
        ("denoise, then colorize it", "denoise", "colorize it"),
        ("denoise and email it to bob", "denoise", "email it to bob"),
        ("email it to bob and denoise", "denoise", "email it to bob"),
        ("remove the noise and crop it", "denoise", "crop it"),
        ("remove the clouds and count the ships", "cloud", "count the ships"),
    ],
)
def test_what_is_left_out_is_told(reader: Reader, text: str, kept: str, dropped: str) -> None:
    found = reader.interpret(text)
    assert [step.task for step in found.steps] == [kept]
    assert found.doubts == (f"'{dropped}' asks for nothing that llars does; it was left out",)


def test_what_is_left_out_of_several_steps_is_told(reader: Reader) -> None:
    found = reader.interpret("denoise, sharpen and send it to my boss")
    assert [step.task for step in found.steps] == ["denoise", "deblur"]
    assert found.doubts == ("'send it to my boss' asks for nothing that llars does; it was left out",)


@pytest.mark.parametrize(
    "text", ["make it less hazy", "make the noisy parts clean", "make it sharp", "remove the added noise", "less noise"]
)
def test_the_fault_that_is_to_go_may_be_named_with_make(reader: Reader, text: str) -> None:
    assert reader.understand(text)


@pytest.mark.parametrize(
    "text", ["denoise only band 4", "denoise all bands except NIR", "sharpen, but not the NIR band"]
)
def test_a_restriction_to_some_bands_is_refused(reader: Reader, text: str) -> None:
    with pytest.raises(InstructionError, match=r"restricts the work to some bands; llars restores all bands"):
        reader.understand(text)


def test_what_takes_itself_back_is_refused(reader: Reader) -> None:
    with pytest.raises(InstructionError, match=r"takes a part of itself back; say only what is to be done"):
        reader.understand("denoise, no wait, sharpen")


@pytest.mark.parametrize(
    ("text", "task", "said"),
    [
        ("remove the clouds in the upper half", "cloud", "names a part of the image; the whole image is processed"),
        ("stretch 5-95", "stretch", "names other limits than 2 and 98 %; llars cuts 2 % at either end, and does that"),
        ("denoise band 4", "denoise", "names a band; all bands are processed"),
    ],
)
def test_what_is_not_done_as_asked_is_told(reader: Reader, text: str, task: str, said: str) -> None:
    found = reader.interpret(text)
    assert [step.task for step in found.steps] == [task]
    assert f"{text!r} {said}" in found.doubts


def test_courtesy_is_no_doubt(reader: Reader) -> None:
    for text in (
        "remove the stripes, then the noise, thanks",
        "denoise and save it",
        "noise, stripes. Please fix it!",
        "too dark, please improve it",
    ):
        assert reader.interpret(text).doubts == (), text


def test_what_is_forbidden_is_no_doubt(reader: Reader) -> None:
    assert reader.interpret("remove the stripes, then the noise, but don't rotate it").doubts == ()


def share(reader: Reader, chosen: Callable[[list[str]], bool]) -> float:
    cases = [case for case in yaml.safe_load(REAL.read_text(encoding="utf-8")) if chosen(case["tasks"])]
    right = 0
    for case in cases:
        try:
            right += tasks(reader, case["text"]) == case["tasks"]
        except InstructionError:
            right += case["tasks"] == []
    return right / len(cases)


def test_real_sentences_are_understood(reader: Reader) -> None:
    """Floors under what the shipped weights reach on sentences that no template made."""
    assert share(reader, lambda keys: len(keys) == 1) >= 0.94
    assert share(reader, lambda keys: len(keys) > 1) >= 0.9
    assert share(reader, lambda keys: not keys) >= 0.92
