"""Miniatures of the public sets, in the layouts in which their authors publish them.

Names, formats, array keys, number types and ranges are right; there are few files of few pixels, filled with a
synthetic landscape. `PYTHONPATH=scripts python -m miniatures FOLDER [SET ...]` makes them for inspection; the tests
make them to read them.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from miniatures import multispectral, pansharpening, pictures, radar, series

__all__ = ["MAKERS"]

MAKERS: Mapping[str, Callable[[Path], None]] = {
    **pictures.MAKERS,
    **radar.MAKERS,
    **multispectral.MAKERS,
    **pansharpening.MAKERS,
    **series.MAKERS,
}
"""Functions that make the miniature of a set in a folder, by name of the set."""
