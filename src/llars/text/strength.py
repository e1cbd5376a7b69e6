"""Checks whether a text names a strength at all ("slightly", "as much as you can", "by 50 %").

The network that reads strengths also finds them where there are none: "take the softness out" sounds gentle to it. The
words of strength are few, so a text without any of them names none.
"""

from __future__ import annotations

import re

__all__ = ["may_name_strength"]

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


def may_name_strength(text: str) -> bool:
    """False if no word of ``text`` can name a strength."""
    return bool(_NAMED.search(text))
