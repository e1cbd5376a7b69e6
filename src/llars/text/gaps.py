"""Requests to fill missing pixels, which llars leaves as they are: "fill the nodata", "SLC-off gap filling"."""

from __future__ import annotations

import re

__all__ = ["asks_to_fill", "names_scan_gaps"]

_FILL = (
    r"(?:(?:gap-?\s?)?fill(?:ing|ed|er)?(?:\s+(?:in|up))?|in-?paint\w*|interpolat\w*|clos(?:e|ing)|patch(?:ing)?"
    r"|plug(?:ging)?|bridg(?:e|ing)|complet(?:e|ing)|imput(?:e|ing)|reconstruct(?:ing)?)"
)
_MEND = (
    r"(?:replac(?:e|ing)|recover(?:ing)?|restor(?:e|ing)|repair(?:ing)?|remov(?:e|ing)|get rid of|eliminat(?:e|ing)"
    r"|fix(?:ing)?|correct(?:ing)?|mend(?:ing)?)"
)
_MISSING = r"(?:missing|invalid|empty|masked|undefined|blank)[ -](?:pixels?|data|values?|areas?|parts?|regions?|cells?)"
_NODATA = rf"(?:no-?\s?data|nans?|null values?|voids?|{_MISSING})"
_GAPS = rf"(?:{_NODATA}|holes?|(?:data\s+)?gaps?)"
_WORK = r"(?:fill(?:ing|er|ed)?|interpolation|in-?painting|reconstruction|repair)"

# Gaps in other things: under clouds, between dates, in the histogram, and lines that a detector left out.
_OTHER_GAPS = re.compile(
    r"\b(?:cloud\w*|shadows?|haz[ey]|radar|sar|dates?|days?|series|temporal\w*|lines?|rows?|columns?|strip\w+"
    r"|detectors?|scan\w*|histogram|spectr\w+|modis|overpass\w*|sensors?)\b",
    re.IGNORECASE,
)
_ASKS = re.compile(
    rf"\b{_FILL}\b[^,;.]*\b{_GAPS}\b|\b{_MEND}\s+(?:(?:the|all|any|its)\s+)*{_NODATA}\b|\b{_GAPS}[ -]{_WORK}\b"
    rf"|\bgap-?\s?fill\w*|\b{_FILL}\s+missing[\s.!]*$",
    re.IGNORECASE,
)
_SCAN_GAPS = re.compile(
    r"\bslc[ -]?(?:off|gaps?|failure|problem|lines?)\b|\bscan[ -]?line corrector|\bwedges?\b|\bwedge-shaped"
    r"|\b(?:etm\+|landsat[ -]?7)(?=[^,;.]*\bgaps?\b)",
    re.IGNORECASE,
)
_FILLS = re.compile(rf"\b{_FILL}\b", re.IGNORECASE)
_MENDS_GAPS = re.compile(rf"\b{_MEND}\b[^,;.]*\b(?:gaps?|wedges?)\b", re.IGNORECASE)


def names_scan_gaps(text: str) -> bool:
    """Whether the words name the gaps of Landsat 7 without its scan line corrector, which are nodata in products."""
    return bool(_SCAN_GAPS.search(text))


def asks_to_fill(text: str) -> bool:
    """Whether the words ask to fill pixels without data; dead lines and what clouds hide are other requests."""
    if names_scan_gaps(text):
        return bool(_FILLS.search(text) or _MENDS_GAPS.search(text))
    return bool(_ASKS.search(text)) and not _OTHER_GAPS.search(text)
