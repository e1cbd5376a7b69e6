"""Which band of a file is its alpha band: a mask, not a picture."""

from __future__ import annotations

import numpy as np
from rasterio.enums import ColorInterp
from rasterio.io import DatasetReader

from llars.scene.sampling import sample_windows
from llars.sensors import get_sensor

__all__ = ["alpha_of"]

UNIFORM = 0.5
"""Least share of the most common value among those of an alpha band that are not zero. It is nearly 1 for a mask, less
with soft edges; of a picture of 8 bits, hardly a value makes up a tenth."""


def alpha_of(dataset: DatasetReader, sensor: str | None) -> tuple[int | None, tuple[str, ...]]:
    """Position of the alpha band, if any, and notes for the user about it.

    GDAL marks the fourth band of any 8-bit picture as alpha unless told otherwise, so the mark alone proves nothing. A
    band is none if it has a description without "alpha", or if a sensor of as many bands is given, or, where neither a
    description nor the number of the sensor's bands says that it is one, if its values vary like those of a picture.
    """
    expected = None if sensor is None else len(get_sensor(sensor).bands)
    for index, colour in zip(dataset.indexes, dataset.colorinterp, strict=True):
        if colour is not ColorInterp.alpha or dataset.count == 1:
            continue
        text = (dataset.descriptions[index - 1] or "").lower()
        if expected == dataset.count or (text and "alpha" not in text):
            return None, ()
        if text:
            return index, ()
        if expected == dataset.count - 1 or _uniform(dataset, index):
            told = f"band {index} is taken for alpha: where it is 0, there is no data; if it is a band, describe it"
            return index, (f"{told} ({_command(dataset, index)})",)
        told = f"band {index} is marked as alpha, but varies like a picture: taken for a band"
        return None, (f"{told}; name it (--sensor naip, or {_command(dataset, index)})",)
    return None, ()


def _command(dataset: DatasetReader, index: int) -> str:
    return f"rio edit-info -b {index} --description NIR {dataset.name.rpartition('/')[2]}"


def _uniform(dataset: DatasetReader, index: int) -> bool:
    """Whether a sample of the band consists of zeros and, for the most part, a single other value."""
    sample = np.concatenate([dataset.read(index, window=window).ravel() for window in sample_windows(dataset)])
    _, counts = np.unique(sample[sample != 0], return_counts=True)
    return not counts.size or bool(counts.max() >= UNIFORM * counts.sum())
