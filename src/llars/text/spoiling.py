"""Detects, from unambiguous words, text about a fault that asks for no repair.

It asks for the fault instead ("add noise", "make it hazy"), or states that it is absent ("the image is not noisy").
"""

from __future__ import annotations

import re

__all__ = ["asks_for_fault", "plain_wishes", "without_denied"]

_FAULT = r"(?:noise|speckles?|grain|haze|fog|mist|smoke|blur|clouds?|stripes?|striping|banding)"
_FAULTY = (
    r"(?:hazy|hazier|foggy|foggier|misty|noisy|noisier|grainy|grainier|speckled|blurry|blurrier|blurred|cloudy|cloudier|striped"
    r"|stripy|unsharp|fuzzy|fuzzier|pixelated)"
)
_REPAIR = (
    r"(?:remov|reduc|filter|suppress|correct|eliminat|cancel|clean|mitigat|attenuat|gate\b|free\b|fill|mask|repair|inpaint"
    r"|subtract|compensat|threshold)"
)
_IT = r"(?:it|this|that|everything|(?:the|my|our|this|that)(?:\s+\w+){1,2}?)"
_MORE = r"(?:(?:much|more|very|a bit|a little|slightly|really|all|deliberately|artificially|look|appear|seem|so)\s+)*"

# The words before must not be a request of their own: "remove the haze and add grain" has a part that we can do.
_BEFORE = r"(?:(?!\b(?:and|then|but|remove|reduce|don['’]?t|not|never|if|when|did|who|why)\b)[^,;.!?]){0,40}?"
_SPOILS = re.compile(
    rf"^{_BEFORE}\b(?<!-)(?:"
    r"(?:add|introduce|inject|simulate|mix in|throw in)\b"
    rf"(?:(?!\b(?:less|no|not|without|against|for|that|which|{_REPAIR}\w*)\b)[^,;.!?])*?\b{_FAULT}\b(?![\s-]*{_REPAIR})"
    rf"|(?:increase|raise|intensify|amplify|boost|turn up|bring up|push up|crank up)\s+(?:the\s+|its\s+)?{_FAULT}\b"
    rf"(?![\s-]*{_REPAIR})"
    rf"|make\s+{_IT}\s+{_MORE}{_FAULTY}\b"
    rf"|make\s+{_IT}\s+(?:look\s+)?(?:less|not so)\s+(?:sharp|clear|clean|crisp|detailed|smooth)\b"
    r"|(?:smudge|smear|blur|defocus|pixelate|fog|haze)\s+(?:it|this|everything|the\s+(?:faces?|background|plates?))\b"
    r")",
    re.IGNORECASE,
)

_DENIED = re.compile(
    r"(?:^\s*|[,;.!?]\s*|\b(?:but|and)\s+)"
    r"(?:(?:(?:it|this|that|(?:the|my|our|this|that)(?:\s+\w+){1,2})\s+(?:is\s+not|isn['’]?t|are\s+not|aren['’]?t)"
    r"|(?:it|that)['’]s\s+not|not)\s+"
    rf"(?:(?:at\s+all|really|very|too)\s+)?{_FAULTY}|there\s+(?:is|are)\s+(?:no|not\s+any)\s+{_FAULT})"
    r"(?:\s+(?:at\s+all|in\s+(?:it|the\s+\w+)))?\s*(?=[,;.!?]|\b(?:but|and)\b|$)",
    re.IGNORECASE,
)
_NOT_WISHED = re.compile(
    rf"\b(?P<make>(?:make|get|keep|turn)\s+{_IT}\s+(?:look\s+|appear\s+)?)not\s+(?:(?:be|so|too|as|look)\s+)*(?P<look>{_FAULTY}\b)",
    re.IGNORECASE,
)


def plain_wishes(text: str) -> str:
    """The text with "less" for "not" in wishes: "make it not hazy" asks for what "make it less hazy" does."""
    return _NOT_WISHED.sub(r"\g<make>less \g<look>", text)


def without_denied(text: str) -> str:
    """The text without statements that a fault is absent: "there is no haze", "not hazy"; "no haze" is a request."""
    left, found = _DENIED.subn("", text)
    return re.sub(r"^(?:[\s,;.!?]|(?:but|and)\b)+", "", left).strip() if found else text


def asks_for_fault(text: str) -> bool:
    """Whether one request asks for a fault: "add grain" does, "add a grain filter" does not."""
    return bool(_SPOILS.search(text))
