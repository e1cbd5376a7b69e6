"""Requests that name no fault ("auto", "enhance the image") or could mean several things ("normalize")."""

from __future__ import annotations

import re

__all__ = ["refers_back", "vague"]

_POLITE = r"(?:(?:please|pls|just|can you|could you|would you|simply|do(?: an?)?|run|apply|an?|the)\s+)*"
_IMAGE = r"(?:image|picture|photo|scene|raster|data|tile|product|file|pixel|band)s?"
_WHICH = r"(?:the|this|that|my|our|these|all|whole|entire|satellite)"
_IT = rf"(?:it|this|that|these|them|everything|all|all of it|(?:{_WHICH}\s+)*{_IMAGE})"
_ANYHOW = (
    r"(?:\s*,?\s*(?:automatically|auto|please|pls|thanks|for me|a (?:bit|little|lot)|overall|everywhere|in general"
    r"|as (?:much|good|well|best) as (?:possible|you can)|(?:if|as) (?:possible|needed|necessary|usual)))*[\s.!]*"
)
_AUTO = r"(?:auto(?:matic(?:al)?(?:ly)?)?[ -]?)"
_MEND = (
    rf"{_AUTO}?(?:enhanc|improv|fix|correct|repair|restor|optimi[sz]|mend|clean|process|better|beautif|perfect|adjust"
    r"|tun|treat)(?:e|y)?(?: up)?"
)
_NOUN = (
    r"(?:enhancement|improvement|correction|restoration|optimi[sz]ation|processing|repair|clean-?up|adjustment|fix|mode"
    r"|settings?|values?|options?|quality)"
)
_FAULTS = r"(?:faults?|defects?|problems?|issues?|errors?|artefacts?|artifacts?|degradations?|flaws?|distortions?)"
_REMOVE = (
    r"(?:fix|correct|repair|remove|mend|resolve|eliminate|solve|find and (?:fix|correct|remove|repair)|get rid of)"
)
_NAMELESS = re.compile(
    rf"{_POLITE}(?:"
    r"auto(?:matic(?:ally)?|magic(?:ally)?)?|defaults?|standard|usual|everything|anything|all"
    r"|whatever(?: is needed)?|best|magic"
    rf"|{_MEND}(?:\s+(?:up\s+)?{_IT})?"
    rf"|(?:(?:auto(?:matic)?|default|standard|usual|overall|general|best|{_IMAGE})[ -]?)+{_NOUN}"
    r"|enhancement|improvement"
    rf"|{_REMOVE}\s+(?:(?:all|any|every|the|its|whatever|of|possible|found|detected)\s+)*{_FAULTS}(?:\s+(?:in|of|on)\s+{_IT})?"
    rf"|(?:improve|increase|enhance|raise|boost|better|maximi[sz]e)\s+(?:(?:the|its|my|overall|visual|{_IMAGE})\s+)*"
    rf"quality(?:\s+of\s+{_IT})?"
    rf"|make\s+{_IT}\s+(?:(?:look|much|a bit|a lot)\s+)*(?:better|nicer?|good|great|beautiful|perfect|pretty|prettier)"
    rf"){_ANYHOW}",
    re.IGNORECASE,
)
_NORMALIZE = re.compile(
    rf"{_POLITE}(?:(?:normali[sz]|standardi[sz])(?:e|ing)(?:\s+{_IT})?"
    rf"|(?:(?:radiometric|relative|spectral|reflectance|value|{_IMAGE})\s+)*(?:normali[sz]|standardi[sz])ation(?:\s+of\s+{_IT})?"
    rf"){_ANYHOW}",
    re.IGNORECASE,
)


_BACK = re.compile(
    r"(?:(?:please|pls|can you|could you|would you)\s+)*(?:improve|fix|correct|repair|mend|clean|treat|better)(?: up)?"
    rf"(?:\s+(?:it|this|that|these|them)|(?<=please improve)|(?<=please correct)){_ANYHOW}",
    re.IGNORECASE,
)


def refers_back(text: str) -> bool:
    """Whether the words ask to mend what was named before: "too dark, please improve it"."""
    return bool(_BACK.fullmatch(text.strip()))


def vague(text: str) -> str | None:
    """Why a request is too vague to be done, to follow its words in a message; None if it is not.

    A stretch is a common reading of "enhance" and "normalize", but it destroys reflectances, so it is never guessed.
    """
    if _NAMELESS.fullmatch(text.strip()):
        return (
            "names no fault; leave out -p (Python: call the restorer without words) to correct what the diagnosis "
            "finds, or name the fault: 'remove the haze'"
        )
    if _NORMALIZE.fullmatch(text.strip()):
        return (
            "could mean several things; say 'linear 2-98 % stretch' or 'equalise the histogram' for a picture (both "
            "change the reflectances); llars does not fit an image to the radiometry of another"
        )
    return None
