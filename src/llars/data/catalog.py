"""Folders of imagery with a ``scenes.json``: which images serve a purpose, and what is needed to read them right."""

from __future__ import annotations

import json
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from llars.bands import Band, Modality, Polarisation
from llars.errors import DataError
from llars.sample import Sample
from llars.sensors import SENSORS

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rasterio.io import DatasetReader

__all__ = ["read_catalog"]

SPLITS = ("train", "val", "test")

CLEAR_ROLES = frozenset({"clean", "clear", "optical"})
"""Roles of images in which nothing is wrong. Every other role is a fault, a mask, a guide, or snow."""

RANGES = {"dB": (-35.0, 10.0), "kelvin": (200.0, 340.0)}
"""Plausible values by unit for sensors that are not in the table; anything else is reflectance-like: 0 to 1."""

THERMAL_NM = 3000.0
"""Where emitted radiation takes over from reflected."""

BORDER_SIDE = 5
"""Zeros in every band are missing data, not deep shadow, where they fill squares of this many pixels."""


@dataclass(frozen=True)
class _Placed:
    """A sample with what is needed to lay it over another of the same place."""

    sample: Sample
    gsd: float
    origin: tuple[float, float] | None
    """Upper left corner in metres east and south; None where the image is not georeferenced."""


def read_catalog(folder: str | Path, split: str, want: Iterable[str] = ("clean",)) -> Iterator[Sample]:
    """The images of one split of a folder with a ``scenes.json`` that serve one of the tasks in ``want``.

    Where a scene comes in files of several resolutions (10, 20 and 60 m), samples of all bands follow, on the grid of
    each but the finest, the finer files averaged. No sample shows a place of which a stricter split has another date.

    Raises:
        DataError: no ``scenes.json``, an unknown split, a file that is missing or cannot be read.
    """
    root = Path(folder)
    if split not in SPLITS:
        raise DataError(f"unknown split {split!r}; the splits are {', '.join(SPLITS)}")
    entries = _entries(root)
    kept = [entry for entry in _of_split(entries, split) if _serves(entry, frozenset(want))]
    families: dict[tuple[str, str], list[_Placed]] = defaultdict(list)
    for entry in kept:
        placed = _read(root, entry)
        yield placed.sample
        families[(entry["group"], entry["id"].rpartition("_")[0])].append(placed)
    for members in families.values():
        yield from _stacks(members)


def _entries(root: Path) -> list[dict[str, Any]]:
    """The images of ``scenes.json``: entries with bands, a split and a role."""
    index = root / "scenes.json"
    try:
        listed = json.loads(index.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{root} holds no scenes.json; give the folder of a catalogue") from None
    except json.JSONDecodeError as error:
        raise DataError(f"{index} is not JSON ({error}); fetch it again") from error
    return [entry for entry in listed if "bands" in entry and entry["file"].endswith(".tif")]


def _of_split(entries: list[dict[str, Any]], split: str) -> list[dict[str, Any]]:
    """Entries of ``split``, without dates of a place that a stricter split holds other dates of."""
    stricter = SPLITS[SPLITS.index(split) + 1 :]
    # A group may be a collection of many places; that it is one place seen several times shows in the task "series".
    held_out = {entry["group"] for entry in entries if entry["split"] in stricter and "series" in entry["tasks"]}
    return [entry for entry in entries if entry["split"] == split and entry["group"] not in held_out]


def _serves(entry: dict[str, Any], want: frozenset[str]) -> bool:
    if "clean" in want and entry["role"] == "clear":
        return True
    return bool(want.intersection(entry["tasks"])) and entry["role"] in CLEAR_ROLES | (want & {"sar"})


def _read(root: Path, entry: dict[str, Any]) -> _Placed:
    """One image with its bands, and where it lies."""
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioIOError

    path = root / entry["file"]
    try:
        with warnings.catch_warnings(category=NotGeoreferencedWarning, action="ignore"), rasterio.open(path) as source:
            values = source.read()
            valid = _valid(source, values)
            bands = tuple(_band(entry, source, i) for i in range(source.count))
            corner = source.transform
            origin = (corner.c, -corner.f) if source.crs is not None and source.crs.is_projected else None
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
        sharp="soft" not in entry["note"],
        source=entry["source"],
        licence=entry["licence"],
    )
    return _Placed(sample, float(entry["gsd_m"] or 0.0), origin)


def _valid(source: DatasetReader, values: NDArray[Any]) -> NDArray[np.bool_]:
    """``(y, x)``: every band holds a finite number that is not nodata and no part of a black border."""
    held = [source.read_masks() > 0]
    if np.issubdtype(values.dtype, np.floating):
        held.append(np.isfinite(values))
    valid: NDArray[np.bool_] = np.logical_and.reduce(np.concatenate(held))
    return valid if source.nodata is not None else valid & ~_filled_squares((values == 0).all(axis=0), BORDER_SIDE)


def _filled_squares(mask: NDArray[np.bool_], side: int) -> NDArray[np.bool_]:
    """The pixels of a ``(y, x)`` mask that lie in a filled square (a morphological opening)."""
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
    """Band ``index`` as the sensor table has it, else as the file's metadata say; sampled as the entry says."""
    name = entry["bands"][index]
    gsd = float(entry["gsd_m"]) if entry["gsd_m"] else None
    sensor = SENSORS.get(entry["sensor"])
    # In the provider's own spelling only: b1, b2, b3 number the bands of a file whose order nobody stated.
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


def _stacks(members: list[_Placed]) -> Iterator[Sample]:
    """All bands of one scene's files on the grid of each but the finest file."""
    by_gsd = sorted(members, key=lambda placed: placed.gsd)
    for i in range(1, len(by_gsd)):
        stack = by_gsd[i]
        for finer in reversed(by_gsd[:i]):
            joined = _join(finer, stack)
            if joined is None:
                break
            stack = joined
        else:
            yield stack.sample


def _join(fine: _Placed, coarse: _Placed) -> _Placed | None:
    """``coarse`` with the bands of ``fine`` averaged to its pixels where both lie; None where the grids do not nest."""
    a, b = fine.sample, coarse.sample
    factor = round(coarse.gsd / fine.gsd) if fine.gsd else 0
    shift = _shift(fine, coarse)
    if factor < 2 or shift is None or (a.sensor, a.scale, a.offset) != (b.sensor, b.scale, b.offset):
        return None
    if {band.name for band in a.bands} & {band.name for band in b.bands}:
        return None
    y, fine_y, height = _overlap(a.values.shape[1], b.values.shape[1], shift[1], factor)
    x, fine_x, width = _overlap(a.values.shape[2], b.values.shape[2], shift[0], factor)
    if min(height, width) < 1:
        return None
    window = np.s_[y : y + height, x : x + width]
    fine_window = np.s_[fine_y : fine_y + height * factor, fine_x : fine_x + width * factor]
    blocks = (height, factor, width, factor)
    mean = a.values[:, *fine_window].reshape(-1, *blocks).mean(axis=(2, 4), dtype=np.float64)
    if np.issubdtype(b.values.dtype, np.integer):
        mean = mean.round()
    bands = tuple(band.with_gsd(coarse.gsd) for band in a.bands) + b.bands
    order = sorted(range(len(bands)), key=lambda i: bands[i].wavelength_nm or 0.0)
    values = np.concatenate([mean.astype(b.values.dtype), b.values[:, *window]])
    sample = replace(
        b,
        scene=b.scene.removesuffix("_stack") + "_stack",
        bands=tuple(bands[i] for i in order),
        values=values[order],
        valid=a.valid[fine_window].reshape(blocks).all(axis=(1, 3)) & b.valid[window],
        sharp=a.sharp and b.sharp,
    )
    origin = coarse.origin and (coarse.origin[0] + x * coarse.gsd, coarse.origin[1] + y * coarse.gsd)
    return _Placed(sample, coarse.gsd, origin)


def _overlap(fine: int, coarse: int, shift: int, factor: int) -> tuple[int, int, int]:
    """Along one axis: where the common coarse pixels start on the coarse and the fine grid, and their number."""
    first = max(0, -(shift // factor))
    last = min(coarse, (fine - shift) // factor)
    return first, first * factor + shift, last - first


def _shift(fine: _Placed, coarse: _Placed) -> tuple[int, int] | None:
    """Pixels of the fine grid by which the coarse grid starts further right and down; None where not whole."""
    if fine.origin is None or coarse.origin is None:
        return (0, 0)
    across = [(c - f) / fine.gsd for f, c in zip(fine.origin, coarse.origin, strict=True)]
    whole = [round(value) for value in across]
    return (whole[0], whole[1]) if np.allclose(across, whole, atol=0.05) else None
