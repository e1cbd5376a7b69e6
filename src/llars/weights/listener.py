"""What hears an instruction: the encoder, the reader and the speller together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import torch

from llars.model.reading import SURE
from llars.text.clauses import Clause, cut, is_other_work, parts
from llars.text.grammar import NONE
from llars.text.spelling import Speller
from llars.text.spoiling import asks_for_fault
from llars.text.strength import may_name_strength

if TYPE_CHECKING:
    from llars.model.reading import InstructionReader, Reading
    from llars.model.steps import Span
    from llars.text.encoder import SentenceEncoder

__all__ = ["Listener"]

_PLAIN, _PLAINER = 0.7, 0.8
"""A text that is read as one request so surely stays whole, unless all of its pieces are surer than that."""

_SINGLE = 0.15
"""Below this probability of asking for several things, a text is one request unless its pieces are beyond doubt."""

_NONE_BESIDE = 0.25
"""How much rarer it is that a piece asks for nothing of ours when another piece does ask."""

_SURELY = 0.8
"""What is read with this probability, alone, is taken at its word."""

_OPEN = re.compile(
    r"\b(?:an?|the|its|my|our|your|their|his|her|some|any|all|each|every|either|very|too|of|at|from|for|to|into|onto|between|by"
    r"|is|are|was|were|looks|seems)\W*$",
    re.IGNORECASE,
)
"""No request ends with a word that asks for another one."""

_JOINT = re.compile(
    r"[^\w\s]|\b(?:and|or|nor|but|then|also|plus|with|next|now|too|as|while|once|when|after\w*|before\w*|until|not|so|later|finally"
    r"|first\w*|second\w*|third\w*|last\w*|follow\w*|prior|ahead|subsequent\w*|thereafter|whereupon|more\w*|further\w*|likewise"
    r"|addition\w*|besides?|together|combined|coupled|preced\w*|though|although|than)\b",
    re.IGNORECASE,
)


class Listener:
    """Reads pieces of text and finds the steps in them; what was read a moment ago is remembered."""

    def __init__(self, encoder: SentenceEncoder, reader: InstructionReader, words: Sequence[str]) -> None:
        """Brings together what is loaded already; ``words`` are those of the grammar, the commonest first."""
        self._encoder, self._reader = encoder, reader
        self._speller = Speller(words, encoder.knows)
        self._tokens = lru_cache(maxsize=64)(lambda text: encoder.tokens([text])[0])

    def spell(self, text: str) -> str:
        """The text without slips of the finger."""
        return self._speller.correct(text)

    def read(self, text: str) -> Reading:
        """What the text asks for, taken as one request."""
        found = self._reader.read([text], [self._tokens(text)])[0]
        if asks_for_fault(text) and found.task != NONE:
            return replace(found, task=NONE, probability=1.0, severity=None, second=found.task, second_probability=0.0)
        # Every request for another brightness has a direction; for the rest silence means the usual strength.
        silent = found.task != "brightness" and not may_name_strength(text)
        return replace(found, severity=None) if silent else found

    def steps(self, text: str) -> list[str]:
        """The words of each step in the order of work; the text alone where it has one."""
        found = self._reader.steps.find(text, torch.from_numpy(self._tokens(text)), self._encoder.offsets(text))
        spans = _joined(text, found)
        runs: list[Span] = []
        for span in spans:
            if runs and runs[-1].step == span.step:
                # What stands between tells where to cut within a step: "sharpen and send it to my boss".
                runs[-1] = replace(runs[-1], stop=span.stop)
            else:
                runs.append(span)
        numbers = sorted({span.step for span in spans})
        said = [" ".join(text[run.start : run.stop] for run in runs if run.step == number) for number in numbers]
        return said if len(said) > 1 else [text]

    def parts(self, text: str) -> list[Clause[Reading]]:
        """All requests in the text in their order, and what asks for nothing beside them.

        Joints that words make ("x, then y") are the surest, if every piece makes sense; else the steps are found.
        """
        return [piece for part in self._requests(text) for piece in self._beside(part)]

    def _requests(self, text: str) -> list[Clause[Reading]]:
        by_words = _one_cloud(_in_company(parts(text, self.read)))
        if len(by_words) > 1 and all(_asks(part) for part in by_words):
            return [finer for part in by_words for finer in self._finer(part)]
        by_sense = self._by_sense(text)
        if len(by_sense) == 1 or not any(_asks(part) for part in by_sense):
            return by_words
        # Judged each by itself: in company even "gaps" of a histogram are surely those between stripes.
        doubtful = any(self.read(part.text).probability < _PLAINER for part in by_sense)
        return by_words if doubtful and len(by_words) == 1 and _is_single(by_words[0]) else by_sense

    def _beside(self, whole: Clause[Reading]) -> list[Clause[Reading]]:
        """The pieces of one request, if some of them surely ask for it and the rest for what other programs do."""
        if not _asks(whole):
            return [whole]
        texts = cut(whole.text)
        if not any(is_other_work(text) for text in texts):
            return [whole]
        pieces = [Clause(text, self.read(text)) for text in texts]
        idle = [piece for piece in pieces if piece.reading.task == NONE]
        told = all(piece.reading.probability >= _SURELY for piece in pieces)
        asked = {piece.reading.task for piece in pieces} - {NONE}
        meant = told and asked == {whole.reading.task} and all(is_other_work(piece.text) for piece in idle)
        return pieces if idle and meant else [whole]

    def _by_sense(self, text: str) -> list[Clause[Reading]]:
        return _one_cloud(_in_company([Clause(piece, self.read(piece)) for piece in self.steps(text)]))

    def _finer(self, part: Clause[Reading]) -> list[Clause[Reading]]:
        """The steps within a piece ("the stripes and the noise"), if all of them are beyond doubt."""
        found = self._by_sense(part.text)
        return found if min(_asked(piece) for piece in found) >= _PLAINER else [part]


def _joined(text: str, spans: Sequence[Span]) -> list[Span]:
    """The spans with those as one step that no joint parts: "clip 2 % at either | end of the histogram"."""
    kept: list[Span] = []
    for span in spans:
        if kept and span.step != kept[-1].step:
            before, gap = text[kept[-1].start : kept[-1].stop], text[kept[-1].stop : span.start]
            if _OPEN.search(before + gap) if not gap.strip() else not _JOINT.search(gap):
                span = replace(span, step=kept[-1].step)
        kept.append(span)
    return kept


def _one_cloud(found: list[Clause[Reading]]) -> list[Clause[Reading]]:
    """Clouds are removed once: "clear the clouds, guided by the radar" is one request, though each half is one too."""
    kept: list[Clause[Reading]] = []
    for part in found:
        if kept and {kept[-1].reading.task, part.reading.task} == {"cloud", "cloud_sar"}:
            reading = part.reading if part.reading.task == "cloud_sar" else kept[-1].reading
            kept[-1] = Clause(f"{kept[-1].text} {part.text}", reading)
        else:
            kept.append(part)
    return kept


def _asked(part: Clause[Reading]) -> float:
    return part.reading.probability if _asks(part) else 0.0


def _asks(part: Clause[Reading]) -> bool:
    return part.reading.task != NONE and part.reading.probability >= SURE


def _is_single(part: Clause[Reading]) -> bool:
    reading = part.reading
    surely = reading.probability >= _PLAIN and reading.compound < 0.5
    return _asks(part) and (surely or reading.compound < _SINGLE)


def _in_company(found: list[Clause[Reading]]) -> list[Clause[Reading]]:
    """The readings of several pieces: who asks for one thing of ours rarely asks for another thing that is not."""
    if len(found) < 2 or not any(_asks(part) for part in found):
        return found
    return [replace(part, reading=_less_likely_none(part.reading)) for part in found]


def _less_likely_none(reading: Reading) -> Reading:
    """Bayes' rule with a prior of ``none`` that is ``_NONE_BESIDE`` as large, on the two likeliest classes."""
    before = ((reading.task, reading.probability), (reading.second, reading.second_probability))
    after = [(task, share * _NONE_BESIDE if task == NONE else share) for task, share in before]
    kept = 1 - sum(share for _, share in before) + sum(share for _, share in after)
    (task, likely), (other, less) = sorted(after, key=lambda entry: -entry[1])
    return replace(reading, task=task, probability=likely / kept, second=other, second_probability=less / kept)
