"""Reads the files of a set scene by scene; faulty scenes are reported and left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from llars.bands import Role
from llars.data.readers.base import SPLITS, OnFault, Paired
from llars.data.readers.description import ImageDescription, SetDescription, get_set
from llars.data.readers.formats import Images, opened
from llars.data.readers.index import Entry, list_dates, list_entries
from llars.errors import DataError
from llars.sample import Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["read_set"]

QUIETEST = 1e-12
"""Smallest power that is converted to decibels, as zero has no logarithm."""


def read_set(name: str, folder: str | Path, split: str, on_fault: OnFault | None = None) -> Iterator[Paired]:
    """The scenes of one split of a public set.

    Args:
        name: one of ``sets()``.
        folder: where the set was unpacked, or any folder above.
        split: ``train``, ``val`` or ``test``.
        on_fault: called with one line for each fault: the set is missing, counterparts are missing, a file is damaged
            or has the wrong number of bands, or sizes disagree. That scene is left out. Without it the first fault is
            raised.

    Yields:
        Scenes in natural order of their names; at most one is in memory at a time (two in a series).

    Raises:
        DataError: the set or split is unknown; or there is a fault, and no ``on_fault``.
    """
    description = get_set(name)
    if split not in SPLITS:
        raise DataError(f"unknown split {split!r}; the splits are {', '.join(SPLITS)}")
    report = on_fault or _raise
    if description.tolerance_days is not None:
        return _read_series(description, Path(folder), split, report)
    return _read_scenes(description, Path(folder), split, report)


def _raise(fault: str) -> None:
    raise DataError(fault)


def _read_scenes(description: SetDescription, folder: Path, split: str, report: OnFault) -> Iterator[Paired]:
    for entry in list_entries(description, folder, split, report):
        yield from _read_entry(description, entry, split, report)


def _read_entry(description: SetDescription, entry: Entry, split: str, report: OnFault) -> Iterator[Paired]:
    with ExitStack() as stack:
        try:
            files = _open(description, entry.files, stack)
            count = _count(files)
        except DataError as error:
            report(f"{description.name}: {error}")
            return
        many = any("n" in layer.axes for image in description.images.values() for layer in image.layers)
        for i in range(count):
            try:
                values = {role: _values(description.images[role], files[role], i) for role in files}
                _check_grids(description, values, files)
            except DataError as error:
                report(f"{description.name}: {error}")
                continue
            scene = f"{entry.scene}_{i}" if many else entry.scene
            described = {role: (description.images[role], values[role]) for role in values}
            yield _paired(description, scene, entry.place, split, described)


def _read_series(description: SetDescription, folder: Path, split: str, report: OnFault) -> Iterator[Paired]:
    left, right = description.split.strips[split]
    fine, coarse = description.images["fine"], description.images["coarse"]
    before: dict[str, NDArray[Any]] | None = None
    for date in list_dates(description, folder, report):
        try:
            with ExitStack() as stack:
                files = _open(description, date.files, stack)
                values = {role: _values(description.images[role], files[role], 0) for role in files}
            _check_grids(description, values, files)
        except DataError as error:
            report(f"{description.name}: {error}")
            before = None
            continue
        now = {role: _strip(array, left, right) for role, array in values.items()}
        if before is not None:
            described = {
                "input": (coarse, now["coarse"]),
                "target": (fine, now["fine"]),
                "fine_before": (fine, before["fine"]),
                "coarse_before": (coarse, before["coarse"]),
            }
            yield _paired(description, f"{date.day}_{split}", f"{description.ground}/{split}", split, described)
        before = now


def _open(
    description: SetDescription, files: Mapping[str, tuple[Path, ...]], stack: ExitStack
) -> dict[str, list[Images]]:
    layers = {role: description.images[role].layers for role in files}
    return {
        role: [stack.enter_context(opened(path, layer)) for path, layer in zip(paths, layers[role], strict=True)]
        for role, paths in files.items()
    }


def _count(files: Mapping[str, list[Images]]) -> int:
    everything = [images for layers in files.values() for images in layers]
    least, most = (choose(everything, key=lambda images: images.count) for choose in (min, max))
    if least.count != most.count:
        raise DataError(
            f"{least.path} holds {least.count} images, expected {most.count} as in {most.path}; fetch it again"
        )
    return most.count


def _values(image: ImageDescription, layers: list[Images], index: int) -> NDArray[Any]:
    """``(band, y, x)`` of one role, with the bands of its layers concatenated."""
    parts = [layer.read(index) for layer in layers]
    sizes = {part.shape[1:] for part in parts}
    if len(sizes) > 1:
        raise DataError(
            f"{layers[1].path} is {_size(parts[1])}, expected {_size(parts[0])} as {layers[0].path}; left out"
        )
    values = np.concatenate(parts) if len(parts) > 1 else parts[0]
    if len(values) != len(image.bands):
        names = ", ".join(band.name for band in image.bands)
        raise DataError(f"{layers[0].path} has {len(values)} bands, expected {len(image.bands)} ({names}); left out")
    if image.decibel:
        values = (10.0 * np.log10(np.maximum(values.astype(np.float32), QUIETEST))).astype(np.float32)
    return values


def _check_grids(
    description: SetDescription, values: Mapping[str, NDArray[Any]], files: Mapping[str, list[Images]]
) -> None:
    first = "input" if "input" in values else "fine"
    height, width = values[first].shape[1:]
    for role, array in values.items():
        factor = description.images[role].factor
        if array.shape[1:] != (height * factor, width * factor):
            raise DataError(
                f"{files[role][0].path} is {_size(array)}, expected {height * factor} x {width * factor} "
                f"beside {files[first][0].path}; left out"
            )


def _size(array: NDArray[Any]) -> str:
    return f"{array.shape[1]} x {array.shape[2]}"


def _strip(values: NDArray[Any], left: float, right: float) -> NDArray[Any]:
    """Columns between two fractions of the width, copied so that the full image can be freed."""
    width = values.shape[2]
    return values[:, :, round(left * width) : round(right * width)].copy()


def _valid(values: NDArray[Any], nodata: float | None) -> NDArray[np.bool_]:
    """Where every band holds data. A nodata value of 0 counts only if all bands are 0, as one band may just be dark."""
    valid: NDArray[np.bool_] = np.isfinite(values).all(axis=0)
    if nodata is not None:
        filled = values == nodata
        valid &= ~(filled.all(axis=0) if nodata == 0 else filled.any(axis=0))
    return valid


def _paired(
    description: SetDescription,
    scene: str,
    place: str,
    split: str,
    images: Mapping[str, tuple[ImageDescription, NDArray[Any]]],
) -> Paired:
    samples = {
        role: Sample(
            scene=scene,
            split=split,
            sensor=image.sensor,
            bands=tuple(replace(band, role=_role(role)) for band in image.bands),
            values=values,
            scale=image.scale,
            offset=image.offset,
            valid=_valid(values, image.nodata),
            value_range=image.value_range,
            group=place,
            sharp=image.sharp,
            source=f"{description.title}, {description.home}; {description.citation}",
            licence=description.licence,
        )
        for role, (image, values) in images.items()
    }
    factors = {role: image.factor for role, (image, _) in images.items()}
    return Paired(description.name, scene, place, split, description.task, samples, factors, description.level)


def _role(name: str) -> Role:
    return Role.TARGET if name in ("input", "target") else Role(name)
