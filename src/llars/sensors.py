"""The sensors that llars knows: their bands, units and conventions.

Facts live in ``sensors.toml``. Nothing here loads rasterio or torch.
"""

import difflib
import re
import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from types import MappingProxyType
from typing import Any

from llars.bands import Band, Modality, Polarisation, Sensor
from llars.errors import SensorError

__all__ = ["SENSORS", "get_sensor"]


def _names_like(name: str, prefix: str) -> tuple[str, ...]:
    """Other spellings of a numbered band: ``B04`` -> ``B4``, ``Band 4``, ..."""
    numbered = re.fullmatch(r"[Bb]0?(\d+)([A-Z]?)", name)
    if numbered is None:
        return ()
    number = numbered[1] + numbered[2]
    spellings = [f"B{number}", f"Band {number}", f"Band_{number}", f"Band{number}"]
    if prefix:
        spellings.append(f"{prefix}B{number}")
    return tuple(spelling for spelling in spellings if spelling != name)


def _band(row: Sequence[Any], units: str, prefix: str) -> Band:
    name, centre, width, gsd, *others = row
    modality = Modality.OPTICAL
    if units == "kelvin":
        modality = Modality.THERMAL
    polarisation = Polarisation.NONE
    if name in ("VV", "VH", "HH", "HV"):
        modality, polarisation = Modality.SAR, Polarisation(name.lower())
    return Band(
        name,
        wavelength_nm=float(centre) or None,
        width_nm=float(width) or None,
        gsd_m=float(gsd) or None,
        modality=modality,
        polarisation=polarisation,
        aliases=(*_names_like(name, prefix), *others),
    )


def _load() -> Mapping[str, Sensor]:
    document = tomllib.loads(resources.files("llars").joinpath("sensors.toml").read_text(encoding="utf-8"))
    sensors: dict[str, Sensor] = {}
    for name, entry in document["sensors"].items():
        rows = list(document["bands"][entry["bands"]]) + list(document["bands"].get(entry.get("pan", ""), []))
        left_out = entry.get("without", ())
        lo, hi = entry.get("range", (0.0, 1.0))
        nodata = entry.get("nodata")
        sensors[name] = Sensor(
            name=name,
            title=entry["title"],
            bands=tuple(_band(row, entry["units"], entry.get("prefix", "")) for row in rows if row[0] not in left_out),
            units=entry["units"],
            valid_range=(float(lo), float(hi)),
            scale=float(entry.get("scale", 1.0)),
            offset=float(entry.get("offset", 0.0)),
            nodata=None if nodata is None else float(nodata),
            note=entry.get("note", ""),
            guess=entry.get("guess", True),
            top_of_atmosphere=entry.get("top_of_atmosphere", False),
        )
    return MappingProxyType(sensors)


SENSORS: Mapping[str, Sensor] = _load()
"""All sensors by name; of those that look the same in a file, the more likely one comes first."""


def get_sensor(name: str) -> Sensor:
    """The sensor called ``name``.

    Raises:
        SensorError: there is no such sensor; the message lists similar names.
    """
    if not isinstance(name, str):
        raise SensorError(f"found {name!r} in place of a sensor's name; 'llars sensors' lists them")
    sensor = SENSORS.get(name.strip().lower())
    if sensor is None:
        near = difflib.get_close_matches(name.strip().lower(), SENSORS, n=4, cutoff=0.5)
        hint = f"perhaps {', '.join(near)}? 'llars sensors' lists all" if near else f"there are {', '.join(SENSORS)}"
        raise SensorError(f"unknown sensor {name!r}; {hint}")
    return sensor
