"""Descriptions of public data sets: their files, contents and splits. The descriptions themselves are in ``sets/``.

A file describes a family of sets: ``common`` holds what they share, ``sets`` what each adds or changes, and ``with``
the words that replace ``<word>`` in the strings of both. A path is a template: ``CUHK-CR1/{part}/cloud/{id}.png``;
the placeholders in braces vary from file to file, and files whose placeholders agree belong together. ``**/`` stands
for any number of folders, or none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

import yaml

from llars.bands import Band, Modality, Polarisation, Role
from llars.data.readers.base import SPLITS
from llars.errors import DataError
from llars.sensors import get_sensor
from llars.tasks import TASK_KEYS

__all__ = ["ImageDescription", "Layer", "SetDescription", "SplitRule", "get_set", "parse_family", "sets"]

GUIDES = tuple(role.value for role in Role if role is not Role.TARGET)


@dataclass(frozen=True)
class Layer:
    """A file that holds an image or some of its bands."""

    paths: tuple[str, ...]
    """Templates of its path; a file may match any of them."""

    keys: tuple[str, ...] = ()
    """Names under which an array file may hold the image."""

    axes: str = "byx"
    """Axes of the array in the file: ``n`` images, ``b`` bands, ``y``, ``x``."""

    take: tuple[int, ...] = ()
    """Channels that are used as bands, counted from 0; empty: all of them."""

    skip: str = ""
    """Folder whose files are ignored, even where their paths match."""

    raw: tuple[int, int, int] | None = None
    """``(band, y, x)`` shape of a raw file of 16-bit integers without a header."""


@dataclass(frozen=True)
class ImageDescription:
    """One role of a set."""

    layers: tuple[Layer, ...]
    """Files whose bands together make the image."""

    sensor: str
    """Sensor name."""

    bands: tuple[Band, ...]
    """One per channel, in the order of the file."""

    scale: float
    """Physical value = stored number * scale + offset."""

    offset: float
    """See ``scale``."""

    nodata: float | None
    """Stored number that marks nodata; None if there is none."""

    value_range: tuple[float, float]
    """Plausible physical values."""

    factor: int = 1
    """How many times finer the grid is than that of ``input``."""

    decibel: bool = False
    """The file holds linear power, which is converted to decibels on reading."""

    sharp: bool = True
    """See ``llars.sample.Sample``."""


@dataclass(frozen=True)
class SplitRule:
    """How a set is split. By default, places are assigned by the hash of their names."""

    word: str = ""
    """Placeholder of the path that states the published part."""

    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """For each published part, the splits among which it is divided."""

    lists: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """For each split, the places that were published as belonging to it; all others are for training."""

    strips: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """For each split, its range of columns as fractions of the width: for sets that show a single place."""


@dataclass(frozen=True)
class SetDescription:
    """A public data set."""

    name: str
    """Key in configurations: ``haze1k-thin``."""

    title: str
    """Name for people."""

    task: str
    """Key of the task that it serves."""

    images: Mapping[str, ImageDescription]
    """Images by role; in a series ``fine`` and ``coarse``."""

    licence: str
    """Licence, or a note that none was found."""

    citation: str
    """Paper to cite."""

    home: str
    """Where it is published."""

    fields: Mapping[str, str]
    """Regular expressions of placeholders that match less than any whole name of a file or folder."""

    place: tuple[str, ...]
    """Placeholders that name the ground that an image shows."""

    ground: str
    """Sets with the same word here show the same ground; by default the name of the set."""

    block: int
    """This many consecutive numbers count as one place: they are of one scene, but the set does not say which."""

    split: SplitRule
    """How the set is split."""

    level: str
    """Strength of the fault in the words of the set."""

    tolerance_days: int | None
    """For a series of dates: days by which the coarse and the fine image of a date may differ. None for other sets."""

    unverified: tuple[str, ...]
    """Assumptions that have not been checked against the files."""


@cache
def sets() -> Mapping[str, SetDescription]:
    """All public sets that can be read, by name."""
    found: dict[str, SetDescription] = {}
    for file in sorted(resources.files("llars.data.readers").joinpath("sets").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".yaml"):
            found.update(parse_family(file.read_text(encoding="utf-8"), file.name))
    return MappingProxyType(found)


def get_set(name: str) -> SetDescription:
    """The set called ``name``.

    Raises:
        DataError: there is none.
    """
    if name not in sets():
        raise DataError(f"unknown set {name!r}; the sets are {', '.join(sets())}")
    return sets()[name]


def parse_family(text: str, source: str) -> dict[str, SetDescription]:
    """The sets that one file describes.

    Args:
        text: YAML, as in ``sets/``.
        source: name of the file, for errors.

    Raises:
        DataError: the description is incomplete or inconsistent.
    """
    document = yaml.safe_load(text)
    family = {key: value for key, value in document.items() if key not in ("sets", "common")}
    found = {}
    for name, own in document["sets"].items():
        entry = _merged(_merged(family, document.get("common", {})), own)
        words = {key: str(value) for key, value in entry.pop("with", {}).items()}
        try:
            found[name] = _set(name, _filled(entry, words))
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{source}: set {name!r} is not described whole ({error!r})") from error
    return found


def _merged(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in own.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merged(merged[key], value) if both else value
    return merged


def _filled(node: Any, words: Mapping[str, str]) -> Any:
    """``node`` with every ``<word>`` in its strings replaced."""
    if isinstance(node, str):
        return re.sub(r"<(\w+)>", lambda match: words[match[1]], node)
    if isinstance(node, Mapping):
        return {key: _filled(value, words) for key, value in node.items()}
    return [_filled(value, words) for value in node] if isinstance(node, list) else node


def _set(name: str, entry: dict[str, Any]) -> SetDescription:
    series = entry.pop("series", None)
    images = {role: _image(image) for role, image in entry.pop("images").items() if image is not None}
    roles = {"fine", "coarse"} if series else {"input", "target", *GUIDES}
    if not set(images) <= roles:
        raise ValueError(f"roles {sorted(images)}, expected some of {sorted(roles)}")
    split = entry.pop("split", {})
    rule = SplitRule(
        word=split.get("field", ""),
        parts={part: tuple(among) for part, among in split.get("parts", {}).items()},
        lists={key: frozenset(map(str, places)) for key, places in split.get("lists", {}).items()},
        strips={key: (float(left), float(right)) for key, (left, right) in split.get("strips", {}).items()},
    )
    named = {*rule.lists, *rule.strips, *(split for among in rule.parts.values() for split in among)}
    if not named <= set(SPLITS):
        raise ValueError(f"splits {sorted(named)}, expected some of {SPLITS}")
    if entry["task"] not in TASK_KEYS:
        raise ValueError(f"task {entry['task']!r}, expected one of {TASK_KEYS}")
    return SetDescription(
        name=name,
        images=images,
        split=rule,
        fields=entry.pop("fields", {}),
        place=tuple(entry.pop("place", ())),
        ground=entry.pop("ground", name),
        block=entry.pop("block", 1),
        level=entry.pop("level", ""),
        tolerance_days=series["tolerance_days"] if series else None,
        unverified=tuple(entry.pop("unverified", ())),
        **entry,
    )


def _image(entry: dict[str, Any]) -> ImageDescription:
    sensor = get_sensor(entry["sensor"])
    bands = [
        _band(item) if isinstance(item, Mapping) else sensor.band(item)
        for item in entry.get("bands") or [band.name for band in sensor.bands if "pan" not in band.aliases]
    ]
    nodata = entry.get("nodata", sensor.nodata)
    gsd = float(entry.get("gsd_m") or 0.0)
    low, high = entry.get("range", sensor.valid_range)
    return ImageDescription(
        layers=tuple(_layer(layer) for layer in entry.get("layers") or [entry]),
        sensor=sensor.name,
        bands=tuple(band.with_gsd(gsd or band.gsd_m) for band in bands),
        scale=float(entry.get("scale", sensor.scale)),
        offset=float(entry.get("offset", sensor.offset)),
        nodata=None if nodata is None else float(nodata),
        value_range=(float(low), float(high)),
        factor=int(entry.get("factor", 1)),
        decibel=entry.get("decibel", False),
        sharp=entry.get("sharp", True),
    )


def _layer(entry: dict[str, Any]) -> Layer:
    paths, keys, raw = entry["path"], entry.get("key", ()), entry.get("raw")
    return Layer(
        paths=(paths,) if isinstance(paths, str) else tuple(paths),
        keys=(keys,) if isinstance(keys, str) else tuple(keys),
        axes=entry.get("axes", "byx"),
        take=tuple(entry.get("take", ())),
        skip=entry.get("skip", ""),
        raw=(raw[0], raw[1], raw[2]) if raw else None,
    )


def _band(entry: Mapping[str, Any]) -> Band:
    """A band that is not in the sensor table, from its fields."""
    fields = dict(entry)
    modality = Modality(fields.pop("modality", "optical"))
    return Band(modality=modality, polarisation=Polarisation(fields.pop("polarisation", "none")), **fields)
