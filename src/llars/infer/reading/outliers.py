"""Values that cannot be measurements: a few are left out like gaps, many show that the units are wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from llars.errors import ValueRangeError
from llars.infer.reading.sampling import sample_blocks
from llars.infer.reading.sources import Source

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from llars.infer.reading.sources import Range
    from llars.infer.tiles import Window

__all__ = ["Plausible", "check_units", "note_on", "without_outliers"]

MAX_DISTANCE = 3.5
"""Distance from the middle of the range, in multiples of its width, beyond which a value is an outlier."""

MAX_OUTLIERS, MAX_OUTLIERS_OF_OWN_RANGE = 0.01, 0.05
"""Largest share of outliers; and where the range was taken from the image, between the 2nd and the 98th percentile."""

COUNTED_BELOW = 1e-4
"""Share of outliers below which their number says more."""


class Plausible:
    """A source without its outliers: values that lie far outside the range of their band become NaN, like gaps."""

    def __init__(self, source: Source, ranges: Sequence[Range]) -> None:
        """``ranges`` has the lowest and the highest usual value of each band, in the units of the source."""
        self._source, self.shape = source, source.shape
        low, high = np.array(ranges, dtype=np.float64).T[..., None, None]
        middle, distance = (low + high) / 2, MAX_DISTANCE * (high - low)
        self._low, self._high = (middle - distance).astype(np.float32), (middle + distance).astype(np.float32)
        self.removed = 0
        """Number of outliers in all windows read so far."""
        self.farthest = 0.0
        """The largest of them by magnitude."""

    def read(self, window: Window) -> NDArray[np.float32]:
        """The source's values, NaN where they are outliers."""
        values = self._source.read(window)
        far = values < self._low
        far |= values > self._high
        if far.any():
            outliers = values[far]
            self.removed += outliers.size
            self.farthest = max(self.farthest, float(outliers[np.abs(outliers).argmax()]), key=abs)
            values[far] = np.nan
        return values


def without_outliers(source: Source, ranges: Sequence[Range]) -> Source:
    """A guide without its outliers; the guide itself where a sample has so many that they are rather its values."""
    plausible, finite = Plausible(source, ranges), 0
    for window in sample_blocks(*source.shape[1:]):
        finite += int(np.count_nonzero(np.isfinite(plausible.read(window))))
    return plausible if plausible.removed <= MAX_OUTLIERS * (finite + plausible.removed) else source


def check_units(plausible: Plausible, share: float, valid_range: Range) -> None:
    """Refuse values that cannot be in the bands' units: rescaling them silently would be a guess.

    Args:
        plausible: the image, read once from end to end.
        share: part of its values that are outliers.
        valid_range: of its bands.

    Raises:
        ValueRangeError: there are too many outliers.
    """
    if share > MAX_OUTLIERS:
        low, high = valid_range
        raise ValueRangeError(
            f"{share:.0%} of the values lie far outside {low:g} to {high:g}, the range of these bands, the farthest at "
            f"{plausible.farthest:g}; give physical values: 8-bit pictures / 255, stored reflectances * their scale "
            "(often 0.0001), and NaN where there is no data"
        )


def note_on(outliers: int, share: float, ranges: Sequence[Range]) -> str:
    """What the user is told of outliers: their number, and their share of all values."""
    many = f"{outliers}" if share < COUNTED_BELOW else f"{100 * share:.2g} %"
    low, high = ranges[0]
    usual = f"{low:g} to {high:g}" if len({*ranges}) == 1 else "the ranges of their bands"
    return (
        f"{many} of the values lie far outside {usual} and were left as they are; if they mean no data, declare it "
        "(gdal_edit.py -a_nodata ..., NaN in an array)"
    )
