"""Real clouds: the share of a date that the diagnosis finds hidden, against the scene classes of the product."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from llars.bench.cases import Scene
from llars.data.catalog import SPLITS, entries
from llars.errors import DataError
from llars.sensors import get_sensor

__all__ = ["CloudyDates", "DatedScene", "compare_dates", "dates_of"]

SENSOR = "sentinel2-l2a"

CLOUDS = (8, 9)
"""Sentinel-2's scene classes (SCL) of clouds of medium and high probability."""

UNSURE = (0, 1, 3, 10, 11)
"""No data, defective, cloud shadow, cirrus, snow: dates with many such pixels are neither clear nor simply cloudy."""

MAX_UNSURE = 0.2

EDGES = (0.0, 0.01, 0.1, 0.4, 0.8, 1.0)
"""Bounds of the groups of dates by cloud cover, each from above one bound up to the next; clear dates are a group."""

SMALLEST = 0.001
"""Cloud cover up to which a date counts as clear."""

FINE, COARSE = "s2_10m", "s2_20m"
"""Arrays with visible bands, and without."""


@dataclass(frozen=True)
class DatedScene:
    """One date of a place."""

    scene: Scene
    split: str
    clouds: float
    """Cloud cover by its scene classes, in [0, 1]."""


@dataclass(frozen=True)
class CloudyDates:
    """Dates of one place with similar cloud cover."""

    place: str
    split: str
    bands: int
    shares: tuple[float, float]
    """Bounds of the cloud cover by the scene classes."""

    estimates: tuple[float, ...]
    """For each date the share that clouds hide by the diagnosis; 0 if it names none."""

    errors: tuple[float, ...]
    """For each date the absolute difference between the two shares."""


def dates_of(data: Path) -> Iterator[DatedScene]:
    """All dates of the Sentinel-2 series of a folder with a ``scenes.json``, except those with many unsure pixels.

    If a series has 10 m and 20 m bands, each date comes twice: with visible bands, and without.

    Raises:
        DataError: a series lacks an array.
    """
    listed = entries(data)
    for split in SPLITS:
        for entry in listed:
            if entry["split"] == split and entry["role"] == "series" and entry["file"].endswith(".npz"):
                yield from _dates(data / entry["file"], entry["id"], split)


def compare_dates(dates: Iterator[DatedScene], hidden: Callable[[Scene], float]) -> list[CloudyDates]:
    """Compares ``hidden``, an estimate of the hidden share, with the classes: by place, from clear to overcast."""
    found: dict[tuple[str, int, int], list[tuple[DatedScene, float]]] = {}
    for one in dates:
        level = int(np.searchsorted(EDGES, one.clouds if one.clouds > SMALLEST else 0.0, side="left"))
        found.setdefault((one.scene.data_set, len(one.scene.bands), level), []).append((one, hidden(one.scene)))
    limits = [(0.0, 0.0), *pairwise(EDGES)]
    return [
        CloudyDates(
            place=place,
            split=members[0][0].split,
            bands=bands,
            shares=limits[level],
            estimates=tuple(estimates for _, estimates in members),
            errors=tuple(abs(estimates - one.clouds) for one, estimates in members),
        )
        for (place, bands, level), members in sorted(found.items())
    ]


def _dates(path: Path, name: str, split: str) -> Iterator[DatedScene]:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = [(file[array], file[f"{array}_bands"]) for array in (FINE, COARSE) if array in file]
            classes = file["s2_20m_scl"]
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path} cannot be read as a series ({error}); fetch the data set again") from error
    sensor = get_sensor(SENSOR)
    for stored, names in arrays:
        bands = tuple(sensor.band(str(one)) for one in names)
        for date, (values, kinds) in enumerate(zip(stored, classes, strict=True)):
            if np.isin(kinds, UNSURE).mean() > MAX_UNSURE:
                continue
            valid = np.ones(values.shape[1:], dtype=np.bool_)
            unit = values.astype(np.float32) * np.float32(sensor.scale)
            scene = Scene(f"{name} {date}", f"{SENSOR} / {name}", bands, unit, valid, (0.0, 1.0), True)
            yield DatedScene(scene, split, float(np.isin(kinds, CLOUDS).mean()))
