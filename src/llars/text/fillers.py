"""Words that join requests and ask for nothing themselves: "then", "first of all", "once that is done"."""

from __future__ import annotations

import re

__all__ = ["DONE", "tidy"]

# "Once you're through", "that done": refers to the step before without naming it.
DONE = (
    r"(?:(?:once|when|after|as soon as)\s+"
    r"(?:(?:you(?:['’]re|['’]ve| are| have)?|(?:that|this|it|all)(?:['’]s| is| has)?)\s+)?"
    r"(?:been\s+)?(?:done|finish(?:ed)?|through|ready|completed?|over|settled|got)\b"
    r"|(?:having\s+(?:done|finished)|with)\s+(?:that|this|so)(?:\s+(?:done|finished|over|out of the way))?\b"
    r"|that\s+(?:done|settled)\b)"
    r"(?:\s+(?:with\s+)?(?:that|this|it|so)\b)?(?!\s+(?:with|the|by)\b)"
)
_FILLER = re.compile(
    r"^(?:(?:(?:as )?(?:the )?(?:first|second|third|last)(?:ly| of all| step)?|then|and|also|next|finally|lastly|but"
    r"|afterwards?|after that|plus|moreover|what is more|on top|besides|not only|in this order"
    r"|step (?:\d|one|two|three)|\d[.)]"
    rf"|to (?:begin|start) with|though|although|{DONE})"
    r"(?:\s*[,:]\s*|\s+|$))+",
    re.IGNORECASE,
)


def tidy(text: str) -> str:
    """The text on one line, without punctuation around it and without the words that joined it to its neighbours."""
    text = re.sub(r"\s+", " ", text).strip(" \t\n,;:")
    return _FILLER.sub("", text).strip(" ,;:")
