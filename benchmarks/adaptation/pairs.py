"""Image pairs of a sensor that was left out, as files like a user's, and places reserved for the figures."""

from __future__ import annotations

import csv
import hashlib
import warnings
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
import torch
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning

from benchmarks.corpora import select
from llars.data.corpus import Scene
from llars.degrade import get
from llars.degrade.registry import in_decibels
from llars.errors import DataError
from llars.sensors import get_sensor

__all__ = ["FAULTS", "SIDE", "Places", "write_pairs"]

SIDE = 72
"""Side of the images in pixels: larger than the patches of 64 pixels, so that these can be cut in several ways."""

FAULTS = {
    "haze": (("haze", 0.5),),
    "denoise": (("gaussian_blur", 0.4), ("gaussian_noise", 0.1)),
}
"""The faults of every image, by task: operators with their severities, in order."""

TESTED = 0.25
"""Share of the places that are reserved for the figures; at least one place is."""

FEWEST = 3
"""Smallest number of places: one to train on, one for early stopping, one for the figures."""


@dataclass(frozen=True)
class Places:
    """The clean scenes of a sensor, by place."""

    adapting: tuple[Scene, ...]
    """Scenes of the places from which pairs are cut."""

    testing: tuple[Scene, ...]
    """Scenes of the other places, which neither the base nor tuning nor its early stopping sees."""

    @classmethod
    def of(cls, corpus: Path, without: str) -> Places:
        """Divides the places of both splits of a corpus; the choice depends on their names alone.

        As the sensor was left out altogether, the base knows none of its places, whatever their split.

        Raises:
            DataError: the corpus has scenes of the sensor at too few places.
        """
        found: dict[str, list[Scene]] = {}
        for split in ("train", "val"):
            try:
                scenes = select(corpus / split, without, split, only=True).scenes
            except DataError:
                continue
            for scene in scenes:
                if scene.clean and scene.valid is None and min(scene.shape) >= SIDE:
                    found.setdefault(scene.group, []).append(scene)
        if len(found) < FEWEST:
            raise DataError(
                f"{corpus} has clean scenes of {without!r} at {len(found)} place(s); at least {FEWEST} are needed: "
                "to learn from, to stop by, and to measure"
            )
        order = sorted(found, key=lambda place: hashlib.sha256(place.encode()).hexdigest())
        tested = max(1, round(TESTED * len(order)))
        groups = order[tested:], order[:tested]
        return cls(*(tuple(scene for place in names for scene in found[place]) for names in groups))


@dataclass(frozen=True)
class _Cell:
    """The window of one pair in a scene."""

    scene: Scene
    y: int
    x: int

    @property
    def name(self) -> str:
        """Name of its files."""
        return f"{self.scene.name}_{self.y}_{self.x}.tif"


def write_pairs(scenes: Sequence[Scene], task: str, folder: Path, seed: int, count: int | None = None) -> Path:
    """Writes non-overlapping images and degraded versions of them, and returns the CSV that ``llars tune`` takes.

    Places take turns, so that even few pairs come from many places. For one seed, a smaller set of pairs is the
    beginning of a larger one.

    Args:
        scenes: scenes to cut from.
        task: one of ``FAULTS``.
        folder: folder for ``pairs.csv`` and the images; existing files are overwritten with the same bytes.
        seed: seed of the choice and of the noise.
        count: number of pairs; by default as many as fit.

    Raises:
        DataError: fewer pairs fit into the scenes.
    """
    cells = _dealt(scenes, seed)
    if count is not None and count > len(cells):
        raise DataError(
            f"{len(scenes)} scenes hold {len(cells)} images of {SIDE} x {SIDE} pixels, asked for {count}; ask for fewer"
        )
    rows = []
    for cell in cells[:count]:
        for kind, image in zip(("target", "input"), _pair(cell, task, seed), strict=True):
            _write(folder / kind / cell.name, image, cell.scene)
        rows.append({"input": f"input/{cell.name}", "target": f"target/{cell.name}", "place": cell.scene.group})
    path = folder / "pairs.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["input", "target", "place"])
        writer.writeheader()
        writer.writerows(rows)
    return path


def _dealt(scenes: Sequence[Scene], seed: int) -> list[_Cell]:
    """All cells in random order, with the places taking turns."""
    rng = np.random.default_rng(seed)
    places: dict[str, list[_Cell]] = {}
    for scene in scenes:
        rows, columns = (range(0, side - SIDE + 1, SIDE) for side in scene.shape)
        places.setdefault(scene.group, []).extend(_Cell(scene, y, x) for y in rows for x in columns)
    names = sorted(places)
    hands = [
        [places[names[at]][index] for index in rng.permutation(len(places[names[at]]))]
        for at in rng.permutation(len(names))
    ]
    return [hand[turn] for turn in range(max(map(len, hands))) for hand in hands if turn < len(hand)]


def _pair(cell: _Cell, task: str, seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Clean and degraded image, in unit values."""
    scene = cell.scene
    clean = torch.from_numpy(scene.crop(range(len(scene.bands)), cell.y, cell.x, SIDE, SIDE))
    generator = torch.Generator().manual_seed(zlib.crc32(f"{cell.name} {seed}".encode()))
    image = clean
    for name, severity in FAULTS[task]:
        operator = get(name)
        if get_sensor(scene.sensor).units == "dB":
            operator = in_decibels(operator, scene.value_range)
        image = operator(image, severity, generator, scene.bands)
    return clean.numpy(), image.numpy()


def _write(path: Path, unit: NDArray[np.float32], scene: Scene) -> None:
    """Writes physical values, with the metadata that is needed to open the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    low, high = scene.value_range
    profile = {"driver": "GTiff", "dtype": "float32", "count": len(unit), "height": SIDE, "width": SIDE}
    # Neither corpus nor tuning needs georeferencing: places are named in the CSV.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", **profile) as file:
            file.write(unit * np.float32(high - low) + np.float32(low))
            file.descriptions = tuple(band.name for band in scene.bands)
            file.update_tags(SENSOR=scene.sensor)
