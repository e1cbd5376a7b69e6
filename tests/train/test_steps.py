"""Facts about the training of the step finder."""

import random

import numpy as np
import torch

from llars.model.reading import CLASSES
from llars.text.composites import Marked
from llars.text.grammar import Utterance
from llars.train.steps import Lines, lines, sentences, train_steps

WORDS = {"denoise": 1, "sharpen": 2, "then": 3, "after": 4}


class Plain:
    """One token a word, between two markers."""

    def offsets(self, text: str) -> list[tuple[int, int]]:
        places, at = [(0, 0)], 0
        for word in text.split(" "):
            places.append((at, at + len(word)))
            at += len(word) + 1
        return [*places, (0, 0)]


def vectors(text: str) -> torch.Tensor:
    rng = [np.random.default_rng(WORDS[word]).normal(size=384) for word in text.split(" ")]
    return torch.from_numpy(np.stack([np.zeros(384), *rng, np.zeros(384)])).half()


def sample(text: str, marks: list[int], tasks: tuple[str, ...]) -> Marked:
    steps = [mark for word, mark in zip(text.split(" "), marks, strict=True) for _ in f"{word} "]
    return Marked(text, tuple(steps[:-1]), tasks)


THEN = sample("denoise then sharpen", [1, 0, 2], ("denoise", "deblur"))
AFTER = sample("sharpen after denoise", [2, 0, 1], ("denoise", "deblur"))


def test_single_requests_are_one_step_and_composites_are_marked() -> None:
    found = sentences([Utterance("denoise it", "denoise", None)], 30, seed=0)
    assert found[0] == Marked("denoise it", (1,) * 10, ("denoise",))
    assert len(found) == 31
    for case in found[1:]:
        assert len(case.text) == len(case.steps)
        assert set(case.steps) - {0} == set(range(1, len(case.tasks) + 1))


def test_tokens_take_the_marks_and_classes_of_their_characters() -> None:
    data = lines(Plain(), [AFTER], [vectors(AFTER.text)])
    assert data.marks[0].tolist() == [-100, 2, 0, 1, -100]
    deblur, denoise = CLASSES.index("deblur"), CLASSES.index("denoise")
    assert data.classes[0].tolist() == [-100, deblur, -100, denoise, -100]


def test_the_order_of_work_is_learnt_and_repeats() -> None:
    cases = [random.Random(seed).choice([THEN, AFTER]) for seed in range(200)]
    data: Lines = lines(Plain(), cases, [vectors(case.text) for case in cases])
    one, two = (train_steps(data, seed=1, epochs=8) for _ in range(2))
    for case in (THEN, AFTER):
        spans = one.find(case.text, vectors(case.text).float(), Plain().offsets(case.text))
        assert [(case.text[s.start : s.stop], s.step) for s in spans] == [
            (word, case.steps[case.text.index(word)]) for word in case.text.split(" ") if word in ("denoise", "sharpen")
        ]
    for name, tensor in one.state_dict().items():
        assert torch.equal(tensor, two.state_dict()[name]), name
