"""Facts about the words that name a strength."""

import random

import pytest

from llars.tasks import TASK_KEYS
from llars.text.strength import may_name_strength
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
