"""Landsat Collection 2 Level-1 and Level-2 products: a folder or archive of GeoTIFFs beside an MTL file."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from xml.etree import ElementTree

from llars.errors import RasterError
from llars.scene.products.contents import Contents
from llars.scene.products.product import GridProduct, Layer
from llars.sensors import SENSORS

__all__ = ["IMAGES", "read_landsat"]

IMAGES = (
    r"(?P<scene>L[COTE]0[4-9]_L(?P<level>[12])\w\w_\d{6}_\d{8}_\d{8}_\d\d_(?:T1|T2|RT))_(?P<band>(?:SR_)?B\d+)\.TIF$"
)
METADATA = r"_MTL\.(txt|json|xml)$"
INSTRUMENTS = {"4": "tm", "5": "tm", "7": "etm", "8": "oli", "9": "oli"}

SURFACE = (2.75e-5, -0.2)
"""Scale and offset of surface reflectance in Collection 2, the same for every scene."""

REMEDY = "fetch the product again, or put the bands you have into one file (gdalbuildvrt -separate)"


def read_landsat(contents: Contents) -> GridProduct | None:
    """The product, with its grids ``30m`` and, at Level-1, ``pan``; None where ``contents`` is not one.

    Reflectance is at the top of the atmosphere, corrected for the sun's elevation, at Level-1, and at the surface at
    Level-2. Thermal bands are left out.

    Raises:
        RasterError: there are several scenes, or the metadata are missing or damaged.
    """
    images = contents.matching(IMAGES)
    if not images:
        return None
    scenes = sorted({match["scene"].upper() for match in images.values()})
    if len(scenes) > 1:
        raise RasterError(f"{contents.root} holds {len(scenes)} Landsat scenes ({', '.join(scenes)}); give one of them")
    scene, level = scenes[0], next(iter(images.values()))["level"]
    satellite = scene[3]
    sensor = f"landsat{satellite}-{INSTRUMENTS[satellite]}-{'toa' if level == '1' else 'sr'}"
    if sensor not in SENSORS:
        raise RasterError(
            f"{contents.root} is Landsat {satellite} Level-1; llars opens Level-1 of Landsat 8 and 9, and Level-2 of "
            "Landsat 4 to 9: fetch Level-2, or give a file of its bands"
        )
    groups = _groups(contents)
    if level == "1" and not groups:
        raise RasterError(
            f"{contents.root} (Landsat {satellite} Level-1) lacks its _MTL.txt, .json or .xml, which holds scale and "
            "sun elevation; fetch it, or give a single band"
        )
    files = {match["band"].upper().removeprefix("SR_"): name for name, match in images.items()}
    flags = contents.first(r"_QA_PIXEL\.TIF$")
    notes = () if groups else ("no _MTL file: scale and offset are those of Collection 2 Level-2, 2.75e-05 and -0.2",)
    return GridProduct(
        contents,
        f"Landsat {satellite} Level-{level}",
        sensor,
        _layers(contents, sensor, files, groups),
        REMEDY,
        {"LANDSAT_PRODUCT_ID": scene, **_time(groups)},
        None if flags is None else ("30m", flags),
        notes,
    )


def _layers(
    contents: Contents, sensor: str, files: Mapping[str, str], groups: Mapping[str, Mapping[str, str]]
) -> dict[str, tuple[Layer, ...]]:
    surface = sensor.endswith("-sr")
    layers: dict[str, list[Layer]] = {"30m": []}
    for band in SENSORS[sensor].bands:
        pan = "pan" in band.aliases
        if pan and band.name not in files:
            continue
        scale, offset = _surface(groups, band.name) if surface else _top(contents, groups, band.name)
        layers.setdefault("pan" if pan else "30m", []).append(Layer(band.name, files.get(band.name), scale, offset))
    return {grid: tuple(some) for grid, some in layers.items()}


def _surface(groups: Mapping[str, Mapping[str, str]], band: str) -> tuple[float, float]:
    # The file repeats Level-1's numbers under the same keys in another group.
    rescaling = groups.get("LEVEL2_SURFACE_REFLECTANCE_PARAMETERS", {})
    try:
        number = band.removeprefix("B")
        scale, offset = (float(rescaling[f"REFLECTANCE_{what}_BAND_{number}"]) for what in ("MULT", "ADD"))
    except (KeyError, ValueError):
        return SURFACE
    return scale, offset


def _top(contents: Contents, groups: Mapping[str, Mapping[str, str]], band: str) -> tuple[float, float]:
    facts = {key: text for name, group in groups.items() if "LEVEL2" not in name for key, text in group.items()}
    number = band.removeprefix("B")
    try:
        scale, offset = (float(facts[f"REFLECTANCE_{what}_BAND_{number}"]) for what in ("MULT", "ADD"))
        elevation = float(facts["SUN_ELEVATION"])
    except (KeyError, ValueError) as fault:
        raise RasterError(f"{contents.root}: its MTL file has no {fault}; fetch the product again") from None
    if not 0.0 < elevation <= 90.0:
        raise RasterError(f"{contents.root}: the sun stands at {elevation} degrees, expected above 0: taken at night?")
    height = math.sin(math.radians(elevation))
    return scale / height, offset / height


def _time(groups: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    facts = {key: text for group in groups.values() for key, text in group.items()}
    day, time = facts.get("DATE_ACQUIRED", ""), facts.get("SCENE_CENTER_TIME", "")[:8]
    whole = re.fullmatch(r"\d{4}-\d\d-\d\d", day) and re.fullmatch(r"\d\d:\d\d:\d\d", time)
    return {"TIFFTAG_DATETIME": f"{day.replace('-', ':')} {time}"} if whole else {}


def _groups(contents: Contents) -> dict[str, dict[str, str]]:
    """Keys and texts of the MTL file by group, from whichever of its three forms is there; empty where none is."""
    name = contents.first(METADATA)
    if name is None:
        return {}
    text = contents.text(name)
    try:
        if name.lower().endswith(".json"):
            document = next(iter(json.loads(text).values()))
            return {group: {key: str(one) for key, one in entries.items()} for group, entries in document.items()}
        if name.lower().endswith(".xml"):
            return {group.tag: {one.tag: one.text or "" for one in group} for group in ElementTree.fromstring(text)}
    except (ValueError, AttributeError, StopIteration, ElementTree.ParseError):
        raise RasterError(f"{contents.root}: {name} is damaged; fetch the product again") from None
    groups: dict[str, dict[str, str]] = {}
    inside = ""
    for line in text.splitlines():
        key, _, value = (part.strip() for part in line.partition("="))
        if key == "GROUP":
            inside = value
        elif value and key != "END_GROUP":
            groups.setdefault(inside, {})[key] = value.strip('"')
    return groups
