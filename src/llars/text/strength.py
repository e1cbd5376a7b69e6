"""The strength that a text names: in words ("slightly", "as much as you can") or as a number ("strength 0.9", "30 %").

The network that reads strengths also finds them where there are none: "take the softness out" sounds gentle to it. The
words of strength are few, so a text without any of them names none. Numbers are taken as they are written.
"""

from __future__ import annotations

import re

from llars.errors import InstructionError
from llars.text.scales import quoted

__all__ = ["joined_strengths", "may_name_strength", "named_strength"]

_STEMS = """aggressive cautious complete considerabl delicate dramatic drastic enormous entire exceeding extreme faint
full hopeless huge incredibl insane intense marginal massive maxim mild minim moderate notab noticeabl radical
reasonabl ridiculous severe slight sparing strong subtl terribl thorough total unbearabl utter vague vigorous"""
_WHOLE = """amount average awful awfully bad balanced barely best big bit bits broken careful carefully certain
clear deal degree dense dreadful dreadfully ev extent extra extraordinary fair fairly far force gentle gently great
greatly half halfway hair hard heavily heavy high hint horribly large light lightly little loads lot lots low max
medium mercy mid-level minor much neither normal normally notch opaque ordinary percent powerful pretty quarter
quite rather really restraint scattered semi-transparent shade small smidge so soft softly solid somewhat standard stop
stops strength super tad thick thin tiny tons too touch very way weak weakly wee wispy whole"""
_ENDS = r"(?:as|best) you can\b|(?<!soon )as possible\b|\d\s*%"
_NAMED = re.compile(
    rf"\b(?:(?:{'|'.join(_STEMS.split())})\w*|(?:{'|'.join(_WHOLE.split())}|per cent)\b)|{_ENDS}", re.IGNORECASE
)


_NUMBER = r"(?<![\w.,])(?P<number{0}>[-−]?(?:\d+(?:[.,]\d+)?|[.,]\d+))"
_PERCENT = r"\s*(?:%|per ?cent\b)"
_KEY = r"(?:strength|severity|intensity)"
_FAULT = r"(?:noise|speckle|grain|haze|fog|smoke|blur|clouds?|stripes|striping|banding)"
_TASK = (
    r"(?:de-?nois\w*|noise|de-?speckl\w*|speckle|de-?haz\w*|haze|de-?blur\w*|blur|sharp\w*|de-?strip\w*|stripes|clouds?|bright\w*"
    r"|dark\w*|stretch|contrast|equali\w*)"
)
_END = r"(?=[\s.!)]*$)"


def _form(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern.replace("NUMBER", _NUMBER.format("")).replace("PERCENT", _PERCENT), re.IGNORECASE)


_PLAIN = (
    _form(rf"\b{_KEY}\s*(?:of\s|is\s|to\s|at\s|=|:)?\s*NUMBER(?P<percent>PERCENT)?"),
    _form(rf"NUMBER(?P<percent>PERCENT)?\s+{_KEY}\b"),
    _form(rf"\b{_TASK}\s*=\s*NUMBER(?P<percent>PERCENT)?"),
)
"""Forms that can name nothing but a strength."""

_SHARES = (
    _form(rf"NUMBER(?P<percent>PERCENT)\s+of\s+(?:the\s+|all\s+|its\s+)*{_FAULT}\b"),
    _form(rf"\b(?:by|at|with)\s+(?:about\s+|around\s+|roughly\s+|only\s+)?NUMBER(?P<percent>PERCENT){_END}"),
)
_BARE = (
    _form(rf"^{_TASK}\b.*?[\s(]NUMBER(?P<percent>PERCENT){_END}"),
    _form(rf"^NUMBER(?P<percent>PERCENT)\s+(?:less\s+)?{_TASK}"),
    _form(rf"^{_TASK}\s+(?:it\s+)?(?P<number>0?[.,]\d+|1[.,]0){_END}(?P<percent>)"),
)
_REMAINING = _form(rf"\b(?:reduce|cut|lower|bring)\b[^,;.]*\b{_FAULT}\b[^,;.]*\bto\s+NUMBER(?P<percent>PERCENT)")
_APART = re.compile(rf"\s*[,;:]\s*(?:with\s+|at\s+)?(?=(?:an?\s+)?{_KEY}\b)", re.IGNORECASE)

_ZERO = re.compile(r"\bzero\b", re.IGNORECASE)

_GRID = frozenset({"sr", "pansharpen", "stf"})
_TONES = frozenset({"stretch", "equalize", "brightness"})
"""Tasks in which a percentage is no strength but a share of pixels, or a factor on brightness."""


def named_strength(task: str, text: str) -> float | None:
    """The strength in [0, 1] that a request for ``task`` names as a number; None if it names none.

    Raises:
        InstructionError: the number is not between 0 and 1, or 0 and 100 %.
    """
    if task in _GRID:
        return None
    forms = (
        _PLAIN if task in _TONES else (*_PLAIN, *_SHARES) if task.startswith("cloud") else (*_PLAIN, *_SHARES, *_BARE)
    )
    figures = _ZERO.sub("0", text)
    found = next((match for form in forms if (match := form.search(figures))), None)
    left = None if found or task in _TONES else _REMAINING.search(figures)
    if not (match := found or left):
        return None
    strength = float(match["number"].replace(",", ".").replace("−", "-")) / (100 if match["percent"] else 1)
    if not 0 <= strength <= 1:
        raise InstructionError(
            f"{quoted(text)} names the strength {strength:g}; give one between 0 and 1, or 0 and 100 %"
        )
    return strength if found else 1 - strength


def joined_strengths(text: str) -> str:
    """The text with strengths beside the request they belong to: "denoise, strength 0.9" is one request."""
    return _APART.sub(" ", text)


def may_name_strength(text: str) -> bool:
    """False if no word of ``text`` can name a strength."""
    return bool(_NAMED.search(text))
