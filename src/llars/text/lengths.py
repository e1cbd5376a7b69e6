"""Lengths in words, and which of them is a pixel size that is asked for: "resample to 2.5 m", "make 250 cm pixels"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from llars.text.clauses import is_other_work

__all__ = ["LENGTH", "length_wanted", "pixel_size_in", "plain_arrows", "ratio_in", "unused_length"]

_WORDS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "eight": 8, "ten": 10, "fifteen": 15, "twenty": 20,
    "thirty": 30, "sixty": 60, "half a": 0.5, "half-a": 0.5, "half": 0.5,
}  # fmt: skip
_NUMBER = rf"(?:\d+(?:[.,]\d+)?|\.\d+|(?:{'|'.join(_WORDS)})\b)"
_UNIT = r"(?:m|met(?:re|er)s?|cm|centimet(?:re|er)s?|km|kilomet(?:re|er)s?)"
_SQUARE = rf"(?:{_NUMBER}\s*{_UNIT}?\s*[x×]\s*)?"
_BARE = rf"{_SQUARE}{_NUMBER}\s*-?\s*{_UNIT}(?![\w²³^])"
LENGTH = _BARE
"""Pattern of one length."""

_LENGTH = re.compile(rf"(?<![\w.,]){_SQUARE}(?P<number>{_NUMBER})\s*-?\s*(?P<unit>{_UNIT})(?![\w²³^])", re.IGNORECASE)
_ARROW = r"(?:-+>|=+>|→|⇒)"
_ARROWS = re.compile(rf"({_BARE})\s*{_ARROW}\s*(?={_BARE})", re.IGNORECASE)
_BETWEEN_BOTH = re.compile(rf"(?:^|[^.;])*?(?:\b(?:in)?to\b|\bat\b|{_ARROW})\s*(?:an?\s|the\s)?\s*$", re.IGNORECASE)
_FROM_NUMBER = re.compile(rf"\bfrom\s+(?P<number>{_NUMBER})\s+(?:in)?to\s+(?={_BARE})", re.IGNORECASE)

_ABOUT_GRID = re.compile(
    r"\b(?:bands?|all|everything|channels?|resolutions?|grid|pixels?|px|cells?|image|picture|scene|raster|product|it|gsd"
    r"|sampling|spacing|(?:re|up)-?sampl\w*|(?:re|up)-?scal\w*|super-?\s?res\w*|enlarg\w*|magnif\w*|zoom\w*|refin\w*"
    r"|sharpen\w*|re-?grid\w*|interpolat\w*|bring|go|get|take|put|make|convert|change|set|reach|give|need|want|increase"
    r"|improve|reduce|shrink)\b",
    re.IGNORECASE,
)
_OTHER_TASK = re.compile(
    r"nois|speckl|grain|haz[ey]|fog|smok|cloud|strip|banding|blur|histogram|contrast|bright|dark|exposure"
    r"|\bpan\b|panchrom|pan-?sharp|\bmodis\b|\bviirs\b|\bradar\b|\bsar\b|\bfus|\bpair\b|\bdates?\b|\bday\b",
    re.IGNORECASE,
)
"""Words of other tasks, and of those that take the grid of a guide."""

_WANTED_BEFORE = re.compile(
    rf"(?:\b(?:to|at|on|onto|into)|=|:|{_ARROW})\s*(?:(?:an?|the|about|roughly|approximately|exactly)\s+)*$",
    re.IGNORECASE,
)
_GRID_BEFORE = re.compile(
    r"\b(?:pixels?(?: sizes?)?|cell sizes?|resolution|gsd|sampling(?: distance)?|spacing|need|want)\s*"
    r"(?:of|is|to be|(?:should|must|shall) be)?\s*(?:an?\s+)?$",
    re.IGNORECASE,
)
_GRID_AFTER = re.compile(r"[\s-]*(?:pixels?|px|grid|resolution|gsd|cells?|spacing|sampling|per\b|/\s?p)", re.IGNORECASE)
_PRESENT_BEFORE = re.compile(
    r"\b(?:the|my|our|your|these|this|those|its|their|from|all|instead of|rather than|than|measures?|each|every)\s+$",
    re.IGNORECASE,
)
_PRESENT_AFTER = re.compile(
    r"[^,;]*?\b(?:too|not|no|nothing|nobody|cannot|insufficient|enough|hides?|\w+n['’]t)\b|\s*(?:pixels?\s+)?(?:is|are|was)\b",
    re.IGNORECASE,
)
_ALONE = re.compile(
    rf"(?:please\s+)?(?:then\s+)?(?:(?:to|at|{_ARROW})\s*)?{_BARE}(?:\s*,?\s*(?:please|instead))?[.!]?", re.IGNORECASE
)


@dataclass(frozen=True)
class _Length:
    metres: float
    start: int
    stop: int


def pixel_size_in(clause: str) -> float | None:
    """The pixel size in metres that a clause asks for; None where it names none, or only the present one.

    "To 2.5 m", "make 250 cm pixels" and "a GSD of 5 m" ask for one; "10 m is too coarse" and "the 10 m bands" do not.
    """
    about_grid = _ABOUT_GRID.search(clause) and not _OTHER_TASK.search(clause) and not is_other_work(clause)
    return length_wanted(clause) if about_grid or _ALONE.fullmatch(clause.strip()) else None


def length_wanted(text: str) -> float | None:
    """The length in metres that is to be reached, whatever the text is about; None if it names none."""
    found = _lengths(text)
    asked = [one for one in found if _is_asked_for(text, one)]
    if asked:
        return asked[-1].metres
    return found[0].metres if _ALONE.fullmatch(text.strip()) else None


def unused_length(text: str) -> float | None:
    """The first length in metres that is not said of the present pixels, in words that name no ratio; None if none."""
    there = [one for one in _lengths(text) if not _is_present(text, one)]
    return there[0].metres if there else None


def ratio_in(text: str) -> float | None:
    """How many times finer the second of two lengths is: 4 for "10 m -> 2.5 m", "from 10 to 2.5 m"; None if not two."""
    found = _lengths(text)
    for first, second in pairwise(found):
        gap = text[first.stop : second.start]
        if ";" not in gap and _BETWEEN_BOTH.fullmatch(gap):
            return first.metres / max(second.metres, 1e-6)
    if found and (start := _FROM_NUMBER.search(text)):
        unit = _LENGTH.match(text, start.end())
        return _value(start["number"]) * _factor(unit["unit"]) / max(found[0].metres, 1e-6) if unit else None
    return None


def plain_arrows(text: str) -> str:
    """The text with "to" for arrows between two lengths: an arrow elsewhere separates requests."""
    return _ARROWS.sub(lambda found: f"{found[1]} to ", text)


def _is_asked_for(clause: str, length: _Length) -> bool:
    before, after = clause[: length.start], clause[length.stop :]
    if _is_present(clause, length):
        return False
    return bool(_WANTED_BEFORE.search(before) or _GRID_AFTER.match(after) or _GRID_BEFORE.search(before))


def _is_present(clause: str, length: _Length) -> bool:
    """Whether the length is said of the pixels as they are: "10 m is too coarse", "the 10 m bands"."""
    before, after = clause[: length.start], clause[length.stop :]
    said = not _WANTED_BEFORE.search(before) and _PRESENT_BEFORE.search(before)
    return bool(_PRESENT_AFTER.match(after) or said)


def _lengths(text: str) -> list[_Length]:
    return [
        _Length(_value(found["number"]) * _factor(found["unit"]), found.start(), found.end())
        for found in _LENGTH.finditer(text)
    ]


def _value(number: str) -> float:
    word = re.sub(r"\s+", " ", number.lower())
    return float(_WORDS[word]) if word in _WORDS else float(word.replace(",", "."))


def _factor(unit: str) -> float:
    return {"c": 0.01, "k": 1000.0}.get(unit[0].lower(), 1.0)
