"""Splits an instruction into clauses, in the order in which they are to be done.

Words show where to cut, but only the meaning shows whether to cut: "the grain and the speckle" is one request, "the
grain and the stripes" are two. So the caller supplies a reader that judges a piece of text, and only what it finds
compound is cut, at the strongest conjunction first.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from llars.text.fillers import DONE, tidy

__all__ = [
    "Clause",
    "Judgement",
    "clauses",
    "cut",
    "is_courtesy",
    "is_other_work",
    "likelier",
    "parts",
    "requests",
]

_SENTENCES = re.compile(
    r"(?<=[.!?])\s+|\s*[;\n]\s*|(?:^|\s+)(?:step \d\s*:|\d\s*[.)](?=\s)|[a-d]\)(?=\s))", re.IGNORECASE
)
_THAT = r"(?!\s+(?:that|this|which)\b)"
_FIRST = re.compile(r"(?:[,.;]?\s*\bbut (?:first|before that)|[.;]\s*before that)\b,?\s*", re.IGNORECASE)
_LAST = re.compile(
    r"^(.+?)[,;.]?\s+(?:-\s+)?(?:but|though|although|yet|however)\s+(.+?)"
    r",?\s+(?:first|beforehand|before(?: that)?|in advance|up front|earlier|(?:prior to|ahead of) that)[.!]?$",
    re.IGNORECASE,
)
_NOT_BEFORE = re.compile(
    r"^(?:(?:please\s+)?(?:do not|don['’]?t|never|no|wait with|hold (?:off|on|back)(?: with)?)\s+(.+?)"
    r"|(.+?),?\s+(?:(?:but|and|though|although|only)\s+)?(?:not|never|no (?:earlier|sooner)))"
    r",?\s+(?:until|till|before|unless|than)\s+(.+)$",
    re.IGNORECASE,
)
_LEADING = re.compile(rf"^(before|prior to|after|once|when|as soon as){_THAT}\s+([^,]+),\s*(.+)$", re.IGNORECASE)
_GONE = r"(?=[^,;.]*\b(?:(?:has|have)\s+been|(?:is|are)\s+(?:done|gone|finished|over|out|off|away|complete|removed))\b)"
_EARLIER = ("before", "prior to", "ahead of", "precedes", "precede")
_PRECEDES = re.compile(r"\bpreced(?:es?|ed)\b", re.IGNORECASE)
_INNER = re.compile(
    rf"^(?!after\b)(.+?),?(?<!\bfrom)\s+({'|'.join(_EARLIER)}|after|once|(?:when|as soon as)\b{_GONE}"
    rf"|(?:is|are) preceded by|(?<!\bas )(?<!\bthen )follows){_THAT}\s+(.+)$",
    re.IGNORECASE,
)
_SEQUENCE = re.compile(
    r"\s*,?\s*(?:\band\s+)?(?:\bthen\b|\bafter that\b|\bafterwards?\b|\bfollowed by\b|\bsubsequently\b|\bfinally\b"
    r"|\bas well as\b|\balong with\b|\btogether with\b"
    rf"|\bon top of that\b|\b{DONE}"
    r"|\b(?:moreover|furthermore|likewise|additionally|in addition|what is more)\b"
    r"|\bplus\b|\balso\b|->|→|(?<=,)\s*next\b,?)\s*,?\s*(?:and\s+)?",
    re.IGNORECASE,
)
_WEAK = re.compile(r"\s*,\s*(?:and\s+|but\s+)?|\s+(?:and|but)\s+|\s*[&+/]\s*", re.IGNORECASE)
_VERB = re.compile(
    r"\b(remove|reduce|get rid of|take out|take away|fix|correct|eliminate|filter out|clean up|suppress|deal with|clear"
    r"|repair|undo)\b",
    re.IGNORECASE,
)
_BARE_FAULT = re.compile(r"^(?:the|any|all|those|these|its)\s+\w+(?:\s+\w+)?[.!]?$", re.IGNORECASE)

_THIS = r"(?:it|this|that|them|those|these|both|everything|all that|me)"
_COURTESY = re.compile(
    r"(?:(?:many )?thanks?(?: you)?(?: very much| a lot)?(?: in advance)?|please|pls|cheers|asap|as soon as possible"
    r"|if (?:you can|possible)|(?:please |can you |could you |would you )*"
    rf"(?:fix|repair|help|correct|mend|clean|do)(?: {_THIS})?(?: up| please)?"
    rf"|(?:(?:please|can you|could you) )*(?:remove|take|get rid of|make|sort) {_THIS}"
    r"(?: away| off| out| better| vanish| disappear| go(?: away)?)?"
    r"|(?:can|could|would|will) you|can (?:that|this|it) be (?:changed|corrected|fixed|repaired|mended|cleaned|helped)"
    r"|what (?:can|could) be done|any (?:idea|remedy|chance)s?|okay|ok|well|now|not good|do something"
    r"|that['’]?s (?:all|it)|in (?:that|this) order|for me|nothing else|so|or|and|hi|hello|hey"
    r"|(?:then )?save (?:it|this|that|the (?:result|image|file)))[.!?]*",
    re.IGNORECASE,
)
_OTHER_VERBS = """
add annotate archive back-up book bring-me buy buy-me calculate call caption classify clip colou?ri[sz]e
compress compute convert co-?register count crop cut degrade delete derive describe detect digiti[sz]e display download
draw drop e-?mail estimate explain export find fit flip forward frame georeference inform insert label load mail make-me
map measure mirror mosaic move notify open order orthorectify overlay paint pixelate play plot post print project
publish push recolou?r remind rename reorder reproject resize rotate save segment select sell send share show simulate
stitch store summari[sz]e swap tell text tile tint train translate trim turn-on tweet upload vectori[sz]e warp write
zip"""
_OTHER_WORK = re.compile(
    r"(?:(?:please|can you|could you|I want to|also|just|you)\s+)*"
    rf"(?:{'|'.join(verb if '-?' in verb else verb.replace('-', ' ') for verb in _OTHER_VERBS.split())})\b",
    re.IGNORECASE,
)

_CLEAR = 0.8
"""A text read with less probability than this may be several requests in one."""

_HARDLY, _BEYOND_DOUBT = 0.15, 0.8
"""If the probability of several requests is below the first, each piece must be read with at least the second."""


class Judgement(Protocol):
    """A reader's judgement of a piece of text."""

    @property
    def task(self) -> str:
        """The task asked for; ``none`` if it asks for none of ours."""

    @property
    def probability(self) -> float:
        """Probability of ``task``."""

    @property
    def compound(self) -> float:
        """Probability that the text asks for more than one thing."""


T = TypeVar("T", bound=Judgement)


@dataclass(frozen=True)
class Clause(Generic[T]):
    """One piece of text and its reading."""

    text: str
    reading: T


def cut(text: str) -> list[str]:
    """The pieces of ``text``, cut at its strongest conjunction, in the order of work; the whole text if it has none."""
    first = _FIRST.split(text, maxsplit=1)[::-1]
    leading, inner = _led(text), _inner(text)
    for pieces in (first, _SENTENCES.split(text), leading, _SEQUENCE.split(text), inner, _WEAK.split(text)):
        tidied = [neat for piece in pieces if (neat := tidy(piece))]
        found = [piece for piece in tidied if not is_courtesy(piece)]
        if len(found) > 1:
            return _carry_verb(found)
        if len(found) == 1 < len(tidied):
            return cut(found[0])
    return [tidy(text)]


def is_courtesy(text: str) -> bool:
    """Whether the text asks for nothing specific and can be dropped: "thanks", "please fix it"."""
    return bool(_COURTESY.fullmatch(text))


def is_other_work(text: str) -> bool:
    """Whether the text begins like a request for another program: "email it to Bob", "crop it to the AOI"."""
    return bool(_OTHER_WORK.match(text))


def clauses(text: str, read: Callable[[str], T]) -> list[Clause[T]]:
    """The requests in ``text`` in their order.

    Pieces that ask for nothing are left out if others ask for something, and neighbours that ask for the same task
    count once. A text that asks for nothing at all is returned as a single clause.
    """
    return requests(parts(text, read))


def parts(text: str, read: Callable[[str], T]) -> list[Clause[T]]:
    """All pieces of ``text`` in their order, including those that ask for nothing (task ``none``).

    If no piece of a text asks for anything, the text is returned as a single clause.
    """
    whole = Clause(text, read(text))
    compound, single = whole.reading.compound, _asks(whole)
    forms = (_SEQUENCE.search, _PRECEDES.search, _LEADING.match, _LAST.match, _NOT_BEFORE.match)
    ordered = any(form(text) for form in forms)
    pieces = cut(text) if compound > 0.5 or ordered or not single or whole.reading.probability < _CLEAR else []
    if len(pieces) < 2:
        return [whole]
    found = [part for piece in pieces for part in parts(piece, read)]
    if compound <= 0.5:
        # Terse requests ("sharpen and x2") are read as nothing, or as one of their pieces ("remove stripes and noise"),
        # and words of order are evidence by themselves. All are cut if every piece makes sense alone, and does so
        # beyond doubt if the whole hardly looks like several requests ("the histogram is all spikes and gaps").
        least = _BEYOND_DOUBT if compound < _HARDLY and not ordered else 0.5
        return found if all(_asks(part) and part.reading.probability >= least for part in found) else [whole]
    if not any(_asks(part) for part in found):
        return [whole]
    weakest = min(part.reading.probability for part in found)
    return [whole] if single and (1 - compound) * whole.reading.probability > compound * weakest else found


def _asks(clause: Clause[T]) -> bool:
    return clause.reading.task != "none" and clause.reading.probability >= 0.5


def likelier(first: Clause[T], second: Clause[T]) -> Clause[T]:
    """The clause whose task is more probable."""
    return second if second.reading.probability > first.reading.probability else first


def requests(
    found: list[Clause[T]], merge: Callable[[Clause[T], Clause[T]], Clause[T] | None] = likelier
) -> list[Clause[T]]:
    """The ``parts`` that ask for a task, with neighbours for the same task merged; all parts if none asks.

    ``merge`` returns one clause for two neighbours, or None if both are to be kept.
    """
    asked = [clause for clause in found if clause.reading.task != "none"]
    half, odd = divmod(len(asked), 2)
    earlier, later = (sorted(clause.reading.task for clause in part) for part in (asked[:half], asked[half:]))
    # Some list their complaints first and then repeat them as requests, which have the order of work.
    if not odd and earlier == later and len(set(earlier)) > 1:
        asked = asked[half:]
    kept: list[Clause[T]] = []
    for clause in asked:
        same = bool(kept) and kept[-1].reading.task == clause.reading.task
        merged = merge(kept[-1], clause) if same else None
        kept[-1 if merged else len(kept) :] = [merged or clause]
    return kept or found


def _led(text: str) -> list[str]:
    """Both halves of "after denoising, sharpen" or of "sharpen, but denoise first", in the order of work."""
    if found := _LAST.match(text):
        return [found[2], found[1]]
    if found := _LEADING.match(text):
        return _sorted(found[1], found[3], found[2])
    return [text]


def _inner(text: str) -> list[str]:
    """Both halves of "sharpen after denoising" or of "sharpen, but not before denoising", in the order of work."""
    if found := _NOT_BEFORE.match(text):
        return _sorted("after", found[1] or found[2], found[3])
    found = _INNER.match(text)
    return _sorted(found[2], re.sub(r",?\s*but only$", "", found[1]), found[3]) if found else [text]


def _sorted(word: str, main: str, other: str) -> list[str]:
    other = re.sub(r"^you (?:have )?", "", other)
    return [main, other] if word.lower() in _EARLIER else [other, main]


def _carry_verb(pieces: list[str]) -> list[str]:
    """Completes bare faults with the verb before them: "remove the stripes", "the noise" becomes "remove the noise"."""
    verb = ""
    complete = []
    for piece in pieces:
        if found := _VERB.search(piece):
            verb = found[1].lower()
        complete.append(f"{verb} {piece}" if verb and _BARE_FAULT.match(piece) else piece)
    return complete
