"""Direction of a request for another brightness, and its number of stops, from unambiguous words."""

from __future__ import annotations

import re

__all__ = ["direction", "stops"]

_LIGHT = r"(?:brightness|exposure|luminance|luminosity|gain|light|illumination|values|stops?|ev)"
_BRIGHTER = re.compile(
    r"\b(?:bright(?:en|er)|light(?:en|er)|illuminat(?:e|es|ed|ing)\b|under-?exposed"
    r"|(?:too|so|very|rather|quite|pretty) (?:dark|dim)\b"
    rf"|(?:raise|increase|boost|lift|bump up|turn up)\b.*\b{_LIGHT}|{_LIGHT}\b.*\b(?:up|upwards|increase|boost)\b)",
    re.IGNORECASE,
)
_DARKER = re.compile(
    r"\b(?:dark(?:en|er)|dim(?:mer|ming)\b|dim (?:it|this|the|my|our|down)\b|over-?exposed"
    r"|glar(?:ing|y)|dazzling|blinding|burnt out|(?:too|so|very|rather|quite|pretty) bright\b"
    rf"|(?:lower|reduce|decrease|drop|cut|(?:turn|bring|tone) down)\b.*\b{_LIGHT}"
    rf"|{_LIGHT}\b.*\b(?:down|downwards|reduction|decrease)\b)",
    re.IGNORECASE,
)


def direction(text: str) -> int:
    """1 if the words can only ask for a brighter image, -1 for a darker one, 0 if they name neither or both."""
    return bool(_BRIGHTER.search(text)) - bool(_DARKER.search(text))


_STOPS = re.compile(
    r"\b(?:(?P<part>half|quarter)(?: of)?(?: an?)?|an? (?P<of>half|quarter)|(?P<word>one|an?|full|one full|a full)"
    r"|(?P<number>\d+(?:[.,]\d+)?))[ -](?:f-)?(?:stops?|ev)\b",
    re.IGNORECASE,
)
_PARTS = {"half": 0.5, "quarter": 0.25}


def stops(text: str) -> float | None:
    """The number of stops that the words name ("half a stop", "0.5 EV"); None if they name none."""
    if not (found := _STOPS.search(text)):
        return None
    if part := found["part"] or found["of"]:
        return _PARTS[part.lower()]
    return float(found["number"].replace(",", ".")) if found["number"] else 1.0
