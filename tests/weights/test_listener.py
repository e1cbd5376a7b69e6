"""Facts about hearing: the order of work that the step finder tells, with a finder and a reader set by hand."""

import pytest
import torch

from llars.model.reading import InstructionReader, Reading
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


@pytest.mark.parametrize(
    ("text", "spans", "steps"),
    [
        # Nobody ends a request with "either", and "at either" joins nothing.
        ("clip 2 % at either end of it and sharpen", [Span(0, 18, 1), Span(19, 28, 2), Span(33, 40, 3)], 2),
        ("clip 2 % at either end of it and sharpen", [Span(0, 8, 1), Span(19, 28, 2), Span(33, 40, 3)], 2),
        ("clip the end, sharpen", [Span(0, 12, 1), Span(14, 21, 2)], 2),
        ("denoise sharpen", [Span(0, 7, 1), Span(8, 15, 2)], 2),
    ],
)
def test_a_step_ends_where_a_request_can_end(
    listener: Listener, monkeypatch: pytest.MonkeyPatch, text: str, spans: list[Span], steps: int
) -> None:
    tell(listener, monkeypatch, spans)
    assert len(listener.steps(text)) == steps


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


class Told:
    """Stands for the network: what is read in each text, and the steps that are found."""

    def __init__(self, read: dict[str, Reading], steps: list[str]) -> None:
        self._read, self._steps = read, steps

    def over(self, listener: Listener, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
        monkeypatch.setattr(listener, "read", lambda text: self._read.get(text, reading("none", 0.9)))
        monkeypatch.setattr(listener, "steps", lambda _: self._steps)
        return [(part.reading.task, part.text) for part in listener.parts(next(iter(self._read)))]


def reading(task: str, probability: float, second: str = "haze", less: float = 0.05, compound: float = 0.0) -> Reading:
    return Reading(task, probability, second, less, None, compound)


def test_steps_are_found_where_no_joint_of_words_tells_them(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "denoise whereupon sharpen"
    read = {text: reading("denoise", 0.5), "denoise": reading("denoise", 0.9), "sharpen": reading("deblur", 0.9)}
    found = Told(read, ["denoise", "sharpen"]).over(listener, monkeypatch)
    assert found == [("denoise", "denoise"), ("deblur", "sharpen")]


@pytest.mark.parametrize(("probability", "compound"), [(0.9, 0.4), (0.5, 0.1)])
def test_what_is_plainly_one_request_stays_whole(
    listener: Listener, monkeypatch: pytest.MonkeyPatch, probability: float, compound: float
) -> None:
    text = "sharpen the soft edges"
    whole = reading("deblur", probability, compound=compound)
    read = {text: whole, "sharpen": reading("deblur", 0.9), "the soft edges": reading("stretch", 0.5)}
    assert Told(read, ["sharpen", "the soft edges"]).over(listener, monkeypatch) == [("deblur", text)]


def test_pieces_that_only_company_makes_sure_do_not_part_what_hardly_looks_like_several(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, first, second = "the histogram is all spikes and gaps", "the histogram is all spikes", "gaps"
    read = {
        text: reading("equalize", 0.47, "none", 0.46, compound=0.09),
        first: reading("equalize", 0.66, "none", 0.31),
        second: reading("destripe", 0.75, "none", 0.22),
    }
    assert Told(read, [first, second]).over(listener, monkeypatch) == [("equalize", text)]


def test_clouds_are_removed_once(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "clear the clouds, guided by radar"
    read = {
        text: reading("cloud_sar", 0.6, compound=0.9),
        "clear the clouds": reading("cloud", 0.9),
        "guided by radar": reading("cloud_sar", 0.9),
    }
    found = Told(read, ["clear the clouds", "guided by radar"]).over(listener, monkeypatch)
    assert [task for task, _ in found] == ["cloud_sar"]


def test_a_doubtful_piece_beside_a_request_is_taken_for_one(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "denoise, then shrink the pixels"
    piece = "shrink the pixels"
    for doubt, expected in ((reading("none", 0.6, "sr", 0.35), "sr"), (reading("none", 0.95, "sr", 0.03), "none")):
        read = {text: reading("denoise", 0.5, compound=0.9), "denoise": reading("denoise", 0.9), piece: doubt}
        assert Told(read, ["denoise", piece]).over(listener, monkeypatch)[-1] == (expected, piece)


def test_a_piece_between_joints_of_words_is_cut_finer(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    text, piece = "remove stripes and noise, then sharpen", "remove stripes and noise"
    read = {
        text: reading("destripe", 0.5, compound=0.9),
        piece: reading("destripe", 0.9),
        "sharpen": reading("deblur", 0.9),
        "stripes": reading("destripe", 0.9),
        "noise": reading("denoise", 0.9),
    }
    monkeypatch.setattr(listener, "read", read.__getitem__)
    monkeypatch.setattr(listener, "steps", lambda said: ["stripes", "noise"] if said == piece else [said])
    assert [part.reading.task for part in listener.parts(text)] == ["destripe", "denoise", "deblur"]


def test_what_other_programs_do_is_parted_from_a_request(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "denoise and email it to bob"
    read = {text: reading("denoise", 0.6), "denoise": reading("denoise", 0.9)}
    assert Told(read, [text]).over(listener, monkeypatch) == [("denoise", "denoise"), ("none", "email it to bob")]
    unsure = {text: reading("denoise", 0.6), "denoise": reading("denoise", 0.7)}
    assert Told(unsure, [text]).over(listener, monkeypatch) == [("denoise", text)]


def test_words_that_name_no_other_work_stay_with_their_request(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "denoise, if the captain agrees"
    read = {text: reading("denoise", 0.6), "denoise": reading("denoise", 0.9)}
    assert Told(read, [text]).over(listener, monkeypatch) == [("denoise", text)]
