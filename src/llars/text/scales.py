"""The factor of resolution that words name: "double", "x3", "from 10 m to 5 m", "a quarter of the pixel size"."""

from __future__ import annotations

import re

from llars.errors import InstructionError
from llars.text.lengths import ratio_in, unused_length

__all__ = ["asks_for_coarser", "quoted", "repeats", "scale_in", "scale_of", "shortened"]

_NUMBERS = {
    "two": 2, "double": 2, "twice": 2, "half": 2, "halve": 2, "doubled": 2, "doubling": 2, "halved": 2, "halving": 2,
    "three": 3, "triple": 3, "treble": 3, "thrice": 3, "tripled": 3, "tripling": 3, "a third": 3, "one third": 3,
    "four": 4, "quadruple": 4, "quadrupled": 4, "quadrupling": 4, "quarter": 4, "quartered": 4, "quartering": 4,
    "five": 5, "six": 6, "eight": 8, "ten": 10,
}  # fmt: skip
# "2.5" and "2,5" are read whole: a part of the number would silently be taken for another factor.
_NUMBER = r"(?:\d+(?:[.,]\d+)?|(?<!\w)\.\d+|two|three|four|five|six|eight|ten)"
_ENDS = r"(?=[\s.!?)]*$|\s*[,;)]|\s+(?:and|or|then|please|pls)\b)"
_SCALE = re.compile(
    rf"(?:x|×|\btimes |\b(?:scale|factor)\s*[=:]?\s*(?:of )?|\bby (?:a factor of )?)"
    rf"\s*(?P<after>{_NUMBER})\b(?!\s*(?:m|cm)\b|[.,]\d)"
    rf"|(?<!\w)(?<!\d[.,])(?P<before>{_NUMBER})(?:\s*(?:x|×)(?!\w)|[\s-]*(?:times|fold)\b)"
    r"|\b(?P<word>doubl(?:e(?!-)|ed|ing)|twice|half|halve[d]?|halving|tripl(?:e|ed|ing)|treble|thrice"
    r"|quadrupl(?:e|ed|ing)|quarter(?:ed|ing)?(?=\s+(?:the|its|of|my|pixels?|gsd)\b)|(?:a|one) third(?=\s+of\b))\b"
    r"|\b(?:up-?(?:scal|sampl)\w*|up-?res|super-?\s?res(?:ol\w*)?|sr|enlarge|magnify|zoom(?: in)?)"
    rf"\s+(?:(?:it|this|the (?:image|scene|picture)|everything|to|by)\s+)*(?P<bare>{_NUMBER}){_ENDS}",
    re.IGNORECASE,
)
_NEXT = re.compile(
    rf"\s*(?:[,/&–-]|\b(?:or|and|to)\b)\s*(?:then\s+)?(?:x|×|by\s+)?\s*(?P<factor>{_NUMBER})(?:\s*(?:x|×|times|fold)(?!\w)|{_ENDS})",
    re.IGNORECASE,
)
_PREVIOUS = re.compile(
    rf"(?<![\w.,-])(?P<factor>{_NUMBER})\s*(?:x|×|times)?\s*(?:[–/-]|\b(?:or|to)\b)\s*(?:x|×)?\s*$", re.IGNORECASE
)
"""Factors beside another: "by 2 and 3", "2-3 times"."""

_AGAIN_WORDS = r"(?:again|once more|one more time|an(?:other)? (?:second |other )?time|a second time|another time)"
_AGAIN = re.compile(
    rf"(?P<joint>[,;.]|\b(?:and|then)\b)(?:(?![,;.]|\b(?:and|then)\b).)*?\b{_AGAIN_WORDS}\b", re.IGNORECASE
)
_IN_A_ROW = re.compile(
    r"(?<!\bor)(?<!\band)(?<!\bto)(?:\s*,)?\s+(?P<times>twice|thrice|(?:two|three|[23]) times)"
    r"(?=\s*(?:please|over|in a row|in succession)?[\s.!]*$)",
    re.IGNORECASE,
)
_REPEATS = re.compile(
    r"(?:(?:and|then|also|please)\s+)*(?:"
    r"(?:double|triple|treble|quadruple|up-?scale|up-?sample|super-?resolve|enlarge|do|[x×]\s?\d|\d\s?[x×]|the same)?"
    r"(?:\s*(?:it|this|that|the (?:resolution|result|image|same)|everything))?"
    rf"(?:\s+(?:x\s?\d|\dx|by \w+))?\s*{_AGAIN_WORDS}"
    rf"|{_AGAIN_WORDS}\s+(?:by\s+)?(?:double it|double|[x×]\s?\d|\d\s?[x×]?|\w+ times)"
    r"|twice|thrice|(?:two|three|[23]) times)(?:\s*,?\s*please)?[\s.!]*",
    re.IGNORECASE,
)
_PERCENT = re.compile(r"(?P<by>\bby\s+)?(?<![\w.,])(?P<number>\d+(?:[.,]\d+)?)\s*(?:%|per ?cent\b)", re.IGNORECASE)
_ENLARGES = re.compile(r"\b(?:(?:up|re)-?(?:sampl|scal)|scal|enlarg|zoom|magnif|super-?\s?res)", re.IGNORECASE)
_SIZE = r"(?:pixel (?:size|spacing)|cell size|gsd|ground sampling distance|size of (?:the|its) pixels)"
_SMALLER = re.compile(
    rf"\b(?:reduc|decreas|lower|shrink|cut)\w*\b[^,;.]*\b(?:{_SIZE}|pixels)\b|\b{_SIZE}\b[^,;.]*\bsmaller",
    re.IGNORECASE,
)
_COARSER = re.compile(
    r"\b(?:(?:lower|reduce|decrease|degrade|worsen|halv(?:e|ing)|quarter(?:ing)?)\s+(?:the\s+|its\s+|my\s+)?(?:\w+\s+)?"
    r"resolution\b"
    r"|(?:half|a quarter of|a third of) the\s+(?:\w+\s+)?resolution\b"
    r"|resolution\s+(?:(?:should|must|to)\s+be\s+)?halved\b"
    r"|down-?(?:sampl|scal)|coarsen"
    rf"|(?:doubl|tripl|quadrupl|increas|enlarg|rais)(?:e|ing)\s+(?:the\s+|its\s+|my\s+)?{_SIZE}\b"
    r"|(?:bigger|larger|coarser)\s+(?:pixels\b|pixel size|cells\b|gsd\b|grid\b))",
    re.IGNORECASE,
)


def asks_for_coarser(text: str) -> bool:
    """Whether the words ask for a coarser grid: "halve the resolution", "double the pixel size"."""
    return bool(_COARSER.search(text))


def repeats(text: str) -> bool:
    """Whether the words ask to make the grid finer once more: "double it again", "and again", "twice"."""
    return bool(_REPEATS.fullmatch(text.strip()))


def scale_in(text: str) -> int | None:
    """The factor of resolution that the words name: "double", "x3", "four times", "from 10 m to 5 m"; None if none.

    Raises:
        InstructionError: the factor is not 2, 3 or 4, or there are several.
    """
    factor = _named(text)
    if factor is None:
        return None
    if factor <= 0:
        raise InstructionError(f"{quoted(text)} asks for the factor 0; llars does x2, x3 and x4")
    if factor < 1:
        raise InstructionError(
            f"{quoted(text)} asks for a grid {1 / factor:.3g} times coarser; llars makes grids finer only"
        )
    if round(factor, 6) not in (2, 3, 4):
        raise InstructionError(
            f"{quoted(text)} asks for a resolution {factor:.4g} times finer; llars does x2, x3 and x4"
        )
    return round(factor)


def scale_of(text: str) -> int:
    """The factor of a request for a finer grid, 2 where its words name none.

    Raises:
        InstructionError: the factor is not 2, 3 or 4, the grid is to be coarser, or only a pixel size is named, of
            which no factor follows without the size of the image's pixels.
    """
    if asks_for_coarser(text):
        raise InstructionError(f"{quoted(text)} asks for a coarser grid; llars makes grids finer only")
    scale = scale_in(text)
    if scale is None and (size := unused_length(text)) is not None:
        raise InstructionError(
            f"{quoted(text)} names a pixel size ({size:g} m), and words alone do not tell its factor; say x2, x3 or "
            f"x4, or, to restore an image, 'resample to {size:g} m' as a clause of its own"
        )
    return scale or 2


def _named(text: str) -> float | None:
    if (ratio := ratio_in(text)) is not None:
        return ratio
    if percent := _PERCENT.search(text):
        return _of_percent(text, float(percent["number"].replace(",", ".")) / 100, bool(percent["by"]))
    return _factor_of(text)


def _factor_of(text: str) -> float | None:
    """The factor that the words name, with those that ask for it again: "double it twice" is 4; None if none.

    Raises:
        InstructionError: they name several.
    """
    in_a_row = _IN_A_ROW.search(text)
    if in_a_row and (once := _SCALE.search(text[: in_a_row.start()])):
        factor, count = _value(once), _number(in_a_row["times"].split()[0])
        return float(factor**count)
    found = [*_SCALE.finditer(text)]
    if not found:
        return None
    again = _AGAIN.search(text, found[0].end())
    if again:
        later = [_value(match) for match in found if match.start() >= again.start()]
        return _value(found[0]) * (later[0] if later else _value(found[0]))
    factors = [_value(match) for match in found]
    beside = [_NEXT.match(text, match.end()) for match in found] + [_PREVIOUS.search(text[: found[0].start()])]
    factors += [_number(match["factor"]) for match in beside if match]
    if len(distinct := set(factors)) > 1:
        listed = " and ".join(f"x{factor:.4g}" for factor in sorted(distinct))
        raise InstructionError(f"{quoted(text)} names several scales, {listed}; name a single one: x2, x3 or x4")
    return factors[0]


def _value(match: re.Match[str]) -> float:
    return _number(match["after"] or match["before"] or match["word"] or match["bare"])


def _number(word: str) -> float:
    return float(_NUMBERS.get(word.lower(), 0) or word.replace(",", "."))


def _of_percent(text: str, share: float, by: bool) -> float:
    """The factor of "upsample to 200 %", "a resolution 100 % higher", "reduce the pixel size by 50 %"."""
    if _SMALLER.search(text):
        left = 1 - share if by else share
        return 1 / left if left > 0 else float("inf")
    return share if share >= 1 and (not by or _ENLARGES.search(text)) else 1 + share


def shortened(text: str, longest: int = 120) -> str:
    """The words on one line, and no more than ``longest`` characters of them."""
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def quoted(text: str, longest: int = 120) -> str:
    """The words in quotation marks, on one line and shortened, as messages name them."""
    return repr(shortened(text, longest))
