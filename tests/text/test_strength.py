"""Facts about the words that name a strength."""

import random

import pytest

from llars.errors import InstructionError
from llars.tasks import TASK_KEYS
from llars.text.strength import joined_strengths, may_name_strength, named_strength
from llars.text.templates import choose, levels


@pytest.mark.parametrize("task", [task for task in TASK_KEYS if task != "sr"])
def test_every_strength_of_the_grammar_is_heard(task: str) -> None:
    named = [level for level in levels(task) if level.severity is not None and not level.silent]
    # The words of "ev" stand before "EV" or "stops", which are heard.
    phrases = [phrase for level in named for slot in sorted(level.strengths - {"ev"}) for phrase in level.words[slot]]
    said = [choose(phrase, random.Random(seed)) for phrase in phrases for seed in range(4)]
    assert [words for words in said if words and not may_name_strength(words)] == []


@pytest.mark.parametrize(
    "text", ["take the softness out of my raster", "remove the highlights of the veil", "removal of motion smear"]
)
def test_silence_is_heard_as_silence(text: str) -> None:
    assert not may_name_strength(text)


@pytest.mark.parametrize("text", ["denoise a bit", "Strongly sharpen it", "dehaze by 30 %", "one stop brighter"])
def test_strengths_are_heard_wherever_they_stand(text: str) -> None:
    assert may_name_strength(text)


@pytest.mark.parametrize(
    ("task", "text", "strength"),
    [
        ("denoise", "denoise strength 0.9", 0.9), ("denoise", "denoise 10 %", 0.1), ("haze", "haze=0.8", 0.8),
        ("denoise", "denoise by 30 %", 0.3), ("haze", "remove the haze at 30 percent", 0.3),
        ("haze", "remove 50 % of the haze", 0.5), ("denoise", "reduce the noise to 30 %", 0.7),
        ("deblur", "sharpen 0.3", 0.3),
        ("cloud", "remove the clouds with a strength of 0,4", 0.4), ("denoise", "50 % denoising", 0.5),
        ("brightness", "brightness=0.5", 0.5), ("stretch", "stretch, strength 50 %", 0.5),
    ],
)  # fmt: skip
def test_numbers_are_read_as_they_are_written(task: str, text: str, strength: float) -> None:
    assert named_strength(task, text) == pytest.approx(strength)


@pytest.mark.parametrize(
    ("task", "text"),
    [
        ("cloud", "remove the clouds, cloud cover 40 %"), ("cloud", "30 % of the image is cloudy"),
        ("stretch", "2 % linear stretch"), ("sr", "upsample to 200 %"), ("brightness", "brighten by 20 %"),
        ("denoise", "remove the noise of band 4"), ("denoise", "reduce the noise a lot"),
    ],
)  # fmt: skip
def test_other_numbers_are_no_strengths(task: str, text: str) -> None:
    assert named_strength(task, text) is None


@pytest.mark.parametrize("text", ["denoise strength 5", "denoise by 150 %", "denoise strength -1"])
def test_a_number_beyond_the_strengths_is_refused(text: str) -> None:
    with pytest.raises(InstructionError, match="give one between 0 and 1, or 0 and 100 %"):
        named_strength("denoise", text)


def test_a_strength_after_a_comma_belongs_to_its_request() -> None:
    assert joined_strengths("denoise, strength 0.9, then sharpen") == "denoise strength 0.9, then sharpen"
