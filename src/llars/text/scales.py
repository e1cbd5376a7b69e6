"""The factor of resolution that words name: "double", "x3", "from 10 m to 5 m", "a quarter of the pixel size"."""

from __future__ import annotations

import re

from llars.errors import InstructionError
from llars.text.lengths import ratio_in, unused_length

__all__ = ["asks_for_coarser", "quoted", "scale_in", "scale_of"]

_NUMBERS = {
    "two": 2, "double": 2, "twice": 2, "half": 2, "halve": 2, "doubled": 2, "doubling": 2, "halved": 2, "halving": 2,
    "three": 3, "triple": 3, "treble": 3, "thrice": 3, "tripled": 3, "tripling": 3, "a third": 3, "one third": 3,
    "four": 4, "quadruple": 4, "quadrupled": 4, "quadrupling": 4, "quarter": 4, "quartered": 4, "quartering": 4,
    "five": 5, "six": 6, "eight": 8, "ten": 10,
}  # fmt: skip
# "2.5" and "2,5" are read whole: a part of the number would silently be taken for another factor.
_NUMBER = r"(?:\d+(?:[.,]\d+)?|(?<!\w)\.\d+|two|three|four|five|six|eight|ten)"
_SCALE = re.compile(
    rf"(?:x|×|\btimes |\b(?:scale|factor)\s*[=:]?\s*(?:of )?|\bby (?:a factor of )?)"
    rf"\s*(?P<after>{_NUMBER})\b(?!\s*(?:m|cm)\b|[.,]\d)"
    rf"|(?<!\w)(?<!\d[.,])(?P<before>{_NUMBER})(?:\s*(?:x|×)(?!\w)|[\s-]*(?:times|fold)\b)"
    r"|\b(?P<word>doubl(?:e|ed|ing)|twice|half|halve[d]?|halving|tripl(?:e|ed|ing)|treble|thrice"
    r"|quadrupl(?:e|ed|ing)|quarter(?:ed|ing)?(?=\s+(?:the|its|of|my|pixels?|gsd)\b)|(?:a|one) third(?=\s+of\b))\b",
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


def scale_in(text: str) -> int | None:
    """The factor of resolution that the words name: "double", "x3", "four times", "from 10 m to 5 m"; None if none.

    Raises:
        InstructionError: the factor is not 2, 3 or 4.
    """
    factor = _named(text)
    if factor is None:
        return None
    if factor < 1:
        raise InstructionError(
            f"{quoted(text)} asks for a grid {1 / max(factor, 1e-6):.3g} times coarser; llars makes grids finer only"
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
    if match := _SCALE.search(text):
        word = (match["after"] or match["before"] or match["word"]).lower()
        return float(_NUMBERS.get(word, 0) or word.replace(",", "."))
    return None


def _of_percent(text: str, share: float, by: bool) -> float:
    """The factor of "upsample to 200 %", "a resolution 100 % higher", "reduce the pixel size by 50 %"."""
    if _SMALLER.search(text):
        left = 1 - share if by else share
        return 1 / left if left > 0 else float("inf")
    return share if share >= 1 and (not by or _ENLARGES.search(text)) else 1 + share


def quoted(text: str, longest: int = 60) -> str:
    """The words in quotation marks, on one line and shortened, as messages name them."""
    line = " ".join(text.split())
    return repr(line if len(line) <= longest else line[: longest - 1] + "…")
