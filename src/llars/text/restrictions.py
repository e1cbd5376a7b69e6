"""Words that restrict a request to some bands, a part of the image or other limits, which llars does not do."""

from __future__ import annotations

import re

from llars.text.gaps import names_scan_gaps
from llars.text.lengths import length_wanted
from llars.text.parameters import method_in, parameter_in
from llars.text.strength import named_strength

__all__ = ["names_only_bands", "restrictions", "says_again"]

_NUMBERED = r"(?:(?:bands?|channels?)\s*(?:no\.?\s*)?B?\d{1,2}A?|B\d{1,2}A?)\b"
_COLOUR = r"(?:red(?:[ -]edge)?|green|blue|nir|near[ -]infrared|infrared|swir[ -]?\d?|coastal|cirrus|vv|vh|hh|hv)"
_BAND = rf"(?:{_NUMBERED}|{_COLOUR}(?:\s+(?:bands?|channels?))?\b)"
_END = r"(?=\s*(?:[,;.!?)]|$|\b(?:and|or|but|then)\b))"
_ONLY_BANDS = re.compile(
    rf"\b(?:only|just|solely)\s+(?:(?:in|on|for|from|of|to)\s+)?(?:the\s+)?{_BAND}|{_BAND}\s+(?:only|alone)\b{_END}"
    r"|\b(?:except(?:ing)?|excluding|(?:but\s+)?not|without|apart from|other than|but)"
    rf"\s+(?:(?:for|in|on|from)\s+)?(?:the\s+)?{_BAND}{_END}",
    re.IGNORECASE,
)
_IN_BAND = re.compile(rf"\b(?:{_NUMBERED}|{_COLOUR}\s+(?:bands?|channels?)\b)", re.IGNORECASE)

_SIDE = (
    r"(?:upper|lower|left|right|top|bottom|north\w*|south\w*|east\w*|west\w*|cent(?:re|er|ral)|middle)"
    r"(?:[ -](?:left|right|hand|east\w*|west\w*))*"
)
_PLACE = re.compile(
    rf"\b{_SIDE}(?:[ -]most)?\s+(?:half|part|corner|quarter|third|side|edge|area|region|portion|section|quadrant)\b"
    r"|\bonly\s+(?:in|over|on|near|along|within|inside|around|where)\b|\b(?:inside|within)\s+(?:the|my)\s+(?:aoi|polygon|box|mask)\b",
    re.IGNORECASE,
)
_TONE = re.compile(r"histogram|range|values|tail|percentile", re.IGNORECASE)
_NUMBER = r"(?<![\w.,])(\d{1,3}(?:[.,]\d+)?)"
_PERCENT = r"\s*(?:%|per ?cent|st\b|nd\b|rd\b|th\b)?"
_LIMITS = re.compile(
    rf"{_NUMBER}{_PERCENT}\s*(?:-|–|/|to|and)\s*(?:the\s+)?(\d{{1,3}}(?:[.,]\d+)?){_PERCENT}(?![\w.])", re.I
)
_BARE_LIMITS = re.compile(
    r"(?<![\w.,])[Pp]?(\d{1,2}(?:\.\d+)?)\s*(?:%|,|;|-|–|/|\bto\b|\band\b|\s)\s*[Pp]?(\d{2,3}(?:\.\d+)?)(?![\w.])"
)
"""Limits of a stretch side by side: "1 99", "1,99", "p1 p99"."""

_CUT = re.compile(rf"{_NUMBER}\s*(?:%|per ?cent\b)", re.IGNORECASE)
_OTHER_LIMITS = re.compile(
    r"\bmin(?:imum)?[ -/]*(?:to )?max|\bstd\b|\bsigmas?\b|\bstandard deviations?\b", re.IGNORECASE
)

_AGAIN = re.compile(r"\b(?:twice|thrice|(?:two|three|[23]) times)(?=[\s.!]*$)", re.IGNORECASE)

_AS_BEFORE = re.compile(r"\b(?:make|get|bring|let|see|look|become|want|should|need|can)\b", re.IGNORECASE)
_SAYS_AGAIN = re.compile(r"\b(?:again|once more|one more time|(?:a|one) second time|another time)\b", re.IGNORECASE)

_FUSION = frozenset({"pansharpen", "stf", "cloud_sar", "sr"})


_NO_UNIT = re.compile(
    r"(?:\bby|brightness|exposure|brighten|darken)\s*[=:]?\s*([-−+]?\d+(?:[.,]\d+)?)(?=[\s.!]*$)", re.IGNORECASE
)
_INSTEAD = {"equalize": "plain histogram equalisation", "stretch": "a linear 2-98 % stretch"}
"""What is done whatever variant of a task is named."""


def names_only_bands(text: str) -> bool:
    """Whether the text restricts the work to some bands: "denoise only band 4", "all bands except NIR"."""
    return bool(_ONLY_BANDS.search(text)) and not re.search(r"\bpan", text, re.IGNORECASE)


def says_again(text: str) -> bool:
    """Whether the words ask for the same work once more; "make it crisp again" asks for how it was before."""
    return bool(_SAYS_AGAIN.search(text)) and not _AS_BEFORE.search(text)


def restrictions(task: str, text: str) -> list[str]:
    """What a request for ``task`` is restricted to, each as the end of a note on what is done instead."""
    found = []
    if task not in _FUSION and _IN_BAND.search(text):
        found.append("names a band; all bands are processed")
    if _PLACE.search(text) and not (task in ("stretch", "equalize") and _TONE.search(text)):
        found.append("names a part of the image; the whole image is processed")
    if task == "stretch" and _has_other_limits(text):
        found.append("names other limits than 2 and 98 %; llars cuts 2 % at either end, and does that")
    if task == "destripe" and names_scan_gaps(text):
        found.append(
            "names the gaps of SLC-off; stripes are removed, and pixels that are nodata in the file stay nodata"
        )
    if task not in _FUSION and (length := length_wanted(text)) is not None:
        found.append(f"names a length, {length:g} m, which no step uses")
    if task not in _FUSION and task != "brightness" and _AGAIN.search(text):
        found.append("names a repetition; it is done once")
    return found + _not_taken(task, text)


def _not_taken(task: str, text: str) -> list[str]:
    """Parameters and methods that the words name, which no step takes."""
    found = []
    amount = _NO_UNIT.search(text) if task == "brightness" and named_strength(task, text) is None else None
    if amount:
        found.append(f"names an amount without its unit ({amount[1]}), which no step takes; say '20 %' or '0.5 stops'")
    # The limits of a stretch ("2.5 sigma") are told apart, and a factor of a finer grid is done.
    if task not in ("stretch", "sr", "brightness") and (parameter := parameter_in(text)) is not None:
        strength = "" if task in _FUSION or task == "equalize" else "; say 'slightly' or 'strongly' for the strength"
        found.append(f"gives a value to a parameter ({parameter}), which no step takes{strength}")
    if (method := method_in(task, text)) is not None:
        found.append(f"names a method ({method}); {_INSTEAD.get(task, 'llars has its own, which')} is used instead")
    return found


def _has_other_limits(text: str) -> bool:
    if pair := _BARE_LIMITS.search(text):
        low, high = map(float, pair.groups())
        if low < 50 <= high <= 100:
            return (low, high) != (2, 98)
    if pair := _LIMITS.search(text):
        low, high = (float(number.replace(",", ".")) for number in pair.groups())
        return low < 50 <= high <= 100 and (low, high) != (2, 98)
    if cut := _CUT.search(text):
        share = float(cut[1].replace(",", "."))
        return share == 0 or (share not in (2, 98) and 0 < min(share, 100 - share) < 10)
    return bool(_OTHER_LIMITS.search(text))
