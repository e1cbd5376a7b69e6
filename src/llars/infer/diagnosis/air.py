"""Haze: what the darkest pixels, the contrast and the colours of a scene reveal of the air above it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from llars.bands import Band, Modality

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["NAMES", "air_features", "visible_bands"]

VISIBLE_NM = (400.0, 700.0)

CELL = 16
"""Side in pixels of the cells whose darkest pixel counts: most contain shadow, water or vegetation."""

NAMES = ("dark", "dark_spread", "darkest", "contrast", "relative", "colour", "bright", "one")
"""Names of the features."""


def air_features(
    windows: NDArray[np.float32], bands: Sequence[Band], clear_air: Sequence[float] | None = None
) -> NDArray[np.float64] | None:
    """Numbers that change with haze, in the order of ``NAMES``; None without a visible band.

    The dark channel (He et al. 2009, "Single image haze removal using dark channel prior") and its spread over the
    scene, and what is left of local contrast.

    Args:
        windows: ``(window, band, y, x)`` unit values at native resolution.
        bands: one per channel.
        clear_air: part of each channel that clear air scatters, which is no haze; see ``Picture``.
    """
    visible = visible_bands(bands)
    if not visible:
        return None
    visible_values = windows[:, visible]
    if clear_air is not None:
        visible_values = (
            visible_values - np.array([clear_air[channel] for channel in visible], dtype=np.float32)[:, None, None]
        )
    dark = _cells(visible_values.min(1)).min(-1)
    cells = _cells(visible_values.mean(1))
    local = cells.std(-1)
    bright = float(np.percentile(visible_values, 95.0))
    colour = float(
        (np.median(visible_values.max(1) - visible_values.min(1))) / max(float(np.median(visible_values)), 1e-3)
    )
    return np.array(
        [
            float(np.median(dark)),
            float(np.percentile(dark, 90.0) - np.percentile(dark, 10.0)),
            float(np.percentile(dark, 1.0)),
            float(np.log10(np.median(local) + 1e-3)),
            float(np.log10(np.median(local / np.maximum(cells.mean(-1), 0.01)) + 1e-3)),
            colour,
            bright,
            1.0,
        ]
    )


def visible_bands(bands: Sequence[Band]) -> list[int]:
    """Indices of the visible bands; all bands where they are three of unknown modality."""
    low, high = VISIBLE_NM
    known = [index for index, band in enumerate(bands) if low <= (band.wavelength_nm or 0.0) <= high]
    unknown = [index for index, band in enumerate(bands) if band.modality is Modality.UNKNOWN]
    return known or (unknown if len(unknown) == len(bands) == len("RGB") else [])


def _cells(images: NDArray[np.float32]) -> NDArray[np.float32]:
    windows, height, width = images.shape
    rows, columns = height // CELL, width // CELL
    cut = images[:, : rows * CELL, : columns * CELL].reshape(windows, rows, CELL, columns, CELL)
    return cut.transpose(0, 1, 3, 2, 4).reshape(-1, CELL * CELL)
