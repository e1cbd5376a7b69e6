"""Facts about hearing: the order of work that the step finder tells, with a finder and a reader set by hand."""

import pytest
import torch

from llars.model.reading import InstructionReader
from llars.model.steps import Span
from llars.text.encoder import SentenceEncoder
from llars.weights.listener import Listener


@pytest.fixture(scope="module")
def listener() -> Listener:
    torch.manual_seed(0)
    return Listener(SentenceEncoder(), InstructionReader().eval(), ["noise", "sharpen"])


def tell(listener: Listener, monkeypatch: pytest.MonkeyPatch, spans: list[Span]) -> None:
    monkeypatch.setattr(listener._reader.steps, "find", lambda *_: spans)


def test_steps_come_in_the_order_of_work(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    tell(listener, monkeypatch, [Span(0, 7, 2), Span(14, 21, 1)])
    assert listener.steps("sharpen after denoise") == ["denoise", "sharpen"]


def test_pieces_of_one_step_belong_together(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    tell(listener, monkeypatch, [Span(0, 7, 1), Span(8, 12, 2), Span(13, 20, 1)])
    assert listener.steps("sharpen haze roughly") == ["sharpen roughly", "haze"]


@pytest.mark.parametrize("spans", [[], [Span(0, 7, 3)]])
def test_one_step_or_none_is_the_whole_text(
    listener: Listener, monkeypatch: pytest.MonkeyPatch, spans: list[Span]
) -> None:
    tell(listener, monkeypatch, spans)
    assert listener.steps("sharpen it") == ["sharpen it"]


def test_a_text_is_encoded_once(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    encode = listener._encoder.tokens
    monkeypatch.setattr(listener._encoder, "tokens", lambda texts: [seen.extend(texts), encode(texts)][1])
    listener.read("a text of its own")
    listener.steps("a text of its own")
    assert seen == ["a text of its own"]
