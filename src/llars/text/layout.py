"""Requests that the layout of a text sets apart: lines, lists, and bare names of tasks in a row."""

from __future__ import annotations

import re

from llars.text.lengths import LENGTH

__all__ = ["set_apart", "takes_back"]

_BULLET = re.compile(r"^\s*(?:[-*•●▪·–—]+|\(?\d{1,2}[.)]|\(?[a-h]\))\s+")
_NUMBERED = re.compile(r"\S\s+(?:\d{1,2}[.)]|\(?[a-h]\))\s")
_BREAK = re.compile(r"[\r\n\t\v\f\u2028\u2029]+|\s*[•●▪]\s*")
_GOES_ON = re.compile(
    r"^\s*(?:and|or|but|then|from|in|of|on|at|by|with|to|for|as|than|that|which|until|till|before|after|so|because|while"
    r"|where|since|into|over|using|without)\b"
)
_UNFINISHED = re.compile(
    r"(?:[,(]|\b(?:and|or|but|the|an?|my|its|our|all|any|of|from|in|on|at|by|with|to|for|as|then|is|are|very|too))\s*$",
    re.IGNORECASE,
)

_FACTOR = r"(?:[x×]\s?[2-9]|[2-9]\s?[x×])(?!\w)"
_NAME = (
    r"(?:de-?noise|de-?speckle|sharpen|de-?blur|de-?haze|de-?fog|de-?stripe|up-?scale|up-?sample|super-?resolve|brighten"
    rf"|darken|equali[sz]e|stretch|pan-?sharpen|{_FACTOR})"
)
_JOINT = r"(?:\s*[,;/|&+]\s*(?:and\s+|then\s+)*|\s+(?:and\s+|then\s+)*)"
_NAMES = re.compile(rf"(?:first\s+)?{_NAME}(?:{_JOINT}{_NAME})+[\s.!]*", re.IGNORECASE)
_LIGHTER = re.compile(r"bright|dark|light|exposure|dim\b", re.IGNORECASE)
_OWN_FACTOR = re.compile(
    rf"(?:^\s*(?:first\s+)?|(?:\s*[,;]|\s+and|\s+then|,?\s+and then)\s+(?:then\s+)?)"
    rf"(?P<factor>{_FACTOR}|(?:from\s+)?{LENGTH}\s*(?:[-=]+>|→|to\b)\s*{LENGTH})"
    r"(?=[\s.!]*$|\s*[,;]|\s+(?:and|then)\b)",
    re.IGNORECASE,
)
_EDGE = re.compile(r"^[\s,;.]*(?:(?:and|then)\b\s*)*|[\s,;]*$", re.IGNORECASE)

_TAKEN_BACK = re.compile(
    r"\b(?:no,?\s+wait|wait,?\s+no|scratch that|never\s?mind(?=\s*(?:[,;.!?]|$))"
    r"|forget (?:that|it)|on second thoughts?|i changed my mind"
    r"|(?:no|sorry|wait),?\s+i meant?)\b",
    re.IGNORECASE,
)


def takes_back(text: str) -> bool:
    """Whether the text takes back a part of itself: "denoise, no wait, sharpen"."""
    return bool(_TAKEN_BACK.search(text))


def set_apart(text: str) -> list[str]:
    """The requests that are set apart from each other, in order; each may still hold several in words."""
    return [piece for line in _lines(text) for piece in _terse(line)]


def _lines(text: str) -> list[str]:
    """Lines and items of lists, without bullets; a line that goes on with the sentence before it is joined to it."""
    lines: list[str] = []
    for line in _BREAK.split(text):
        # The numbers of a list within a line show where to cut it.
        item, bullets = (line, 0) if _NUMBERED.search(line) else _BULLET.subn("", line)
        if not item.strip():
            continue
        if lines and not bullets and (_GOES_ON.match(item) or _UNFINISHED.search(lines[-1])):
            lines[-1] = f"{lines[-1]} {item.strip()}"
        else:
            lines.append(item.strip().rstrip(":"))
    return lines or [text]


def _terse(line: str) -> list[str]:
    """Bare names of tasks one by one ("denoise sharpen"), and bare factors apart from the rest ("x2, denoise it")."""
    if _NAMES.fullmatch(line) and len(_LIGHTER.findall(line)) < 2:
        names = [found[0] for found in re.finditer(rf"{_NAME}", line, re.IGNORECASE)]
        return names if not _LIGHTER.search(line) else _with_factors(names)
    pieces, start = [], 0
    for found in _OWN_FACTOR.finditer(line):
        before = line[start : found.start()]
        if not _LIGHTER.search(before):
            pieces += [before, found["factor"]]
            start = found.end()
    return [bare for piece in (*pieces, line[start:]) if (bare := _EDGE.sub("", piece))] if start else [line]


def _with_factors(names: list[str]) -> list[str]:
    """A factor after a request for another brightness belongs to it: "brighten x2"."""
    kept: list[str] = []
    for name in names:
        if kept and _LIGHTER.search(kept[-1]) and re.fullmatch(_FACTOR, name, re.IGNORECASE):
            kept[-1] = f"{kept[-1]} {name}"
        else:
            kept.append(name)
    return kept
