"""Small scenes are mended once and kept: statistics are taken of all of them before the first tile."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

from llars.infer.reading.layers import Mended
from llars.infer.reading.sampling import SAMPLE
from llars.infer.tiles import Window

if TYPE_CHECKING:
    from llars.infer.reading.layers import Pixels

__all__ = ["Kept"]


@dataclass(frozen=True)
class Kept(Mended):
    """Mended layers whose windows are cut out of the whole where that is small, else made when they are read."""

    whole: Pixels | None = field(default=None, kw_only=True)
    """All of it, once it is made."""

    def kept(self) -> Self:
        """Made now, where it has at most ``SAMPLE`` pixels."""
        height, width = self.size
        return replace(self, whole=self.made(Window(0, 0, height, width))) if height * width <= SAMPLE else self

    def read(self, window: Window) -> Pixels:
        """See ``Layers``."""
        if self.whole is None:
            return self.made(window)
        values, valid = self.whole
        part = (slice(None), *window.slices)
        return values[part].copy(), valid[part].copy()

    def made(self, window: Window) -> Pixels:
        """What ``read`` gives, made anew; the same wherever a window ends."""
        raise NotImplementedError
