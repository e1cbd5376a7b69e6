"""Requests to repair defective pixels, which share a word with requests for a finer resolution."""

from __future__ import annotations

import re

__all__ = ["asks_for_repair"]

_MISREAD = frozenset({"sr", "pansharpen"})
_PIXELS = re.compile(r"\b(?:dead|hot|stuck|defective|broken|faulty|bad)\s+pixels?\b", re.IGNORECASE)


def asks_for_repair(text: str, task: str) -> bool:
    """Whether words that were read as ``task`` ask to replace single pixels instead: a kind of ``denoise``."""
    return task in _MISREAD and bool(_PIXELS.search(text))
