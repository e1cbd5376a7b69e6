"""Real clouds: what share of a date the diagnosis says they hide, against the scene classes of the product."""

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

__all__ = ["Dated", "Overcast", "dates_of", "judge_dates"]

SENSOR = "sentinel2-l2a"

CLOUDS = (8, 9)
"""Sentinel-2's scene classes of clouds of medium and high probability."""

UNSURE = (0, 1, 3, 10, 11)
"""No data, broken, cloud shadow, cirrus, snow: dates with much of these are neither clear nor simply cloudy."""

MOST_UNSURE = 0.2

EDGES = (0.0, 0.01, 0.1, 0.4, 0.8, 1.0)
"""Dates are told apart by the share of clouds, from over one of these up to the next; the first are clear."""

SMALLEST = 0.001
"""Share below which there is no cloud."""

FINE, COARSE = "s2_10m", "s2_20m"
"""Arrays with visible bands, and without."""


@dataclass(frozen=True)
class Dated:
    """One date of a place."""

    scene: Scene
    split: str
    clouds: float
    """Share of it under clouds, by its scene classes."""


@dataclass(frozen=True)
class Overcast:
    """Dates of one place and much the same share of clouds."""

    place: str
    split: str
    bands: int
    shares: tuple[float, float]
    """Least and greatest share of clouds, by the scene classes."""

    told: tuple[float, ...]
    """Share that clouds hide as the diagnosis says, 0 where it names none; a number for each date."""

    errors: tuple[float, ...]
    """Distance between both shares."""


def dates_of(data: Path) -> Iterator[Dated]:
    """All dates of the Sentinel-2 series of a folder with a ``scenes.json``, without those of unsure classes.

    Where a series has bands of 10 and of 20 m, each date comes twice: with visible bands, and without.

    Raises:
        DataError: a series lacks an array.
    """
    listed = entries(data)
    for split in SPLITS:
        for entry in listed:
            if entry["split"] == split and entry["role"] == "series" and entry["file"].endswith(".npz"):
                yield from _dates(data / entry["file"], entry["id"], split)


def judge_dates(dates: Iterator[Dated], hidden: Callable[[Scene], float]) -> list[Overcast]:
    """How ``hidden``, the share that is told of a scene, fares: place by place, from clear to overcast."""
    found: dict[tuple[str, int, int], list[tuple[Dated, float]]] = {}
    for one in dates:
        level = int(np.searchsorted(EDGES, one.clouds if one.clouds > SMALLEST else 0.0, side="left"))
        found.setdefault((one.scene.data_set, len(one.scene.bands), level), []).append((one, hidden(one.scene)))
    limits = [(0.0, 0.0), *pairwise(EDGES)]
    return [
        Overcast(
            place=place,
            split=members[0][0].split,
            bands=bands,
            shares=limits[level],
            told=tuple(told for _, told in members),
            errors=tuple(abs(told - one.clouds) for one, told in members),
        )
        for (place, bands, level), members in sorted(found.items())
    ]


def _dates(path: Path, name: str, split: str) -> Iterator[Dated]:
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
            if np.isin(kinds, UNSURE).mean() > MOST_UNSURE:
                continue
            valid = np.ones(values.shape[1:], dtype=np.bool_)
            unit = values.astype(np.float32) * np.float32(sensor.scale)
            scene = Scene(f"{name} {date}", f"{SENSOR} / {name}", bands, unit, valid, (0.0, 1.0), True)
            yield Dated(scene, split, float(np.isin(kinds, CLOUDS).mean()))
