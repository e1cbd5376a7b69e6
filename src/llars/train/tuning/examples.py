"""Reads and checks the user's images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from llars.bands import Band, Role
from llars.data.tables import read_table
from llars.degrade.resolution import enlarge_exactly
from llars.errors import DataError
from llars.tasks import RESOLUTIONS, get_task
from llars.train.tuning.config import TuneConfig
from llars.train.tuning.shift import measure_shift

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Example", "read_examples"]

SUFFIXES = {".tif", ".tiff", ".jp2", ".png", ".jpg", ".vrt"}
"""Suffixes of the files of a folder that are read as images."""

MIN_SIDE = 32
"""Smallest side in pixels from which a shift can be measured."""

Footprint = tuple[str, float, float, float, float]
"""Coordinate reference system, and left, bottom, right, top in it."""


@dataclass(frozen=True)
class Example:
    """One image with its truth, in unit values on the grid of the truth; gaps are filled with 0."""

    name: str
    """File name of the input, or of the clean image."""

    image: NDArray[np.float32] | None
    """``(band, y, x)``, the degraded image; None if a degradation makes it from the truth."""

    truth: NDArray[np.float32]
    """``(band, y, x)``, the true image."""

    valid: NDArray[np.bool_]
    """``(y, x)``: every band of image, truth and guides has data."""

    bands: tuple[Band, ...]
    """One per channel."""

    guides: NDArray[np.float32]
    """``(guide, y, x)``, often none."""

    guide_bands: tuple[Band, ...] = ()
    """One per channel of ``guides``."""

    factor: int = 1
    """How many times coarser the original grid of ``image`` was, before it was enlarged."""

    place: str = ""
    """Name given by the user; images of one place are all trained on or all held out."""

    footprint: Footprint | None = None
    """Extent on the ground; None if the file is not georeferenced."""

    value_range: tuple[float, float] = (0.0, 1.0)
    """Physical values of the first band that become 0 and 1 in unit values."""

    decibels: bool = False
    """Whether the physical values are decibels."""


@dataclass(frozen=True)
class _Row:
    """Files of one example."""

    truth: Path
    image: Path | None = None
    guides: Mapping[str, Path] | None = None
    place: str = ""


@dataclass(frozen=True)
class _Scene:
    """One file, in physical values."""

    values: NDArray[np.float32]
    about: Mapping[str, Any]
    footprint: Footprint | None

    def unit(self, ranges: Sequence[tuple[float, float]]) -> NDArray[np.float32]:
        """Unit values: the range of each band is mapped to [0, 1]."""
        low, high = (np.array([pair[end] for pair in ranges], dtype=np.float32)[:, None, None] for end in (0, 1))
        return (self.values - low) / (high - low)


def read_examples(config: TuneConfig) -> tuple[list[Example], list[str]]:
    """All images of a run, and a note on each pair that is not co-registered.

    Raises:
        DataError: there are too few images, or the two of a pair differ in size or bands, or are identical.
        LlarsError: a file cannot be read as an image.
    """
    rows = _rows(config)
    if len(rows) < 2:
        raise DataError(
            f"found {len(rows)} image(s) to learn from; at least 2 are needed, of two places: one is held out"
        )
    examples = [_read(row, config) for row in rows]
    notes = [_misaligned(example) for example in examples if example.image is not None and example.factor == 1]
    return examples, [note for note in notes if note]


def _rows(config: TuneConfig) -> list[_Row]:
    if config.pairs is not None:
        return _listed(config.pairs)
    if config.clean is not None:
        return [_Row(path) for path in _images(config.clean).values()]
    assert config.inputs is not None
    assert config.targets is not None
    inputs, targets = _images(config.inputs), _images(config.targets)
    if unpaired := sorted(set(inputs) ^ set(targets)):
        raise DataError(
            f"{', '.join(unpaired[:3])} is in one of {config.inputs} and {config.targets} only; "
            "the two of a pair have the same name"
        )
    return [_Row(targets[name], inputs[name]) for name in inputs]


def _images(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise DataError(f"no folder {folder}; give one with images ({', '.join(sorted(SUFFIXES))})")
    return {path.name: path for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES}


def _listed(path: Path) -> list[_Row]:
    """Rows of a CSV file, whose paths are relative to its own folder; an empty cell is no guide or place."""
    roles = [role.value for role in Role if role is not Role.TARGET]
    columns, rows = read_table(path, DataError)
    if not {"input", "target"} <= set(columns) or not set(columns) <= {"input", "target", "place", *roles}:
        raise DataError(
            f"{path} has the columns {columns}; expected input, target, and any of place, {', '.join(sorted(roles))}"
        )
    listed = []
    for row in rows:
        if missing := [name for name in columns if name not in row.cells]:
            raise DataError(f"{path}, line {row.line} has no cell for {', '.join(missing)}; add a comma for each")
        files = {name: path.parent / cell for name, cell in row.cells.items() if cell and name != "place"}
        if missing := [name for name in ("input", "target") if name not in files]:
            raise DataError(f"{path}, line {row.line} has no {' and no '.join(missing)}; name the file")
        guides = {role: files[role] for role in sorted(roles) if role in files}
        listed.append(_Row(files["target"], files["input"], guides, row.cells.get("place", "")))
    return listed


def _open(path: Path, sensor: str | None) -> _Scene:
    # Imported late: only here does tuning read raster files.
    from llars.scene import open_scene

    scene = open_scene(path, sensor)
    place: Footprint | None = None
    if scene.rio.crs is not None:
        left, bottom, right, top = (float(edge) for edge in scene.rio.bounds())
        place = (str(scene.rio.crs), left, bottom, right, top)
    return _Scene(np.asarray(scene.values, dtype=np.float32), scene.attrs, place)


def _read(row: _Row, config: TuneConfig) -> Example:
    truth = _open(row.truth, config.sensor)
    degraded = truth if row.image is None else _open(row.image, config.sensor)
    name = (row.image or row.truth).name
    if len(degraded.values) != len(truth.values):
        raise DataError(
            f"{name}: the input has {len(degraded.values)} bands, the target {len(truth.values)}; expected as many"
        )
    # Restoration later scales a scene by its own range, as it has no truth; so the input's range is used here.
    ranges = degraded.about["band_ranges"]
    factor = 1 if row.image is None else _factor(name, degraded.values.shape, truth.values.shape, config.task)
    image = None if row.image is None else _enlarged(degraded.unit(ranges), factor)
    guides, guide_bands = _guides(row, config, truth.values.shape[-2:])
    unit = truth.unit(ranges)
    parts = [unit, guides] if image is None else [unit, image, guides]
    valid: NDArray[np.bool_] = np.logical_and.reduce(np.isfinite(np.concatenate(parts)))
    example = Example(
        name,
        None if image is None else np.where(valid, image, np.float32(0)),
        np.where(valid, unit, np.float32(0)),
        valid,
        truth.about["bands"],
        np.where(valid, guides, np.float32(0)),
        guide_bands,
        factor,
        row.place,
        truth.footprint,
        ranges[0],
        truth.about["units"] == "dB",
    )
    if example.image is not None and np.array_equal(example.image, example.truth):
        raise DataError(f"{name}: input and target are the same image; there is nothing to learn from it: leave it out")
    return example


def _factor(name: str, degraded: tuple[int, ...], truth: tuple[int, ...], task: str) -> int:
    """How many times finer the target's grid is."""
    factor = max(1, round(truth[-1] / degraded[-1]))
    finer = get_task(task).changes_grid
    size = f"{name}: the input has {degraded[-2]} x {degraded[-1]} pixels, the target {truth[-2]} x {truth[-1]}"
    if tuple(factor * side for side in degraded[-2:]) != tuple(truth[-2:]) or (factor > 1 and not finer):
        wanted = "a whole number of times as many" if finer else "the same size"
        raise DataError(f"{size}; expected {wanted}: crop them to the same ground")
    if task == "sr" and factor not in RESOLUTIONS:
        raise DataError(f"{size}; expected a target 2, 3 or 4 times as fine for sr")
    return factor


def _enlarged(image: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    return image if factor == 1 else enlarge_exactly(torch.from_numpy(image), factor).numpy()


def _guides(row: _Row, config: TuneConfig, size: tuple[int, ...]) -> tuple[NDArray[np.float32], tuple[Band, ...]]:
    given = row.guides or {}
    if missing := [role.value for role in get_task(config.task).guides if role.value not in given]:
        raise DataError(f"{config.task} needs {' and '.join(missing)}; give `pairs`, a CSV with columns of that name")
    images, bands = [np.zeros((0, *size), dtype=np.float32)], []
    for role, path in given.items():
        guide = _open(path, None)
        factor = max(1, round(size[-1] / guide.values.shape[-1]))
        if tuple(factor * side for side in guide.values.shape[-2:]) != tuple(size):
            raise DataError(
                f"{path}: {guide.values.shape[-2]} x {guide.values.shape[-1]} pixels for a target of {size[0]} x "
                f"{size[1]}; expected a grid that nests in the target's"
            )
        images.append(_enlarged(guide.unit(guide.about["band_ranges"]), factor))
        bands += [replace(band, role=Role(role)) for band in guide.about["bands"]]
    return np.concatenate(images), tuple(bands)


def _misaligned(example: Example) -> str:
    """A note if input and target are not co-registered; empty if they are, or if it cannot be measured."""
    if example.image is None or min(example.valid.shape) < MIN_SIDE:
        return ""
    shift = measure_shift(example.image.mean(0), example.truth.mean(0))
    if shift is None or shift == (0, 0):
        return ""
    return (
        f"{example.name}: the target lies {shift[0]:+d} rows and {shift[1]:+d} columns from the input; "
        "align them, or the shift is learned"
    )
