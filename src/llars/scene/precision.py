"""Whether the numbers of a file survive as float32, in which everything is computed."""

import numpy as np
from numpy.typing import NDArray
from rasterio.io import DatasetReader

from llars.scene.decode import Decoding, read_visible
from llars.scene.sampling import sample_windows

__all__ = ["precision_notes"]

CONTRAST = (2, 98)
"""Percentiles between which a band's contrast is measured."""

TOLERATED = 1e-3
"""Largest rounding error, as a share of the contrast: what an 8-bit display cannot show."""


def precision_notes(dataset: DatasetReader, decoding: Decoding) -> tuple[str, ...]:
    """A note where float32 rounds the numbers of a sample by more than is tolerated: small steps on a large offset."""
    dtype = np.dtype(dataset.dtypes[decoding.indexes[0] - 1])
    if dtype.itemsize < 4 or dtype == np.float32:  # float32 holds integers of two bytes, however scaled
        return ()
    values, gaps = _sample(dataset, decoding)
    for index, band, gap in zip(decoding.indexes, values, gaps, strict=True):
        held = band[~gap]
        if not held.size:
            continue
        low, high = (float(number) for number in np.percentile(held, CONTRAST))
        with np.errstate(over="ignore"):
            error = float(np.abs(held.astype(np.float32) - held).max())
        if np.isfinite(error) and high > low and error > TOLERATED * (high - low):
            return (
                f"band {index} loses detail: float32, in which llars computes, changes its {dtype.name} numbers by up "
                f"to {error:.3g}, and most lie between {low:.10g} and {high:.10g}; subtract a constant from them first",
            )
    return ()


def _sample(dataset: DatasetReader, decoding: Decoding) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Physical values ``(band, number)`` of a sample, exactly, and where they are gaps."""
    values, gaps = [], []
    scales, offsets = (np.reshape(numbers, (-1, 1, 1)) for numbers in (decoding.scales, decoding.offsets))
    for window in sample_windows(dataset):
        stored = dataset.read(list(decoding.indexes), window=window)
        gaps.append(decoding.missing(stored, read_visible(dataset, decoding, window)).reshape(len(stored), -1))
        values.append((stored.astype(np.float64) * scales + offsets).reshape(len(stored), -1))
    return np.concatenate(values, axis=1), np.concatenate(gaps, axis=1)
