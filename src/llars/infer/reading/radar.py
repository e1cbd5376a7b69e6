"""Radar backscatter in decibels: tells decibels, linear power and digital numbers apart, and converts power."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from llars.errors import RasterError, ValueRangeError
from llars.infer.reading.sampling import source_blocks
from llars.infer.reading.sources import Mapped, Source
from llars.infer.reading.warping import to_decibels

__all__ = ["in_decibels"]

LOWEST_DB, HIGHEST_DB = -70.0, 40.0
"""Range of backscatter in which nearly all pixels lie."""

BRIGHTEST_POWER = 10.0
"""Linear power that nearly all pixels stay below; uncalibrated amplitudes are far above."""


def in_decibels(source: Source, units: str | None, name: str, say: Callable[[str], object]) -> Source:
    """The source in decibels.

    Args:
        source: backscatter in ``units``.
        units: ``dB`` or ``power``; anything else is judged by the values.
        name: of the image, for messages.
        say: called with a note if the source is converted.

    Raises:
        ValueRangeError: the values are neither decibels nor power.
        RasterError: no pixel holds data.
    """
    sample = np.concatenate([source.read(window).ravel() for window in source_blocks(source)])
    sample = sample[np.isfinite(sample)]
    if not sample.size:
        raise RasterError(
            f"{name} has no data: every pixel is nodata, NaN or infinite; check its nodata value, or give another"
        )
    low, high = (float(end) for end in np.percentile(sample, (2, 98)))
    decibel = units == "dB" or (units != "power" and low < 0)
    fits = low >= LOWEST_DB and high <= HIGHEST_DB if decibel else low >= 0 and high <= BRIGHTEST_POWER
    found = f"{name} holds values from {low:.3g} to {high:.3g} (96 % of them)"
    if not fits:
        raise ValueRangeError(
            f"{found}: neither decibel ({LOWEST_DB:g} to {HIGHEST_DB:g}) nor linear power (0 to {BRIGHTEST_POWER:g}), "
            "perhaps amplitude in digital numbers; calibrate it to sigma nought or gamma nought"
        )
    if decibel:
        return source
    say(f"{found}: taken for linear power and converted to decibel")
    return Mapped(source, to_decibels)
