"""``scenes.json``, the list of a folder of imagery: its entries, checked, with defaults for what may be left out."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from llars.errors import DataError
from llars.sensors import SENSORS

__all__ = ["CLEAR_ROLES", "IMAGES", "SERIES", "SPLITS", "entries"]

SPLITS = ("train", "val", "test")

IMAGES, SERIES = (".tif", ".tiff"), ".npz"
"""Ends of the names of files, in small letters."""

CLEAR_ROLES = frozenset({"clean", "clear", "optical"})
"""Roles of faultless images. Every other role is a fault, a mask, a guide, or snow."""

REQUIRED = {"image": ("sensor", "bands", "scale", "split", "licence"), "series": ("split",)}

TEXTS = ("id", "sensor", "units", "role", "group", "split", "source", "licence", "note")
LISTS = ("bands", "tasks")
NUMBERS = ("scale", "offset", "gsd_m")


def entries(root: Path) -> list[dict[str, Any]]:
    """The images and series listed in ``scenes.json``; ``docs/training.md`` describes the keys.

    Keys that may be left out are filled in. An image of another role than ``CLEAR_ROLES`` with neither sensor nor bands
    is listed for another purpose: it is left out.

    Raises:
        DataError: the file is missing, is not JSON or no list, or an entry lacks a key, has a value of the wrong kind,
            or the identifier of another; the message names the entry and the key.
    """
    index = root / "scenes.json"
    try:
        listed = json.loads(index.read_text(encoding="utf-8-sig"))
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(f"{root} holds no scenes.json; give the folder of a catalogue") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{index} is not JSON ({error}); mend it, or fetch it again") from None
    if not isinstance(listed, list):
        raise DataError(f"{index} holds {_kind(listed)}; expected a list of entries, one for each file, in [ ]")
    found = [
        _filled(root, entry, where)
        for at, entry in enumerate(listed, start=1)
        if not _is_for_others(where := f"{index}, entry {at}", entry)
    ]
    seen: dict[str, str] = {}
    for entry in found:
        name, file = entry["id"], entry["file"]
        if name in seen:
            raise DataError(f"{index}: {seen[name]} and {file} both have the id {name!r}; give each an `id` of its own")
        seen[name] = file
    return found


def _is_for_others(where: str, entry: Any) -> bool:
    if not isinstance(entry, dict):
        raise DataError(f"{where} is {_kind(entry)}; expected an object with the keys file, sensor, bands, ...")
    described = entry.get("sensor") is not None or entry.get("bands") is not None
    return not described and entry.get("role") not in (None, *CLEAR_ROLES) and not _is_series(entry)


def _is_series(entry: Mapping[str, Any]) -> bool:
    return str(entry.get("file")).lower().endswith(SERIES)


def _filled(root: Path, given: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The entry with its defaults."""
    file = given.get("file")
    if not isinstance(file, str) or not file:
        raise DataError(f"{where}: `file` is {_kind(file)}; expected the path of an image, relative to the folder")
    where = f"{where} ({file})"
    if not file.lower().endswith((*IMAGES, SERIES)):
        raise DataError(f"{where}: `file` is no {', '.join((*IMAGES, SERIES))}; convert it to a GeoTIFF")
    series = _is_series(given)
    # Null is as if it were not given, but a size of null has always meant that it is unknown.
    optional = {*TEXTS, *LISTS, *NUMBERS} - {"gsd_m"}
    entry = {key: value for key, value in given.items() if value is not None or key not in optional}
    if missing := [key for key in REQUIRED["series" if series else "image"] if key not in entry]:
        raise DataError(f"{where} has no {', '.join(f'`{key}`' for key in missing)}; docs/training.md lists the keys")
    _check(entry, where)
    stem = PurePosixPath(file).stem
    sensor = SENSORS.get(entry.get("sensor", ""))
    units = "reflectance" if sensor is None else sensor.units
    defaults = {
        "id": stem,
        "offset": 0.0,
        "role": "clean",
        "tasks": ["clean"],
        "units": units,
        "source": "",
        "note": "",
    }
    entry = {**defaults, "licence": "", "group": entry.get("id", stem), **entry}
    if "gsd_m" not in entry:
        entry["gsd_m"] = None if series else _pixel_size(root / file) or _sensor_gsd(entry)
    return entry


def _check(entry: Mapping[str, Any], where: str) -> None:
    """Refuse values of the wrong kind."""
    for key in [key for key in TEXTS if key in entry]:
        if not isinstance(entry[key], str):
            raise DataError(f"{where}: `{key}` is {_kind(entry[key])}; expected text in quotes")
    for key in [key for key in LISTS if key in entry]:
        value = entry[key]
        names = isinstance(value, list) and all(isinstance(word, str) for word in value)
        if not names or (key == "bands" and not value):
            raise DataError(f'{where}: `{key}` is {_kind(value)}; expected a list of names, as ["B02", "B03"]')
    for key in [key for key in NUMBERS if entry.get(key) is not None]:
        value = entry[key]
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not number or (key != "offset" and value <= 0):
            wanted = "a number" if key == "offset" else "a number above 0"
            raise DataError(f"{where}: `{key}` is {_kind(value)}; expected {wanted}")
    if entry["split"] not in SPLITS:
        raise DataError(f"{where}: `split` is {entry['split']!r}; expected one of {', '.join(SPLITS)}")


def _kind(value: Any) -> str:
    """The value for a message; only the kind of what may be long."""
    if value is None:
        return "missing"
    text = json.dumps(value)
    if len(text) <= 40:
        return text
    kinds: dict[type[Any], str] = {dict: "an object", list: "a list"}
    return kinds.get(type(value), f"{text[:37]}...")


def _pixel_size(path: Path) -> float | None:
    """Side of a pixel in metres; None where the file does not tell."""
    import rasterio
    from rasterio.errors import RasterioIOError

    try:
        with warnings.catch_warnings(action="ignore"), rasterio.open(path) as source:
            if source.crs is None or not source.crs.is_projected:
                return None
            return round(float(source.res[0] * source.crs.linear_units_factor[1]), 6) or None
    except RasterioIOError:
        return None  # reported when the file is read


def _sensor_gsd(entry: Mapping[str, Any]) -> float | None:
    """The sampling distance of the bands in the sensor table, if it is the same for all."""
    sensor = SENSORS.get(entry["sensor"])
    sizes = {band.gsd_m for band in sensor.bands if band.name in entry["bands"]} if sensor else set()
    return sizes.pop() if len(sizes) == 1 else None
