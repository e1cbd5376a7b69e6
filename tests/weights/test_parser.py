"""Facts about hearing: the order of work that the step finder tells, with a finder and a reader set by hand."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
import torch

from llars.model.reading import Reading
from llars.model.steps import Span
from llars.weights.parser import InstructionParser


class Encoder:
    """Stands for the sentence encoder: every text is one token."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def knows(self, _: str) -> bool:
        return True

    def tokens(self, texts: Sequence[str]) -> list[np.ndarray]:
        self.seen += texts
        return [np.zeros((1, 384), dtype=np.float32) for _ in texts]

    def offsets(self, text: str) -> list[tuple[int, int]]:
        return [(0, len(text))]


class Finder:
    """Stands for the step finder: the spans of each text; of others none."""

    def __init__(self, spans: Mapping[str, list[Span]]) -> None:
        self._spans = spans

    def find(self, text: str, _tokens: torch.Tensor, _offsets: object) -> list[Span]:
        return self._spans.get(text, [])


class FakeReader:
    """Stands for the reader: what is read in each text, and its step finder; other texts ask for nothing."""

    def __init__(self, read: Mapping[str, Reading], spans: Mapping[str, list[Span]]) -> None:
        self._read, self.steps = read, Finder(spans)

    def read(self, texts: Sequence[str], _tokens: object) -> list[Reading]:
        return [self._read.get(text, reading("none", 0.9)) for text in texts]


def reading(task: str, probability: float, second: str = "haze", less: float = 0.05, compound: float = 0.0) -> Reading:
    return Reading(task, probability, second, less, None, compound)


def steps(text: str, spans: list[Span]) -> list[str]:
    """The steps of a text in which the finder sees ``spans``."""
    return InstructionParser(Encoder(), FakeReader({}, {text: spans}), ["noise"]).steps(text)


def parts(read: Mapping[str, Reading], pieces: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    """Tasks and words of the requests in the first text of ``read``; ``pieces`` are the steps found in a text."""
    spans = {
        text: [span_of(text, piece, step) for step, piece in enumerate(found, 1)] for text, found in pieces.items()
    }
    parser = InstructionParser(Encoder(), FakeReader(read, spans), ["noise"])
    return [(part.reading.task, part.text) for part in parser.parts(next(iter(read)))]


def span_of(text: str, piece: str, step: int) -> Span:
    return Span(text.index(piece), text.index(piece) + len(piece), step)


def test_steps_come_in_the_order_of_work() -> None:
    assert steps("sharpen after denoise", [Span(0, 7, 2), Span(14, 21, 1)]) == ["denoise", "sharpen"]


def test_pieces_of_one_step_belong_together() -> None:
    assert steps("sharpen haze roughly", [Span(0, 7, 1), Span(8, 12, 2), Span(13, 20, 1)]) == [
        "sharpen roughly",
        "haze",
    ]


@pytest.mark.parametrize(
    ("text", "spans", "count"),
    [
        # Nobody ends a request with "either", and "at either" joins nothing.
        ("clip 2 % at either end of it and sharpen", [Span(0, 18, 1), Span(19, 28, 2), Span(33, 40, 3)], 2),
        ("clip 2 % at either end of it and sharpen", [Span(0, 8, 1), Span(19, 28, 2), Span(33, 40, 3)], 2),
        ("clip the end, sharpen", [Span(0, 12, 1), Span(14, 21, 2)], 2),
        ("denoise sharpen", [Span(0, 7, 1), Span(8, 15, 2)], 2),
    ],
)
def test_a_step_ends_where_a_request_can_end(text: str, spans: list[Span], count: int) -> None:
    assert len(steps(text, spans)) == count


@pytest.mark.parametrize("spans", [[], [Span(0, 7, 3)]])
def test_one_step_or_none_is_the_whole_text(spans: list[Span]) -> None:
    assert steps("sharpen it", spans) == ["sharpen it"]


def test_a_text_is_encoded_once() -> None:
    encoder = Encoder()
    parser = InstructionParser(encoder, FakeReader({}, {}), ["noise"])
    parser.read("a text of its own")
    parser.steps("a text of its own")
    assert encoder.seen == ["a text of its own"]


def test_steps_are_found_where_no_joint_of_words_tells_them() -> None:
    text = "denoise whereupon sharpen"
    read = {text: reading("denoise", 0.5), "denoise": reading("denoise", 0.9), "sharpen": reading("deblur", 0.9)}
    found = parts(read, {text: ["denoise", "sharpen"]})
    assert found == [("denoise", "denoise"), ("deblur", "sharpen")]


@pytest.mark.parametrize(("probability", "compound"), [(0.9, 0.4), (0.5, 0.1)])
def test_what_is_plainly_one_request_stays_whole(probability: float, compound: float) -> None:
    text = "sharpen the soft edges"
    whole = reading("deblur", probability, compound=compound)
    read = {text: whole, "sharpen": reading("deblur", 0.9), "the soft edges": reading("stretch", 0.5)}
    assert parts(read, {text: ["sharpen", "the soft edges"]}) == [("deblur", text)]


def test_pieces_that_only_company_makes_sure_do_not_part_what_hardly_looks_like_several() -> None:
    text, first, second = "the histogram is all spikes and gaps", "the histogram is all spikes", "gaps"
    read = {
        text: reading("equalize", 0.47, "none", 0.46, compound=0.09),
        first: reading("equalize", 0.66, "none", 0.31),
        second: reading("destripe", 0.75, "none", 0.22),
    }
    assert parts(read, {text: [first, second]}) == [("equalize", text)]


def test_clouds_are_removed_once() -> None:
    text = "clear the clouds, guided by radar"
    read = {
        text: reading("cloud_sar", 0.6, compound=0.9),
        "clear the clouds": reading("cloud", 0.9),
        "guided by radar": reading("cloud_sar", 0.9),
    }
    found = parts(read, {text: ["clear the clouds", "guided by radar"]})
    assert [task for task, _ in found] == ["cloud_sar"]


def test_a_doubtful_piece_beside_a_request_is_taken_for_one() -> None:
    text = "denoise, then shrink the pixels"
    piece = "shrink the pixels"
    for doubt, expected in ((reading("none", 0.6, "sr", 0.35), "sr"), (reading("none", 0.95, "sr", 0.03), "none")):
        read = {text: reading("denoise", 0.5, compound=0.9), "denoise": reading("denoise", 0.9), piece: doubt}
        assert parts(read, {text: ["denoise", piece]})[-1] == (expected, piece)


def test_a_piece_between_joints_of_words_is_cut_finer() -> None:
    text, piece = "remove stripes and noise, then sharpen", "remove stripes and noise"
    read = {
        text: reading("destripe", 0.5, compound=0.9),
        piece: reading("destripe", 0.9),
        "sharpen": reading("deblur", 0.9),
        "stripes": reading("destripe", 0.9),
        "noise": reading("denoise", 0.9),
    }
    assert [task for task, _ in parts(read, {piece: ["stripes", "noise"]})] == ["destripe", "denoise", "deblur"]


def test_what_other_programs_do_is_parted_from_a_request() -> None:
    text = "denoise and email it to bob"
    read = {text: reading("denoise", 0.6), "denoise": reading("denoise", 0.9)}
    assert parts(read, {}) == [("denoise", "denoise"), ("none", "email it to bob")]
    unsure = {text: reading("denoise", 0.6), "denoise": reading("denoise", 0.7)}
    assert parts(unsure, {}) == [("denoise", text)]


def test_words_that_name_no_other_work_stay_with_their_request() -> None:
    text = "denoise, if the captain agrees"
    read = {text: reading("denoise", 0.6), "denoise": reading("denoise", 0.9)}
    assert parts(read, {}) == [("denoise", text)]
