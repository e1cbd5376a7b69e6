"""Pixel sizes asked for in metres: "bring all bands to 10 m"."""

from __future__ import annotations

import re
from dataclasses import dataclass

from llars.errors import ConfigError, InstructionError
from llars.tasks import RESOLUTIONS
from llars.text.lengths import pixel_size_in, ratio_in
from llars.text.negation import without_negated
from llars.text.scales import quoted

__all__ = ["PixelSizeRequest", "pixel_size_request", "without_pixel_size"]

_BETWEEN = re.compile(
    r"\s*(?:;|(?<!\d),|,(?!\d)|\.(?!\d)|[\n\t]|[&+]|(?:->|→)(?!\s*[\d.]))\s*(?:(?:and\s+)?then\b|and\b|but\b)?\s*"
    r"|\s+(?:(?:and|but)\s+)?(?:then|after(?:wards)?|before|followed by|plus|once)\s+|\s+(?:and|but)\s+",
    re.IGNORECASE,
)
_ORDER_BEFORE = re.compile(
    r"\s*(?:(?:first(?:ly)?|before that|next|finally|last(?:ly)?|\d+[.)](?!\d)|[-*•])\s*,?\s*)?", re.I
)
_ORDER_AFTER = re.compile(r"(?:,?\s+(?:first|beforehand|before(?: that)?|in advance))?[\s.!]*$", re.I)
"""Words of order around a clause, which are kept where it is worded otherwise."""

_FROM = re.compile(r"\bfrom\s+[\d.,]+\s*(?:c?m\b|to\b)|\d\s*c?m\s*(?:-+>|=+>|→|to\b)", re.IGNORECASE)
"""Two sizes, one after the other, of which the reader takes the ratio as the factor."""

_DOING = {2: "doubling", 3: "tripling", 4: "quadrupling"}

CLOSE = 0.02
"""Relative tolerance of a factor around a whole number: pixel sizes of geographic grids are rounded."""


@dataclass(frozen=True)
class PixelSizeRequest:
    """A pixel size that an instruction asks for."""

    metres: float
    text: str
    """The words that ask for it."""

    before: str
    """What the instruction asks for before it, without the words that join them."""

    after: str
    """What it asks for after it, likewise."""

    around: tuple[str, str]
    """Everything before and after ``text``, as it was written."""

    @property
    def rest(self) -> str:
        """The instruction without the clause; empty where it has no other."""
        return ", then ".join(part for part in (self.before, self.after) if part)

    def resolved(self, pixel_m: float | None, given: int | None = None) -> tuple[str, int | None]:
        """The instruction with the factor in the place of the size, empty if it has no other part, and the factor.

        The place tells the order of work: "resample to 5 m, then sharpen" becomes "double the resolution, then
        sharpen". Arguments and errors are those of ``scale``.
        """
        scale = self.scale(pixel_m, given)
        if scale is None or not self.rest:
            return self.rest, scale
        clause = _DOING[scale] + " the resolution" if re.match(r"\w+ing\b", self.text) else RESOLUTIONS[scale]
        return clause.join(self.around), scale

    def scale(self, pixel_m: float | None, given: int | None = None) -> int | None:
        """How many times finer the grid shall be, 2 to 4; ``given`` (which may be None) where it has that size already.

        Args:
            pixel_m: size of the image's pixels in metres; None where it is unknown.
            given: the scale that was asked for beside the words.

        Raises:
            ConfigError: the size of the pixels is unknown, or ``given`` is another scale.
            InstructionError: the grid cannot be made finer by the factor between the sizes.
        """
        if pixel_m is None:
            raise ConfigError(
                f"{quoted(self.text)} names a size, and nothing tells how large the pixels of the image are; say "
                "--scale 2 (scale=2 in Python) instead, or give it a CRS and a transform"
            )
        factor = pixel_m / self.metres
        scale = round(factor)
        if scale == 1 and abs(factor - 1) < CLOSE:
            return given
        if scale not in RESOLUTIONS or abs(factor - scale) > CLOSE * scale:
            choices = ", ".join(f"{pixel_m / one:.3g}" for one in RESOLUTIONS)
            if factor < 1:
                raise InstructionError(
                    f"{quoted(self.text)}: the pixels are {pixel_m:.4g} m wide, that is {1 / factor:.3g} times "
                    f"coarser; llars makes grids finer only, here to {choices} m"
                )
            raise InstructionError(
                f"{quoted(self.text)}: the pixels are {pixel_m:.4g} m wide, that is {factor:.3g} times finer; "
                f"possible are {choices} m"
            )
        if given not in (None, scale):
            raise ConfigError(
                f"{quoted(self.text)} makes the grid {scale} times finer, but --scale says {given}; give one"
            )
        return scale


def pixel_size_request(prompt: str, several: bool = False) -> PixelSizeRequest | None:
    """The pixel size that ``prompt`` asks for: "bring all bands to 10 m", "resample to 5 metres"; None if none.

    Args:
        prompt: an instruction.
        several: the image has bands of several sizes, so that "from 20 m to 10 m" is not one factor for all.
    """
    joints = [*_BETWEEN.finditer(prompt)]
    starts = [0, *(joint.end() for joint in joints)]
    ends = [*(joint.start() for joint in joints), len(prompt)]
    for start, end in zip(starts, ends, strict=True):
        clause = without_negated(prompt[start:end])
        metres = pixel_size_in(clause)
        if metres is None or (not several and _FROM.search(clause) and ratio_in(clause) is not None):
            continue
        first = start + len(_match(_ORDER_BEFORE.match(prompt[start:end])))
        last = end - len(_match(_ORDER_AFTER.search(prompt[first:end])))
        return PixelSizeRequest(
            metres,
            prompt[first:last],
            _trimmed(prompt[:start]),
            _trimmed(prompt[end:]),
            (prompt[:first], prompt[last:]),
        )
    return None


def _match(found: re.Match[str] | None) -> str:
    return found[0] if found else ""


def without_pixel_size(prompt: str, several: bool = False) -> str:
    """``prompt`` without the words that ask for a pixel size; empty if it has no others."""
    size = pixel_size_request(prompt, several)
    return size.rest if size else prompt


def _trimmed(text: str) -> str:
    """A clause without the punctuation and conjunctions that joined it to its neighbour."""
    joint = r"(?:(?:and|but)\s+)?(?:then|after(?:wards)?|before|followed by|plus|once)\b|(?:and|but)\b"
    text = re.sub(rf"^\s*(?:[,;.&+]\s*)?(?:{joint})?\s*", "", text, flags=re.IGNORECASE)
    return re.sub(rf"\s*[,;.&+]?\s*(?:\b(?:{joint}))?\s*$", "", text, flags=re.IGNORECASE)
