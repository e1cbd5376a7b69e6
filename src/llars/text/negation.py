"""What an instruction forbids ("don't sharpen", "keep the clouds"), so that it is not done."""

from __future__ import annotations

import re

from llars.text.fillers import tidy

__all__ = ["leaves_open", "without_negated"]

_FAULT = (
    r"(?:noise|speckles?|grain|haze|fog|mist|smoke|blur|clouds?(?: shadows?)?|stripes?|striping|banding|contrast"
    r"|brightness|colou?rs?|sharpness|resolution)\b"
)
_TASK = (
    r"(?:de-?nois|de-?speckl|sharpen|de-?blur|de-?haz|de-?strip|up-?scal|up-?sampl|super-?resolv|brighten|darken|stretch"
    r"|equali[sz]|pan-?sharpen|remov|smooth|enhanc)(?:e|ing)?\b"
)
_THE = r"(?:(?:all|the|my|its|any|this|that|those|these|your|our)\s+)*"
_FAULTS = rf"{_THE}{_FAULT}(?:\s*(?:,|,?\s*\b(?:and|or|nor))\s+{_THE}{_FAULT}(?=\s*(?:[,;.!?]|$)))*"
# "Keep the noise down" asks for less of it.
_LESS = (
    r"(?!\s*-?\s*(?:out|away|off|down|low|lower|free|at bay|behind|from|mask\w*|remov\w*|small|minimal|to a minimum)\b)"
)
_UNTOUCHED = r"(?:alone|as (?:it is|they are)|untouched|unchanged|in(?: place)?|there|where (?:it is|they are))\b"
_STAYS = (
    r"(?:(?:must|should|can|may|shall|has to|have to|is to|are to|needs? to|ought to)\s+(?:stay|remain"
    r"|be (?:kept|left|preserved|retained)"
    r"|not be (?:removed|touched|changed|reduced|treated|corrected|filtered|altered))"
    r"|(?:is|are)\s+(?:fine|ok(?:ay)?|acceptable|tolerable|alright|all right|wanted|intended|no (?:problem|issue)"
    r"|not (?:a|the) (?:problem|issue))(?![\w-]|\s+grain)"
    r"|(?:does|do)(?:n['’]t| not)\s+(?:matter|bother|disturb))\b(?:(?!\b(?:and|but|then|so)\b)[^,;.!?])*"
)
_UNTIL = r"(?:(?!\bthen\b|\bbut\b|\bonly\b)[^,;.!?])*"
_START = r"(?:^|[,;.!?(]\s*|\b(?:but|and|yet|though)\s+)"
# Verbs that follow "don't" in complaints: "the columns don't match".
_COMPLAINT = r"(?:match|see|look|fit|show|agree|line up|have|get|know|understand|care|like|work)\b"
# "Don't sharpen until it is denoised" forbids nothing: it states an order.
_NO_ORDER = r"(?![^,;.!?]*\b(?:until|till|before|unless)\b)"
_NEGATED = re.compile(
    rf"{_START}(?:and\s+|but\s+)?(?:please\s+|just\s+)?(?:"
    rf"(?:do not|don['’]?t|never|avoid|no need to|there is no need to)\s+(?!{_COMPLAINT}){_NO_ORDER}"
    r"|(?<=but )not\s+(?!(?:until|till|before|ahead|earlier|prior|unless)\b)"
    r"|(?<=[,;] )not\s+the\s+|(?<=but )no\s+(?=stretch|\w+ing\b)"
    rf"|(?:^|(?<=[,;] ))no\s+(?!striping|banding)(?=\w+ing\b){_NO_ORDER}"
    r"|(?<=but )(?:leave|keep)\s+(?:the|my|all|its)\s+"
    r"|(?:leave|keep)\s+(?=the [\w ]+ (?:alone|as (?:it is|they are)|untouched))"
    rf"){_UNTIL}"
    r"|,?\s*\bwithout\s+(?:(?!striping|banding)\w+ing|(?:any|an?|the|further|additional)\s+(?:\w+\s+)?"
    rf"(?:stretch|enhancement|equali[sz]ation|boost|sharpening|denoising|filter(?:ing)?|upscaling|dehazing|fusion))\b{_UNTIL}"
    rf"|,?\s*\b(?:instead of|rather than)\b{_UNTIL}",
    re.IGNORECASE,
)
_KEPT = re.compile(
    rf"{_START}(?:please\s+|just\s+)?(?:"
    rf"(?:leave|keep|preserve|retain|spare|ignore)\s+{_FAULTS}{_LESS}(?:\s+{_UNTOUCHED})?"
    rf"|(?:leave|keep)\s+(?:the|my|its|all)\s+(?:(?!\b(?:and|then|but)\b)[\w ])+?\s{_UNTOUCHED}"
    rf"|{_FAULTS}\s+{_STAYS}"
    rf"|not\s+(?:to\s+)?(?={_TASK}){_UNTIL}"
    r")",
    re.IGNORECASE,
)
_EXCEPT = re.compile(
    rf",?\s*\b(?:except(?:ing)?(?: for)?|other than|with the exception of)\s+(?={_THE}(?:{_FAULT}|{_TASK})){_UNTIL}",
    re.IGNORECASE,
)
_RATHER = re.compile(
    rf"\b(?:rather|sooner)\s+(?P<wanted>(?!than\b)[^,;.!?]+?)\s+than\s+(?={_THE}(?:{_FAULT}|{_TASK})){_UNTIL}",
    re.IGNORECASE,
)
_OPEN = re.compile(
    r"\b(?:any\s?thing|every\s?thing|all|whatever)(?:\s+else)?"
    rf"\s+(?:but|except(?: for)?|other than|apart from|save(?: for)?)\s+{_THE}(?:{_FAULT}|{_TASK})(?!\s+(?:is|are)\b)",
    re.IGNORECASE,
)


def leaves_open(text: str) -> bool:
    """Whether the text names only the exception from what is to be done: "do anything but denoise"."""
    return bool(_OPEN.search(text))


def without_negated(text: str) -> str:
    """The text without what it forbids: "denoise but don't sharpen" becomes "denoise"."""
    left, found = text, 0
    for form, kept in ((_RATHER, r"\g<wanted>"), (_KEPT, " "), (_NEGATED, " "), (_EXCEPT, " ")):
        left, count = form.subn(kept, left)
        found += count
    # Where nothing is forbidden, "1)" and "first" are kept, as they show where to cut.
    if not found:
        return " ".join(text.split())
    tidied = tidy(re.sub(r"\s+(?=[,.;!?])", "", left))
    return tidied if re.search(r"\w", tidied) else ""
