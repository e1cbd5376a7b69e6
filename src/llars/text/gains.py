"""How many times brighter an image shall be: "half as bright", "2x brighter", "darken by 30 %", in stops."""

from __future__ import annotations

import math
import re

__all__ = ["gain_in_stops"]

_WORDS = {
    "two": 2.0, "twice": 2.0, "double": 2.0, "doubling": 2.0, "three": 3.0, "thrice": 3.0, "triple": 3.0,
    "tripling": 3.0, "four": 4.0, "quadruple": 4.0, "half": 0.5, "halve": 0.5, "halving": 0.5,
    "a third": 1 / 3, "one third": 1 / 3, "a quarter": 1 / 4, "one quarter": 1 / 4,
}  # fmt: skip
_NUMBER = r"(?:\d+(?:[.,]\d+)?|\.\d+|two|three|four)"
_TIMES = (
    rf"(?:{_NUMBER}\s*(?:x|×|-?\s*times|-?\s*fold)|[x×]\s*\d+(?:[.,]\d+)?|twice|thrice|half"
    r"|(?:a|one) (?:third|quarter))"
)
_LIGHT = r"(?:brightness|exposure|luminance|luminosity|light|values)"
_BRIGHT, _DARK = r"(?:bright|light)(?:er|en)?", r"(?:dark|dim)(?:er|en|mer)?"
_AS = re.compile(
    rf"(?<![\w.,])(?P<factor>{_TIMES})\s+(?:as\s+)?(?:much\s+)?(?P<word>{_BRIGHT}|{_DARK})\b"
    rf"|\b(?P<verb>doubl(?:e|ing)|tripl(?:e|ing)|quadruple|halv(?:e|ing)|half|twice)\s+(?:the\s+|its\s+|my\s+)?{_LIGHT}\b"
    rf"|\b(?P<how>bright(?:en|er)|light(?:en|er)|dark(?:en|er)|dim)\b[^;.!?]*?\b(?:by\s+)?(?:a\s+)?(?:factor(?:\s+of)?\s+(?P<by>{_NUMBER})\b"
    rf"|(?P<times>{_TIMES})(?!\s+(?:a|of|the|stop|as)\b))",
    re.IGNORECASE,
)
_PERCENT = re.compile(
    r"(?P<to>\bto\s+)?(?<![\w.,])(?P<minus>[-−](?=\d))?(?P<number>\d+(?:[.,]\d+)?)\s*(?:%|per ?cent\b)(?!\s+of\b)",
    re.IGNORECASE,
)
_UP = re.compile(
    rf"{_LIGHT}\s*\+\s*[\d.]|\b(?:bright|light)(?:er|en)\b|\b(?:raise|increase|boost|lift|more)\b[^,;.]*\b{_LIGHT}",
    re.IGNORECASE,
)
_DOWN = re.compile(
    rf"{_LIGHT}\s*[-−]\s*[\d.]|\b(?:dark|dim)(?:er|en|mer)?\b|\b(?:lower|reduce|decrease|less)\b[^,;.]*\b{_LIGHT}",
    re.IGNORECASE,
)
_STATED = re.compile(r"\b(?:is|are|was|were|looks?|seems?|appears?)\b", re.IGNORECASE)

_BLACK = -10.0
"""Stops that stand for "100 % darker"."""


def gain_in_stops(text: str) -> float | None:
    """Stops of the factor on brightness that the words ask for, negative for a darker image; None if they name none.

    "Twice as bright" is one stop, "half as bright" minus one; "by 50 %" is a factor of 1.5, or of 0.5 to darken. What
    is only stated ("it is half as bright as the other") names none.
    """
    if (found := _AS.search(text)) and not _STATED.search(text[: found.start()]):
        factor = _value(found["factor"] or found["verb"] or found["by"] or found["times"])
        word = (found["word"] or found["how"] or "").lower()
        if found["how"] and factor <= 1:
            # "Darken by half" names a strength.
            return None
        return -math.log2(factor) if word.startswith("d") else math.log2(factor)
    if (found := _PERCENT.search(text)) and not _STATED.search(text[: found.start()]):
        share = float(found["number"].replace(",", ".")) / 100
        up, down = bool(_UP.search(text)), bool(_DOWN.search(text))
        if up == down or not share:
            return None
        factor = share if found["to"] else 1 + share if up and not found["minus"] else 1 - share
        return math.log2(factor) if factor > 0 else _BLACK
    return None


def _value(words: str) -> float:
    key = re.sub(r"\s+", " ", words.lower())
    if key in _WORDS:
        return _WORDS[key]
    number = re.sub(r"[x×]|-?\s*times|-?\s*fold|\s", "", key)
    return _WORDS[number] if number in _WORDS else max(float(number.replace(",", ".")), 1e-3)
