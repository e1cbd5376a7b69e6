"""Pixel sizes asked for in metres: "bring all bands to 10 m"."""

from __future__ import annotations

import re
from dataclasses import dataclass

from llars.errors import ConfigError, InstructionError
from llars.tasks import RESOLUTIONS

__all__ = ["PixelSizeRequest", "pixel_size_request", "without_pixel_size"]

_METRES = re.compile(r"\b(?:to|at|on)\s+(?:an?\s+|the\s+)?(?P<size>\d+(?:\.\d+)?)\s*-?\s*(?:m|met(?:re|er)s?)\b", re.I)
_ABOUT = re.compile(
    r"\b(?:bands?|all|everything|channels?|resolutions?|grid|pixels?|image|scene|product|it|(?:re|up)-?sampl\w*|bring|gsd)\b",
    re.I,
)
"""Words of which a clause with metres must contain one to be about the grid."""

_FROM = re.compile(r"\bfrom\s+\d+(?:\.\d+)?\s*m\b|\d\s*m\s*(?:->|to)\b", re.I)
"""Two sizes, one after the other, of which the reader takes the ratio as the factor."""

_BETWEEN = re.compile(r"\s*(?:[,;]|\.(?!\d))\s*(?:(?:and\s+)?then\b|and\b)?\s*|\s+(?:and\s+)?then\s+|\s+and\s+", re.I)

CLOSE = 0.02
"""Relative tolerance of a factor around a whole number: pixel sizes of geographic grids are rounded."""


@dataclass(frozen=True)
class PixelSizeRequest:
    """A pixel size that an instruction asks for."""

    metres: float
    text: str
    """The words that ask for it."""

    rest: str
    """The rest of the instruction."""

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
                f"{self.text!r} names a size, and nothing tells how large the pixels of the image are; say "
                "--scale 2 (scale=2 in Python) instead, or give it a CRS and a transform"
            )
        factor = pixel_m / self.metres
        scale = round(factor)
        if scale == 1 and abs(factor - 1) < CLOSE:
            return given
        if scale not in RESOLUTIONS or abs(factor - scale) > CLOSE * scale:
            choices = ", ".join(f"{pixel_m / one:.3g}" for one in RESOLUTIONS)
            raise InstructionError(
                f"{self.text!r}: the pixels are {pixel_m:.4g} m wide, that is {factor:.3g} times finer; "
                f"possible are {choices} m"
            )
        if given not in (None, scale):
            raise ConfigError(f"{self.text!r} makes the grid {scale} times finer, but --scale says {given}; give one")
        return scale


def pixel_size_request(prompt: str, several: bool = False) -> PixelSizeRequest | None:
    """The pixel size that ``prompt`` asks for: "bring all bands to 10 m", "resample to 5 metres"; None if none.

    Args:
        prompt: an instruction.
        several: the image has bands of several sizes, so that "from 20 m to 10 m" is not one factor for all.
    """
    starts = [0, *(match.end() for match in _BETWEEN.finditer(prompt))]
    ends = [*(match.start() for match in _BETWEEN.finditer(prompt)), len(prompt)]
    for start, end in zip(starts, ends, strict=True):
        clause = prompt[start:end]
        size = _METRES.search(clause)
        if size is None or not _ABOUT.search(clause) or (not several and _FROM.search(clause)):
            continue
        parts = [_trimmed(prompt[:start]), _trimmed(prompt[end:])]
        return PixelSizeRequest(float(size["size"]), clause.strip(" ."), ", then ".join(part for part in parts if part))
    return None


def without_pixel_size(prompt: str, several: bool = False) -> str:
    """``prompt`` without the words that ask for a pixel size; empty if it has no others."""
    size = pixel_size_request(prompt, several)
    return size.rest if size else prompt


def _trimmed(text: str) -> str:
    """A clause without the punctuation and conjunctions that joined it to its neighbour."""
    text = re.sub(r"^\s*(?:[,;.]\s*)?(?:(?:and\s+)?then\b|and\b)?\s*", "", text, flags=re.I)
    return re.sub(r"\s*[,;.]?\s*(?:\band\s+)?(?:\bthen|\band)?\s*$", "", text, flags=re.I)
