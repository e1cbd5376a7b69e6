"""Folders of imagery with a ``scenes.json``: selects the images for a purpose, and reads them with their metadata."""

from __future__ import annotations

import re
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from llars.bands import Band, Modality, Polarisation
from llars.data.footprints import Ground, footprint, footprints, outside
from llars.data.listing import CLEAR_ROLES, IMAGES, SPLITS, entries
from llars.data.nesting import Placed, nested
from llars.errors import DataError
from llars.sample import Sample
from llars.sensors import SENSORS

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rasterio.io import DatasetReader
    from rasterio.windows import Window

__all__ = [
    "CLEAR_ROLES",
    "SPLITS",
    "OnFault",
    "entries",
    "of_split",
    "read_catalog",
    "read_entry",
    "stricter_footprints",
    "tell",
]

OnFault = Callable[[str], None]
"""Called with one line on each file that could not be read."""

RANGES = {"dB": (-35.0, 10.0), "kelvin": (200.0, 340.0)}
"""Plausible values by unit for sensors that are not in the table; all other units are taken as reflectance, 0 to 1."""

THERMAL_NM = 3000.0
"""Wavelength above which emitted radiation dominates reflected."""

SOFT = ("soft", "resampled geographic grid")
"""Words in the note of an image that is too soft to be the truth for sharpness."""

BORDER_SIDE = 5
"""Pixels that are zero in every band are missing data, not deep shadow, where they fill squares of this side."""


class KeptOut(DataError):
    """The whole image lies within the footprints of images of a stricter split."""


def read_catalog(
    folder: str | Path, split: str, want: Iterable[str] = ("clean",), on_fault: OnFault | None = None
) -> Iterator[Sample]:
    """The images of one split of a folder with a ``scenes.json`` that serve one of the tasks in ``want``.

    The stricter splits are those later in ``SPLITS``. No sample shows a place of which a stricter split has another
    date, nor ground in the footprint of an image of a stricter split: that part is cut off. Where a scene comes in
    files of several resolutions (10, 20 and 60 m), samples with all bands follow, on the grid of each file but the
    finest, with the finer files averaged. Files that cannot be read are reported to ``on_fault`` in one line each and
    left out.

    Raises:
        DataError: no ``scenes.json`` or a wrong entry in it, an unknown split; without ``on_fault``, a file that cannot
            be read.
    """
    root = Path(folder)
    if split not in SPLITS:
        raise DataError(f"unknown split {split!r}; the splits are {', '.join(SPLITS)}")
    listed = entries(root)
    collections = _collections(listed)
    keep_out = stricter_footprints(root, listed, split)
    families: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for entry in of_split(listed, split):
        if not _serves(entry, frozenset(want)):
            continue
        try:
            placed = read_entry(root, entry, keep_out)
        except KeptOut:
            continue
        except DataError as error:
            tell(error, on_fault)
            continue
        yield _named(placed, collections).sample
        families[(entry["group"], entry["id"].rpartition("_")[0])].append(entry)
    # Files are read once more rather than kept: a split need not fit into memory.
    for members in families.values():
        if len({entry["gsd_m"] or 0.0 for entry in members}) > 1:
            yield from nested([_named(read_entry(root, entry, keep_out), collections) for entry in members])


def _named(placed: Placed, collections: set[str]) -> Placed:
    """Of a collection every image is a place of its own."""
    if placed.sample.group not in collections:
        return placed
    return replace(placed, sample=replace(placed.sample, group=placed.sample.scene))


def tell(error: DataError, on_fault: OnFault | None) -> None:
    """Pass the error's message to ``on_fault``, or raise the error if there is no ``on_fault``."""
    if on_fault is None:
        raise error
    on_fault(str(error))


def _collections(listed: list[dict[str, Any]]) -> set[str]:
    """Groups that are collections of many places: they span several splits and are no series of dates."""
    splits: dict[str, set[str]] = defaultdict(set)
    for entry in listed:
        splits[entry["group"]].add(entry["split"])
    return {group for group in splits if len(splits[group]) > 1} - {
        entry["group"] for entry in listed if "series" in entry["tasks"]
    }


def of_split(listed: list[dict[str, Any]], split: str) -> list[dict[str, Any]]:
    """Entries of ``split``, without those of places of which a stricter split has other dates."""
    stricter = SPLITS[SPLITS.index(split) + 1 :]
    # A group may be a collection of many places; the task "series" marks a single place seen on several dates.
    held_out = {entry["group"] for entry in listed if entry["split"] in stricter and "series" in entry["tasks"]}
    return [entry for entry in listed if entry["split"] == split and entry["group"] not in held_out]


def stricter_footprints(root: Path, listed: list[dict[str, Any]], split: str) -> list[Ground]:
    """Footprints of the images of the splits stricter than ``split``."""
    stricter = SPLITS[SPLITS.index(split) + 1 :]
    files = [entry["file"] for entry in listed if entry["split"] in stricter and _is_image(entry)]
    return footprints(root / file for file in files)


def _is_image(entry: dict[str, Any]) -> bool:
    return bool(entry["file"].lower().endswith(IMAGES))


def _serves(entry: dict[str, Any], want: frozenset[str]) -> bool:
    if not _is_image(entry):
        return False
    if "clean" in want and entry["role"] == "clear":
        return True
    return bool(want.intersection(entry["tasks"])) and entry["role"] in CLEAR_ROLES | (want & {"sar"})


def read_entry(root: Path, entry: dict[str, Any], keep_out: Iterable[Ground] = ()) -> Placed:
    """One image of a catalogue with its bands and georeference; what overlaps ``keep_out`` is cut off.

    Raises:
        DataError: the file is missing, cannot be read, or has other bands than the catalogue says.
        KeptOut: nothing is left of the image.
    """
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioIOError
    from rasterio.windows import Window

    path = root / entry["file"]
    try:
        with warnings.catch_warnings(category=NotGeoreferencedWarning, action="ignore"), rasterio.open(path) as source:
            if source.count != len(entry["bands"]):
                named = len(entry["bands"])
                raise DataError(f"{path} has {source.count} bands; scenes.json names {named}; mend either")
            part = outside(source, keep_out)
            if part[1] <= part[0] or part[3] <= part[2]:
                raise KeptOut(f"{path} lies where images of a stricter split do; leave it out")
            window = Window.from_slices(part[:2], part[2:])
            values = source.read(window=window)
            valid = _valid(source, values, window)
            bands = tuple(_band(entry, source, i) for i in range(source.count))
            corner = source.window_transform(window)
            origin = (corner.c, -corner.f) if source.crs is not None and source.crs.is_projected else None
            lies = footprint(source, part)
    except RasterioIOError as error:
        raise DataError(f"{path} cannot be read ({error}); fetch the data set again") from error
    sample = Sample(
        scene=entry["id"],
        split=entry["split"],
        sensor=entry["sensor"],
        bands=bands,
        values=values,
        scale=float(entry["scale"]),
        offset=float(entry["offset"]),
        valid=valid,
        value_range=_value_range(entry),
        group=entry["group"],
        sharp=not any(word in entry["note"] for word in SOFT),
        day=day_in(entry["id"]),
        footprint=lies,
        source=entry["source"],
        licence=entry["licence"],
    )
    return Placed(sample, float(entry["gsd_m"] or 0.0), origin)


def day_in(name: str) -> float | None:
    """Days since 1970 of a date in a name, as ``20180716`` or ``2018-07-16``; None if there is none."""
    found = re.search(r"(?<!\d)((?:19|20)\d\d)-?(\d\d)-?(\d\d)(?!\d)", name)
    try:
        return float((date(*map(int, found.groups())) - date(1970, 1, 1)).days) if found else None
    except ValueError:
        return None


def _valid(source: DatasetReader, values: NDArray[Any], window: Window) -> NDArray[np.bool_]:
    """``(y, x)``: every band holds a finite number that is neither nodata nor part of a black border."""
    held = [source.read_masks(window=window) > 0]
    if np.issubdtype(values.dtype, np.floating):
        held.append(np.isfinite(values))
    valid: NDArray[np.bool_] = np.logical_and.reduce(np.concatenate(held))
    return valid if source.nodata is not None else valid & ~_filled_squares((values == 0).all(axis=0), BORDER_SIDE)


def _filled_squares(mask: NDArray[np.bool_], side: int) -> NDArray[np.bool_]:
    """The pixels of a ``(y, x)`` mask that lie in a filled square of ``side`` pixels (a morphological opening)."""
    windows = np.lib.stride_tricks.sliding_window_view
    if not mask.any() or min(mask.shape) < side:
        return np.zeros_like(mask)
    filled = np.pad(windows(mask, (side, side)).all(axis=(2, 3)), side - 1)
    opened: NDArray[np.bool_] = np.logical_or.reduce(windows(filled, (side, side)), axis=(2, 3))
    return opened


def _value_range(entry: dict[str, Any]) -> tuple[float, float]:
    sensor = SENSORS.get(entry["sensor"])
    return sensor.valid_range if sensor is not None else RANGES.get(entry["units"], (0.0, 1.0))


def _band(entry: dict[str, Any], source: DatasetReader, index: int) -> Band:
    """Band ``index`` from the sensor table, or else from the file's metadata; its sampling distance is the entry's."""
    name = entry["bands"][index]
    gsd = float(entry["gsd_m"]) if entry["gsd_m"] else None
    sensor = SENSORS.get(entry["sensor"])
    # Only in the provider's own spelling: b1, b2, b3 merely number the bands of a file whose order is unknown.
    known = next((band for band in sensor.bands if name in (band.name, *band.aliases)), None) if sensor else None
    if known is not None:
        return known.with_gsd(gsd)
    tags = source.tags(index + 1, ns="IMAGERY")
    centre, width = (float(tags[key]) * 1000.0 if key in tags else None for key in ("CENTRAL_WAVELENGTH_UM", "FWHM_UM"))
    polarisation = next((p for p in Polarisation if p.value == name.lower()), Polarisation.NONE)
    if polarisation is not Polarisation.NONE:
        modality = Modality.SAR
    elif entry["units"] == "kelvin" or (centre or 0.0) > THERMAL_NM:
        modality = Modality.THERMAL
    else:
        modality = Modality.UNKNOWN if centre is None else Modality.OPTICAL
    return Band(name, centre, width, gsd, modality, polarisation)
