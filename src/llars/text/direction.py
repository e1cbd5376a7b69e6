"""Direction of a request for another brightness, and its number of stops, from unambiguous words."""

from __future__ import annotations

import math
import re

from llars.text.gains import gain_in_stops

__all__ = ["direction", "plain_stops", "stops"]

_LIGHT = r"(?:brightness|exposure|luminance|luminosity|gain|light|illumination|values|stops?|ev)"
_BRIGHTER = re.compile(
    r"\b(?:bright(?:en|er)|light(?:en|er)|illuminat(?:e|es|ed|ing)\b|under-?exposed"
    r"|(?:too|so|very|rather|quite|pretty) (?:dark|dim)\b|(?:not|\w+n['’]t)(?: \w+)? bright enough\b"
    rf"|(?:raise|increase|boost|lift|bump up|turn up)\b.*\b{_LIGHT}|{_LIGHT}\b.*\b(?:up|upwards|increase|boost)\b)",
    re.IGNORECASE,
)
_DARKER = re.compile(
    r"\b(?:dark(?:en|er)|dim(?:mer|ming)\b|dim (?:it|this|the|my|our|down)\b|over-?exposed"
    r"|glar(?:ing|y)|dazzling|blinding|burnt out|(?:too|so|very|rather|quite|pretty) bright\b"
    r"|(?:not|\w+n['’]t)(?: \w+)? dark enough\b"
    rf"|(?:lower|reduce|decrease|drop|cut|(?:turn|bring|tone) down)\b.*\b{_LIGHT}"
    rf"|{_LIGHT}\b.*\b(?:down|downwards|reduction|decrease)\b)",
    re.IGNORECASE,
)


_WORDS = {
    "a": 1.0, "an": 1.0, "one": 1.0, "full": 1.0, "whole": 1.0, "two": 2.0, "three": 3.0, "four": 4.0, "five": 5.0,
    "six": 6.0, "half": 1 / 2, "third": 1 / 3, "thirds": 1 / 3, "quarter": 1 / 4, "quarters": 1 / 4,
    "½": 1 / 2, "⅓": 1 / 3, "⅔": 2 / 3, "¼": 1 / 4, "¾": 3 / 4,
}  # fmt: skip
_COUNT = r"(?:an?|one|two|three|four|five|six)\b"
_PART = r"(?:half|thirds?|quarters?)\b"
_FRACTION = r"(?:\d+ ?/ ?[1-9]\d*|[½⅓⅔¼¾])"
_STOPS = re.compile(
    r"(?<![\w/])(?<!\d[.,])(?:(?P<sign>[-−–+](?=[.\d½⅓⅔¼¾])|(?:plus|minus)\s)\s*)?"
    rf"(?:(?P<part>{_FRACTION}|(?:{_COUNT}[ -])?{_PART})"
    rf"|(?P<whole>\d+(?:[.,]\d+)?|\.\d+|(?:{_COUNT}[ -])?(?:full|whole)\b|{_COUNT})"
    rf"(?: ?(?:and )?(?P<more>{_FRACTION})| and (?P<also>(?:{_COUNT}[ -])?{_PART}))?)"
    r"(?:(?: of)? (?:an?|one)\b)?(?P<gap>[ -]*)(?:f-?)?(?:stops?|evs?)\b"
    rf"(?: and (?P<rest>{_FRACTION}|(?:an?|one)[ -]{_PART})(?! (?:of|as)\b))?",
    re.IGNORECASE | re.ASCII,
)
"""An amount of exposure: "-0.5 EV", "1/3 stop", "1 1/2 stops", "two thirds of a stop", "a stop and a half"."""


def direction(text: str) -> int:
    """1 if the words can only ask for a brighter image, -1 for a darker one, 0 if they name neither or both.

    A negative amount makes an image darker, whatever the words beside it.
    """
    sign = _sign(text)
    if (gain := None if _STOPS.search(text) else gain_in_stops(text)) is not None:
        return 1 if gain > 0 else -1
    return -1 if sign < 0 else bool(_BRIGHTER.search(text)) - bool(_DARKER.search(text)) or sign


def _sign(text: str) -> int:
    """1 or -1 if the first amount in the text has a sign, else 0."""
    found = _STOPS.search(text)
    written = (found["sign"] or "").strip().lower() if found else ""
    return 0 if not written else 1 if written in ("+", "plus") else -1


def stops(text: str) -> float | None:
    """The number of stops that the words name, negative for a darker image; None if they name none.

    Positive if the words do not name a direction; see ``direction``.
    """
    found = _STOPS.search(text)
    return gain_in_stops(text) if found is None else math.copysign(_size(found), direction(text) or 1)


def plain_stops(text: str) -> str:
    """The text with amounts of several words or numbers as decimals: "1 1/2 stops", "a stop and a half"."""

    def plain(found: re.Match[str]) -> str:
        apart = found["more"] or found["also"] or found["rest"] or not found["gap"]
        return f"{found['sign'] or ''}{_size(found):.4g} stops" if apart else found[0]

    return _STOPS.sub(plain, text)


def _size(found: re.Match[str]) -> float:
    return sum(_number(found[name]) for name in ("part", "whole", "more", "also", "rest") if found[name])


def _number(text: str) -> float:
    """The value of a decimal number, a fraction, or words that multiply each other: "two thirds"."""
    if "/" in text:
        above, below = text.split("/")
        return int(above) / int(below)
    if text[-1] in "0123456789":
        return float(text.replace(",", "."))
    return math.prod(_WORDS[word] for word in re.split("[ -]", text.lower()))
