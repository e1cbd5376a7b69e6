"""Laws of the step finder, with weights that are set by hand or random."""

import pytest
import torch

from llars.model.steps import STEPS, TOKEN_WIDTH, StepFinder

TEXT = "a bc,d"
PLACES = [(0, 0), (0, 1), (2, 3), (3, 4), (4, 5), (5, 6), (0, 0)]
"""The second word is made of two tokens."""


@pytest.fixture
def finder() -> StepFinder:
    torch.manual_seed(0)
    return StepFinder(classes=3).eval()


def told(finder: StepFinder, marks: list[int], strength: float = 9.0) -> None:
    """Makes the finder say ``marks`` for the tokens of ``TEXT``, whatever they are."""
    logits = torch.zeros(1, len(marks), STEPS + 1)
    logits[0, torch.arange(len(marks)), torch.tensor(marks)] = strength
    finder.forward = lambda *_: (logits, torch.zeros(1, len(marks), 3))  # type: ignore[method-assign]


def found(finder: StepFinder) -> list[tuple[str, int]]:
    spans = finder.find(TEXT, torch.zeros(len(PLACES), TOKEN_WIDTH), PLACES)
    return [(TEXT[span.start : span.stop], span.step) for span in spans]


def test_shapes_and_padding(finder: StepFinder) -> None:
    short = torch.randn(1, 5, TOKEN_WIDTH)
    marks, classes = finder(short, torch.ones(1, 5, dtype=torch.bool))
    assert marks.shape == (1, 5, STEPS + 1) and classes.shape == (1, 5, 3)
    padded = torch.cat([short, torch.randn(1, 3, TOKEN_WIDTH)], dim=1)
    beside, _ = finder(padded, torch.tensor([[True] * 5 + [False] * 3]))
    torch.testing.assert_close(beside[:, :5], marks, atol=1e-5, rtol=1e-4)


def test_spans_carry_the_order_of_work(finder: StepFinder) -> None:
    told(finder, [0, 2, 2, 2, 0, 1, 0])
    assert found(finder) == [("a bc", 2), ("d", 1)]


def test_a_word_is_never_torn(finder: StepFinder) -> None:
    told(finder, [0, 1, 1, 2, 2, 2, 0])
    assert all("bc" in piece or not set("bc") & set(piece) for piece, _ in found(finder))


def test_a_doubtful_change_is_not_made(finder: StepFinder) -> None:
    told(finder, [0, 1, 1, 1, 2, 1, 0], strength=0.5)
    assert found(finder) == [("a bc,d", 1)]


def test_nothing_in_nothing(finder: StepFinder) -> None:
    assert finder.find("", torch.zeros(2, TOKEN_WIDTH), [(0, 0), (0, 0)]) == []


def test_what_is_told_of_a_text_is_told_by_its_words_alone(finder: StepFinder) -> None:
    tokens, mask = torch.randn(2, 6, TOKEN_WIDTH), torch.tensor([[True] * 6, [True] * 4 + [False] * 2])
    each = torch.randn(2, 6, 3)
    finder.forward = lambda *_: (torch.zeros(2, 6, STEPS + 1), each)  # type: ignore[method-assign]
    told = finder.told(tokens, mask)
    torch.testing.assert_close(told.exp().sum(dim=1), torch.ones(2))
    each[0, 0], each[0, 5], each[1, 3:] = 99.0, -99.0, torch.randn(3)
    torch.testing.assert_close(finder.told(tokens, mask), told)


def test_an_empty_text_is_told_of_by_its_markers(finder: StepFinder) -> None:
    assert finder.told(torch.randn(1, 2, TOKEN_WIDTH), torch.ones(1, 2, dtype=torch.bool)).isfinite().all()
