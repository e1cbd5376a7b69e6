"""Initial estimates of small scenes are computed once and kept: statistics need all of them before the first tile."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

from llars.infer.reading.layers import Derived
from llars.infer.reading.sampling import SAMPLE
from llars.infer.tiles import Window

if TYPE_CHECKING:
    from llars.infer.reading.layers import Pixels

__all__ = ["Cached"]


@dataclass(frozen=True)
class Cached(Derived):
    """Derived layers that are computed once as a whole where they are small, else window by window as they are read."""

    whole: Pixels | None = field(default=None, kw_only=True)
    """The whole result, once it is computed."""

    def cached(self, most: int = SAMPLE) -> Self:
        """These layers, computed now if they have at most ``most`` pixels."""
        height, width = self.size
        return replace(self, whole=self.compute(Window(0, 0, height, width))) if height * width <= most else self

    def read(self, window: Window) -> Pixels:
        """See ``Layers``."""
        if self.whole is None:
            return self.compute(window)
        values, valid = self.whole
        part = (slice(None), *window.slices)
        return values[part].copy(), valid[part].copy()

    def compute(self, window: Window) -> Pixels:
        """Compute what ``read`` gives; the values must not depend on where the window ends."""
        raise NotImplementedError
