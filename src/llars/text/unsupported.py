"""Requests that sound like one of llars's tasks but ask for its opposite, or for something beside it."""

from __future__ import annotations

import re

from llars.text.gaps import asks_to_fill
from llars.text.nothing import asks_for_no_change

__all__ = ["unsupported"]

_TONES = frozenset({"stretch", "equalize", "brightness"})
_CLOUDS = frozenset({"cloud", "none"})
_MENDS = frozenset({"cloud", "haze", "denoise", "deblur", "destripe", "sr", "brightness", "none"})
_ANY: frozenset[str] = frozenset()

_LOWER = (
    r"(?<!has )(?<!have )(?<!shows )(?<!with )(?<!of )(?<!a )(?<!the )\b(?:lower(?:ing)?|reduc\w*|decreas\w*|less"
    r"|flatten\w*|weaken\w*|soften\w*|lessen\w*|diminish\w*|cut|drop|(?:tone|turn|bring) down)"
)
_FORMS = (
    (
        _TONES,
        rf"{_LOWER}\s+(?:the\s+|its\s+|my\s+)?(?:(?!low|poor|weak|bad|lack|missing)\w+\s+)?contrast(?:y|ed)?\b"
        r"|\btoo much contrast\b|\bcontrast\b[^,;.]*\b(?:too (?:high|strong|hard|harsh|much)|lower|down|reduction)\b",
        "asks for less contrast; llars raises contrast only",
    ),
    (
        frozenset({"deblur", "pansharpen"}),
        rf"^(?:make it\s+)?less sharp\w*|{_LOWER}\s+(?:the\s+|its\s+)?sharpness\b|\b(?:un|de)-?sharpen(?:ed|ing)?\b"
        r"|\b(?:over-?sharpened|too sharp)\b",
        "asks for a less sharp image; llars sharpens only",
    ),
    (
        _ANY,
        r"\b(?:undo|revert|reverse|take back)\s+(?:the\s+|any\s+)?(?:over-?)?(?:sharpening|denoising|dehazing"
        r"|de-?striping|upsampling|upscaling|stretch(?:ing)?|brightening|equali[sz]ation)\b",
        "asks to undo earlier work, which no task does; start again from the image before it",
    ),
    (
        _CLOUDS,
        r"^(?!.*\b(?:remov|fill|replac|in-?paint|reconstruct|recover|restor|see through|get rid|repair|patch|clear|clos"
        r"|plug|under|below|behind|beneath|inside|guided|take out|free\b))"
        r".*(?:\bclouds?(?:[ -](?:(?:and|&)[ -])?shadows?|[ -]cover)?[ -]?"
        r"(?:mask(?:s|ing)?|detect(?:ion|or|ing)|screening|segmentation|classification|identification|mapping|percentage"
        r"|estimation|statistics|flag(?:s|ging)?|probabilit(?:y|ies))\b(?!\s+(?:flags|says|shows|marks))"
        r"|\b(?:find|detect|mask|locate|flag|outline|mark|show|identify|segment|count|map)(?:ing)?\s+(?:me\s+)?(?:out\s+)?"
        r"(?:where\s+)?(?:(?:the|all|any|every|which)\s+)*(?:\w+\s+)?clouds?\b"
        r"|\b(?:detection|masking|segmentation)\s+of\s+(?:the\s+|all\s+)?clouds?\b)",
        "asks where the clouds are; llars removes clouds, and `llars diagnose IMAGE --picture clouds.png` shows them",
    ),
    (
        frozenset({"brightness", "none"}),
        r"^(?:please\s+)?(?:fix|correct|adjust|change|set|improve|repair|tune|modify|edit)\s+(?:the\s+|its\s+|my\s+)?"
        r"(?:exposure|brightness|illumination|lighting)(?:\s+of\s+(?:it|the\s+\w+)|\s+please)?[\s.!]*$",
        "does not say which way; say 'brighten the image' or 'darken the image'",
    ),
)
_COMPILED = tuple((tasks, re.compile(form, re.IGNORECASE), reason) for tasks, form, reason in _FORMS)


def unsupported(task: str, text: str) -> str | None:
    """Why a request that was read as ``task`` cannot be done, to follow its words in a message; None if it can.

    Args:
        task: a task key, or ``none``.
        text: the words of the request.

    Raises:
        InstructionError: the text names a strength that is out of range.
    """
    if task != "none" and asks_for_no_change(task, text):
        return "asks for no change at all; give an amount above 0, or leave these words out"
    if task in _MENDS and asks_to_fill(text):
        return (
            "asks to fill missing pixels; llars leaves nodata as it is, and mends stripes and dead lines "
            "('remove the stripes') and what clouds hide ('remove the clouds')"
        )
    for tasks, form, reason in _COMPILED:
        if (not tasks or task in tasks) and form.search(text):
            return reason
    return None
