"""Brightness: a gain on physical values, which is exact and needs no network."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from llars.bands import Modality
from llars.infer.reading.channels import Range
from llars.infer.reading.layers import Layers
from llars.infer.tiles import Window
from llars.infer.tiling.engine import Restored
from llars.tasks import brightness_gain

__all__ = ["brightened"]


def brightened(
    layers: Layers, ranges: Sequence[Range], strength: float, windows: Iterable[Window], uncertainty: bool
) -> Iterator[Restored]:
    """The windows of ``layers``, brighter by ``strength`` stops (-1 to 1); their uncertainty is 0.

    Unit values 0 and 1 stand for ``ranges``; the gain acts on physical values; on decibels it acts on the power,
    as a shift.
    """
    gain = brightness_gain(strength)
    decibels = [band.modality is Modality.SAR for band in layers.bands]
    factor = _column(1.0 if logarithmic else gain for logarithmic in decibels)
    shift = _column(
        (10 * math.log10(gain) if logarithmic else low * (gain - 1)) / (high - low)
        for (low, high), logarithmic in zip(ranges, decibels, strict=True)
    )
    for window in windows:
        values, valid = layers.read(window)
        brighter = values * factor + shift
        brighter[~valid] = np.nan
        yield Restored(window, brighter, 0 * brighter if uncertainty else None)


def _column(numbers: Iterable[float]) -> NDArray[np.float32]:
    """One number for each band, to act on ``(band, y, x)``."""
    return np.array(list(numbers), np.float32)[:, None, None]
