"""Miniatures of the public sets, in the layouts in which their authors publish them: right names, formats, array keys,
number types and ranges; few files of few pixels, filled with a made-up landscape.

`PYTHONPATH=scripts python -m miniatures FOLDER [SET ...]` makes them to look at; the tests make them to read.
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
"""By name of the set, what makes its miniature in a folder."""
