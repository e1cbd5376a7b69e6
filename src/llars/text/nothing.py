"""Requests for no change at all: "brighten by 0 %", "darken by zero stops", "denoise at 0 %"."""

from __future__ import annotations

import re

from llars.text.strength import named_strength

__all__ = ["asks_for_no_change"]

_ZERO = r"(?<![\w.,/])[-−+±]?(?:0+(?:[.,]0+)?|[.,]0+|zero)(?![\w/]|[.,]\d)"
_NO_RANGE = r"(?!\s*(?:to|and|[-–])\s*\d)"
_BY_NOTHING = re.compile(rf"\bby\s+(?:a\s+)?(?:{_ZERO}|nothing\b){_NO_RANGE}(?!\s*c?m\b)", re.IGNORECASE)
_NO_LIGHT = re.compile(
    rf"{_ZERO}\s*-?\s*(?:%|per ?cent\b|(?:f-?)?stops?\b|evs?\b)"
    rf"|\b(?:brightness|exposure|brighten|darken)\s*[=:]?\s*{_ZERO}[\s.!]*$",
    re.IGNORECASE,
)


def asks_for_no_change(task: str, text: str) -> bool:
    """Whether a request for ``task`` names an amount, and that amount is zero.

    Raises:
        InstructionError: the text names a strength that is out of range.
    """
    if task == "sr":
        return False
    if task == "brightness" and _NO_LIGHT.search(text):
        return True
    return bool(_BY_NOTHING.search(text)) or named_strength(task, text) == 0
