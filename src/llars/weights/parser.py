"""Reads instructions: the sentence encoder, the reader and the spelling correction together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import torch

from llars.model.reading import SURE
from llars.text.clauses import Clause, cut, is_other_work, parts
from llars.text.defects import asks_for_repair
from llars.text.grammar import NONE
from llars.text.spelling import Speller
from llars.text.spoiling import asks_for_fault
from llars.text.strength import may_name_strength

if TYPE_CHECKING:
    from llars.model.reading import InstructionReader, Reading
    from llars.model.steps import Span
    from llars.text.encoder import SentenceEncoder

__all__ = ["InstructionParser"]

_PLAIN, _PLAINER = 0.7, 0.8
"""A text read as one request with probability ``_PLAIN`` stays whole, unless every piece reaches ``_PLAINER``."""

_SINGLE = 0.15
"""Below this probability of asking for several things, a text is one request unless every piece is certain."""

_NONE_PRIOR = 0.25
"""Factor on the prior of ``none`` for a piece of text if another piece asks for one of our tasks."""

_TRUSTED = 0.8
"""Probability from which the reading of a piece by itself is trusted."""

_UNFINISHED = re.compile(
    r"\b(?:an?|the|its|my|our|your|their|his|her|some|any|all|each|every|either|very|too|of|at|from|for|to|into|onto|between|by"
    r"|is|are|was|were|looks|seems)\W*$",
    re.IGNORECASE,
)
"""Matches text that ends with an article, preposition or the like: the request goes on, so no step ends there."""

_CONJUNCTION = re.compile(
    r"[^\w\s]|\b(?:and|or|nor|but|then|also|plus|with|next|now|too|as|while|once|when|after\w*|before\w*|until|not|so|later|finally"
    r"|first\w*|second\w*|third\w*|last\w*|follow\w*|prior|ahead|subsequent\w*|thereafter|whereupon|more\w*|further\w*|likewise"
    r"|addition\w*|besides?|together|combined|coupled|preced\w*|though|although|than)\b",
    re.IGNORECASE,
)


class InstructionParser:
    """Reads pieces of text and finds the steps in them; recent encodings are cached."""

    def __init__(self, encoder: SentenceEncoder, reader: InstructionReader, words: Sequence[str]) -> None:
        """Combines loaded parts; ``words`` is the vocabulary of the grammar, the commonest first."""
        self._encoder, self._reader, self._words = encoder, reader, words
        self._speller = Speller(words, encoder.knows)
        self._tokens = lru_cache(maxsize=64)(lambda text: encoder.tokens([text])[0])

    def __reduce__(self) -> tuple[type[InstructionParser], tuple[SentenceEncoder, InstructionReader, Sequence[str]]]:
        """Caches cannot be copied or pickled: a copy begins with an empty one."""
        return type(self), (self._encoder, self._reader, self._words)

    def spell(self, text: str) -> str:
        """The text with typing errors corrected."""
        return self._speller.correct(text)

    def read(self, text: str) -> Reading:
        """What the text asks for if it is one request."""
        reading = self._reader.read([text], [self._tokens(text)])[0]
        if asks_for_fault(text) and reading.task != NONE:
            return replace(
                reading, task=NONE, probability=1.0, severity=None, second=reading.task, second_probability=0.0
            )
        if asks_for_repair(text, reading.task):
            reading = replace(reading, task="denoise", probability=1.0, second=reading.task, second_probability=0.0)
        # Every request for another brightness has a direction; otherwise, if none is named, the strength is the usual.
        silent = reading.task != "brightness" and not may_name_strength(text)
        return replace(reading, severity=None) if silent else reading

    def steps(self, text: str) -> list[str]:
        """The words of each step in the order of work; the whole text if it has a single step."""
        spans_found = self._reader.steps.find(text, torch.from_numpy(self._tokens(text)), self._encoder.offsets(text))
        spans = _joined(text, spans_found)
        runs: list[Span] = []
        for span in spans:
            if runs and runs[-1].step == span.step:
                # The words in between are kept, as they show where to cut the step: "sharpen and send it to my boss".
                runs[-1] = replace(runs[-1], stop=span.stop)
            else:
                runs.append(span)
        numbers = sorted({span.step for span in spans})
        step_texts = [" ".join(text[run.start : run.stop] for run in runs if run.step == number) for number in numbers]
        return step_texts if len(step_texts) > 1 else [text]

    def parts(self, text: str) -> list[Clause[Reading]]:
        """All pieces of the text in order: the requests, and the pieces that ask for nothing.

        Conjunctions ("x, then y") are the most reliable places to cut, if every piece makes sense; otherwise the step
        finder cuts.
        """
        return [piece for part in self._requests(text) for piece in self._supported_pieces(part)]

    def _requests(self, text: str) -> list[Clause[Reading]]:
        by_conjunctions = _cloud_steps_merged(_in_context(parts(text, self.read)))
        if len(by_conjunctions) > 1 and all(_asks(part) for part in by_conjunctions):
            return [finer for part in by_conjunctions for finer in self._finer(part)]
        by_steps = self._by_step_finder(text)
        if len(by_steps) == 1 or not any(_asks(part) for part in by_steps):
            return by_conjunctions
        # Each is read by itself: in context even the "gaps" of a histogram pass for those between stripes.
        doubtful = any(self.read(part.text).probability < _PLAINER for part in by_steps)
        return (
            by_conjunctions if doubtful and len(by_conjunctions) == 1 and _is_single(by_conjunctions[0]) else by_steps
        )

    def _supported_pieces(self, whole: Clause[Reading]) -> list[Clause[Reading]]:
        """The pieces of one request, if some of them surely ask for it and the others for work of other programs."""
        if not _asks(whole):
            return [whole]
        texts = cut(whole.text)
        if not any(is_other_work(text) for text in texts):
            return [whole]
        pieces = [Clause(text, self.read(text)) for text in texts]
        unsupported = [piece for piece in pieces if piece.reading.task == NONE]
        confident = all(piece.reading.probability >= _TRUSTED for piece in pieces)
        asked = {piece.reading.task for piece in pieces} - {NONE}
        meant = confident and asked == {whole.reading.task} and all(is_other_work(piece.text) for piece in unsupported)
        return pieces if unsupported and meant else [whole]

    def _by_step_finder(self, text: str) -> list[Clause[Reading]]:
        return _cloud_steps_merged(_in_context([Clause(piece, self.read(piece)) for piece in self.steps(text)]))

    def _finer(self, part: Clause[Reading]) -> list[Clause[Reading]]:
        """The steps within a piece ("the stripes and the noise"), if all of them are certain."""
        pieces = self._by_step_finder(part.text)
        return pieces if min(_request_probability(piece) for piece in pieces) >= _PLAINER else [part]


def _joined(text: str, spans: Sequence[Span]) -> list[Span]:
    """Merges neighbouring spans with no conjunction between them: "clip 2 % at either | end of the histogram"."""
    kept: list[Span] = []
    for span in spans:
        if kept and span.step != kept[-1].step:
            before, gap = text[kept[-1].start : kept[-1].stop], text[kept[-1].stop : span.start]
            if _UNFINISHED.search(before + gap) if not gap.strip() else not _CONJUNCTION.search(gap):
                span = replace(span, step=kept[-1].step)
        kept.append(span)
    return kept


def _cloud_steps_merged(pieces: list[Clause[Reading]]) -> list[Clause[Reading]]:
    """Merges adjacent cloud tasks: "clear the clouds, guided by the radar" is one request, though each half is one."""
    kept: list[Clause[Reading]] = []
    for part in pieces:
        if kept and {kept[-1].reading.task, part.reading.task} == {"cloud", "cloud_sar"}:
            reading = part.reading if part.reading.task == "cloud_sar" else kept[-1].reading
            kept[-1] = Clause(f"{kept[-1].text} {part.text}", reading)
        else:
            kept.append(part)
    return kept


def _request_probability(part: Clause[Reading]) -> float:
    return part.reading.probability if _asks(part) else 0.0


def _asks(part: Clause[Reading]) -> bool:
    return part.reading.task != NONE and part.reading.probability >= SURE


def _is_single(part: Clause[Reading]) -> bool:
    reading = part.reading
    surely = reading.probability >= _PLAIN and reading.compound < 0.5
    return _asks(part) and (surely or reading.compound < _SINGLE)


def _in_context(pieces: list[Clause[Reading]]) -> list[Clause[Reading]]:
    """Makes ``none`` less likely where another piece asks for one of our tasks: most users ask only for such."""
    if len(pieces) < 2 or not any(_asks(part) for part in pieces):
        return pieces
    return [replace(part, reading=_less_likely_none(part.reading)) for part in pieces]


def _less_likely_none(reading: Reading) -> Reading:
    """Bayes' rule on the two likeliest classes, with the prior of ``none`` multiplied by ``_NONE_PRIOR``."""
    before = ((reading.task, reading.probability), (reading.second, reading.second_probability))
    after = [(task, share * _NONE_PRIOR if task == NONE else share) for task, share in before]
    kept = 1 - sum(share for _, share in before) + sum(share for _, share in after)
    (task, likelier), (other, less_likely) = sorted(after, key=lambda entry: -entry[1])
    return replace(reading, task=task, probability=likelier / kept, second=other, second_probability=less_likely / kept)
