"""Tasks and the plainest words for them."""

import pytest

from llars.errors import InstructionError
from llars.tasks import TASK_KEYS, TASKS, brightness_gain, get_task, words_for


def test_keys_and_sentences_are_distinct():
    assert len(set(TASK_KEYS)) == len({task.instruction for task in TASKS}) == len(TASKS)


def test_an_unknown_task_is_refused_with_the_list():
    with pytest.raises(InstructionError, match=r"unknown task 'blurr'; the tasks are cloud, .*brightness"):
        get_task("blurr")


@pytest.mark.parametrize(
    ("task", "severity", "scale", "words"),
    [
        ("haze", 0.5, 1, "remove the haze"),
        ("haze", 0.2, 1, "slightly remove the haze"),
        ("denoise", 0.9, 1, "strongly reduce the noise"),
        ("brightness", 0.5, 1, "brighten the image"),
        ("brightness", -1.0, 1, "strongly darken the image"),
        ("sr", 1.0, 4, "quadruple the resolution"),
    ],
)
def test_words_say_strength_and_direction(task, severity, scale, words):
    assert words_for(task, severity, scale) == words


def test_a_stop_brighter_and_a_stop_darker_cancel():
    assert brightness_gain(1.0) == 2.0
    assert brightness_gain(0.3) * brightness_gain(-0.3) == pytest.approx(1.0)
