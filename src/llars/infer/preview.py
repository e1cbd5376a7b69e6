"""Before and after side by side, for eyes."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from llars.bands import Band, Modality
from llars.errors import OutputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["before_after", "display_bands", "write_png"]

RED_GREEN_BLUE_NM = (660.0, 560.0, 480.0)
VISIBLE_NM = (400.0, 720.0)
STRETCH_PERCENT = (2.0, 98.0)
LONGEST_SIDE = 1600
"""Pixels of the longer side of each half; a larger scene is thinned out."""

GAP = 8
"""White pixels between the halves."""


def display_bands(bands: Sequence[Band]) -> tuple[int, int, int]:
    """Indices of the channels to show as red, green and blue.

    The nearest wavelengths where there are three visible bands; otherwise the first three channels, or one as grey.
    """
    visible = {
        index: band.wavelength_nm
        for index, band in enumerate(bands)
        if band.modality is Modality.OPTICAL
        and band.wavelength_nm is not None
        and VISIBLE_NM[0] <= band.wavelength_nm <= VISIBLE_NM[1]
    }
    nearest = [
        index
        for goal in RED_GREEN_BLUE_NM
        for index in sorted(visible, key=lambda index: abs(visible[index] - goal))[:1]
    ]
    if len(set(nearest)) == 3:
        return nearest[0], nearest[1], nearest[2]
    return (0, 1, 2) if len(bands) >= 3 else (0, 0, 0)


def before_after(before: NDArray[np.float32], after: NDArray[np.float32], bands: Sequence[Band]) -> NDArray[np.uint8]:
    """Both images ``(band, y, x)`` side by side as ``(3, y, x)``; no data is black.

    Both are stretched alike, from the lower of their 2nd percentiles to the higher of their 98th: a change in
    brightness shows, and neither haze nor its removal leaves a half black. An ``after`` on a finer grid sets the size
    of both.
    """
    chosen = np.array(display_bands(bands))
    factor = after.shape[-1] // before.shape[-1]
    stride = max(1, -(-max(after.shape[-2:]) // LONGEST_SIDE))
    rows, columns = (np.arange(0, side, stride) for side in after.shape[-2:])
    shown_before = before[np.ix_(chosen, rows // factor, columns // factor)]
    shown_after = after[np.ix_(chosen, rows, columns)]
    with warnings.catch_warnings():
        # A channel without any data is black, not worth a warning.
        warnings.simplefilter("ignore", RuntimeWarning)
        ends = [
            np.nanpercentile(half, STRETCH_PERCENT, axis=(1, 2), keepdims=True) for half in (shown_before, shown_after)
        ]
    low, high = np.fmin(ends[0][0], ends[1][0]), np.fmax(ends[0][1], ends[1][1])
    halves = [_bytes(half, low, high) for half in (shown_before, shown_after)]
    return np.concatenate((halves[0], np.full((3, len(rows), GAP), 255, dtype=np.uint8), halves[1]), axis=2)


def _bytes(image: NDArray[np.float32], low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.uint8]:
    stretched = (image - low) / np.maximum(high - low, 1e-6)
    return np.asarray(np.nan_to_num(np.clip(stretched, 0.0, 1.0)) * 255.0 + 0.5, dtype=np.uint8)


def write_png(path: str | os.PathLike[str], image: NDArray[np.uint8]) -> None:
    """Write ``(3, y, x)`` as a PNG file.

    Raises:
        OutputError: the file cannot be written.
    """
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    _, height, width = image.shape
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path, "w", driver="PNG", width=width, height=height, count=3, dtype="uint8") as picture:
                picture.write(image)
    except (RasterioError, OSError) as fault:
        raise OutputError(f"cannot write the preview {os.fspath(path)}: {fault}; choose another place") from None
