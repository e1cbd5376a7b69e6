"""Values that cannot be measurements: a few are left out like gaps, many show that the units are wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from llars.errors import ValueRangeError
from llars.infer.reading.sampling import source_blocks
from llars.infer.reading.sources import Source

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from llars.infer.reading.sources import Range
    from llars.infer.tiles import Window

__all__ = ["MAX_OUTLIERS_OF_OPEN_RANGE", "Plausible", "check_units", "is_open_ended", "note_on", "without_outliers"]

MAX_DISTANCE, MAX_DISTANCE_IN_OPEN_RANGE = 3.5, 10.0
"""Distance from the middle of the range, in multiples of its width, beyond which a value is an outlier.

A range that was taken from the image says less: the land of a sea scene may lie several widths beyond it.
"""

MAX_OUTLIERS, MAX_OUTLIERS_OF_OPEN_RANGE = 0.01, 0.05
"""Largest share of outliers. A range from the image lies around its 2nd and 98th percentile, with 4 % beyond."""

COUNTED_BELOW = 1e-4
"""Share of outliers below which their number says more."""


class Plausible:
    """A source without its outliers: values that lie far outside the range of their band become NaN, like gaps."""

    def __init__(self, source: Source, ranges: Sequence[Range], open_ended: bool = False) -> None:
        """``ranges`` has the lowest and the highest usual value of each band; for ``open_ended`` see that function."""
        self._source, self.shape = source, source.shape
        low, high = np.array(ranges, dtype=np.float64).T[..., None, None]
        widths = MAX_DISTANCE_IN_OPEN_RANGE if open_ended else MAX_DISTANCE
        middle, distance = (low + high) / 2, widths * (high - low)
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


def is_open_ended(attrs: Mapping[Any, Any]) -> bool:
    """Whether values beyond the range are no sign of other units, as it was taken from the image itself."""
    return attrs.get("sensor") == "unknown" and not attrs.keys().isdisjoint(("band_ranges", "value_range"))


def without_outliers(source: Source, ranges: Sequence[Range], open_ended: bool) -> Source:
    """A guide without its outliers; the guide itself where a sample has so many that they are rather its values."""
    plausible, finite = Plausible(source, ranges, open_ended), 0
    for window in source_blocks(source):
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
