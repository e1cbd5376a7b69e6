"""Finds the files of a set under a folder, groups them into scenes, and assigns splits; opens none of them."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from llars.data.readers.base import SPLITS, OnFault
from llars.data.readers.description import Layer, SetDescription

__all__ = ["Date", "Entry", "list_dates", "list_entries", "split_of"]

HELD_OUT = 0.1
"""Share of the places that each of ``val`` and ``test`` gets where hashes of names decide."""

Words = Mapping[str, str]
"""Values that the placeholders of a template have in a path."""


@dataclass(frozen=True)
class Entry:
    """The files of one scene, or of several scenes stored in one file."""

    scene: str
    """Identifier, unique in its set."""

    place: str
    """Place, by which splits are made."""

    files: Mapping[str, tuple[Path, ...]]
    """Files by role, one per layer."""


@dataclass(frozen=True)
class Date:
    """The files of one date of a series."""

    day: date
    """Date of the fine image."""

    files: Mapping[str, tuple[Path, ...]]
    """Files by role: ``fine`` and ``coarse``."""


@dataclass(frozen=True)
class _Found:
    """The files that match one layer of a role."""

    role: str
    layer: Layer
    files: dict[tuple[str, ...], Path]
    """Files by the values of the placeholders, in the order of ``names``."""

    names: tuple[str, ...]
    """Names of the placeholders."""

    twice: list[Path]
    """Files with the same placeholder values as one in ``files``."""


def list_entries(description: SetDescription, folder: Path, split: str, report: OnFault) -> list[Entry]:
    """The scenes of one split of a set with their files, in natural order.

    Args:
        description: description of the set.
        folder: where the set was unpacked, or any folder above.
        split: ``train``, ``val`` or ``test``.
        report: called with one line for each fault: no files, missing counterparts, files that occur twice.
    """
    found = _scan(description, folder)
    anchor = next(one for one in found if one.role == "input")
    if _nothing(description, folder, found, report):
        return []
    entries: list[Entry] = []
    lacking: dict[str, list[Path]] = {}
    used: dict[int, set[tuple[str, ...]]] = {id(one): set() for one in found}
    total = 0
    for values in sorted(anchor.files, key=_natural):
        words = dict(zip(anchor.names, values, strict=True))
        keys = [(one, tuple(words[name] for name in one.names)) for one in found]
        for one, key in keys:
            used[id(one)].add(key)
        place = _place(description, words)
        if split_of(description, words, place) != split:
            continue
        total += 1
        missing = [one.role for one, key in keys if key not in one.files]
        for role in missing[:1]:
            lacking.setdefault(role, []).append(anchor.files[values])
        if not missing:
            files = {
                role: tuple(one.files[key] for one, key in keys if one.role == role) for role in description.images
            }
            entries.append(Entry(_plain(values), place, files))
    _report_twice(description, found, report)
    for role, paths in lacking.items():
        report(_incomplete(description, f"{len(paths)} of {total} {split} inputs have no {role}", paths))
    for one in found:
        alone = [one.files[key] for key in one.files.keys() - used[id(one)] if _is_of(description, one, key, split)]
        if alone:
            report(_incomplete(description, f"{len(alone)} {split} files of {one.role} have no input", alone))
    own = [part for part, among in description.split.parts.items() if among == (split,)]
    if own and not total:
        report(
            f"{description.name}: {folder} holds no {' or '.join(own)} images; unpack that part of {description.title}"
        )
    return entries


def list_dates(description: SetDescription, folder: Path, report: OnFault) -> list[Date]:
    """The dates of a series for which both images exist, in order; ``report`` as in ``list_entries``."""
    found = _scan(description, folder)
    if _nothing(description, folder, found, report):
        return []
    _report_twice(description, found, report)
    fine, coarse = ({_day(one, values): path for values, path in one.files.items()} for one in found)
    tolerance = timedelta(description.tolerance_days or 0)
    dates, matched = [], set()
    for day in sorted(fine):
        near = min(coarse, key=lambda other: abs(other - day))
        if abs(near - day) <= tolerance:
            matched.add(near)
            dates.append(Date(day, {"fine": (fine[day],), "coarse": (coarse[near],)}))
    whole = {date.day for date in dates}
    for what, alone in (
        ("fine images have no coarse one", [fine[day] for day in fine.keys() - whole]),
        ("coarse images have no fine one", [coarse[day] for day in coarse.keys() - matched]),
    ):
        if alone:
            report(_incomplete(description, f"{len(alone)} {what} of the date", alone))
    return dates


def split_of(description: SetDescription, words: Words, place: str) -> str:
    """The split of a place: as published, or chosen by the hash of its name."""
    rule = description.split
    if rule.lists:
        own = place.rpartition("/")[2]
        return next((split for split, places in rule.lists.items() if own in places), "train")
    among: Sequence[str] = rule.parts[words[rule.word].lower()] if rule.word else SPLITS
    drawn = int.from_bytes(hashlib.blake2b(place.encode(), digest_size=8).digest()) / 2**64
    later = [split for split in among if split != "train"] if "train" in among else list(among[1:])
    for i, split in enumerate(later):
        if drawn < HELD_OUT * (i + 1):
            return split
    return among[0]


def _scan(description: SetDescription, folder: Path) -> list[_Found]:
    layers = [(role, image, layer) for role, image in description.images.items() for layer in image.layers]
    # The role whose placeholders name the scene comes first.
    layers.sort(key=lambda item: item[0] not in ("input", "fine"))
    found = [_Found(role, layer, {}, _names(layer.paths[0]), []) for role, _, layer in layers]
    searches = [_searches(one.layer, description.fields) for one in found]
    for parent, folders, names in _folders(folder):
        here = [
            (one, search)
            for one, search in zip(found, searches, strict=True)
            if not one.layer.skip or one.layer.skip not in folders
        ]
        for name in names:
            for one, search in here:
                words = search(parent, name)
                if words is None:
                    continue
                values = tuple(words[word] for word in one.names)
                if values in one.files:
                    one.twice.append(Path(parent, name))
                else:
                    one.files[values] = Path(parent, name)
    return found


def _folders(folder: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """All folders in order: path, its parts below ``folder``, names of files.

    Hidden files and folders, and those that macOS adds to archives, are left out.
    """
    root = folder.resolve().as_posix()
    for parent, folders, names in os.walk(root, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__MACOSX")))
        path = Path(parent).as_posix()
        yield path, path[len(root) :].strip("/").split("/"), sorted(name for name in names if not name.startswith("."))


def _searches(layer: Layer, fields: Mapping[str, str]) -> Callable[[str, str], dict[str, str] | None]:
    # Some systems change the case of names when they unpack an archive.
    patterns = [
        (
            re.compile(_pattern(path.rpartition("/")[2], fields), re.IGNORECASE),
            re.compile(_pattern(path, fields), re.IGNORECASE),
        )
        for path in layer.paths
    ]

    def search(parent: str, name: str) -> dict[str, str] | None:
        for short, whole in patterns:
            # The name alone rules out most files, and is faster to match.
            match = whole.search(f"{parent}/{name}") if short.search(name) else None
            if match:
                return match.groupdict()
        return None

    return search


def _pattern(template: str, fields: Mapping[str, str]) -> str:
    pattern, seen = "(?:^|/)", set()
    for text, name in re.findall(r"([^{]*)(?:\{(\w+)\})?", template):
        pattern += re.escape(text).replace(re.escape("**/"), "(?:[^/]+/)*")
        if name:
            pattern += f"(?P={name})" if name in seen else f"(?P<{name}>{fields.get(name, '[^/]+')})"
            seen.add(name)
    return pattern + "$"


def _names(template: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(re.findall(r"\{(\w+)\}", template)))


def _natural(values: tuple[str, ...]) -> list[list[tuple[int, str]]]:
    """Sort key of natural order, in which 2 comes before 10."""
    return [[(int(piece), "") if piece.isdigit() else (-1, piece) for piece in re.split(r"(\d+)", v)] for v in values]


def _plain(pieces: Iterable[str]) -> str:
    """Pieces of a path joined to a name that can be a key in an archive: without dots, blanks or slashes."""
    return re.sub(r"[^\w-]+", "-", "_".join(piece.strip() for piece in pieces)).strip("-_")


def _place(description: SetDescription, words: Words) -> str:
    name = _plain(words[field] for field in (description.place or tuple(words)) if field in words)
    if description.block > 1:
        name = re.sub(r"\d+(?=\D*$)", lambda match: str(int(match[0]) // description.block), name)
    return f"{description.ground}/{name}"


def _is_of(description: SetDescription, one: _Found, key: tuple[str, ...], split: str) -> bool:
    words = dict(zip(one.names, key, strict=True))
    if description.split.word and description.split.word not in words:
        return split == "train"
    return split_of(description, words, _place(description, words)) == split


def _day(one: _Found, values: tuple[str, ...]) -> date:
    words = {name: int(value) for name, value in zip(one.names, values, strict=True)}
    if "doy" in words:
        return date(words["year"], 1, 1) + timedelta(words["doy"] - 1)
    return date(words["year"], words["month"], words["day"])


def _nothing(description: SetDescription, folder: Path, found: list[_Found], report: OnFault) -> bool:
    empty = [one for one in found if not one.files]
    if len(empty) == len(found):
        report(
            f"{description.name}: nothing under {folder} is named like {found[0].layer.paths[0]}; "
            f"give the folder into which {description.title} was unpacked ({description.home})"
        )
    elif empty:
        report(
            f"{description.name}: nothing under {folder} is named like {empty[0].layer.paths[0]} ({empty[0].role}); "
            f"the set is half unpacked"
        )
    return bool(empty)


def _report_twice(description: SetDescription, found: list[_Found], report: OnFault) -> None:
    for one in found:
        if one.twice:
            report(
                f"{description.name}: {len(one.twice)} files of {one.role} are there twice, the first {one.twice[0]}; "
                f"the copy is left out"
            )


def _incomplete(description: SetDescription, what: str, paths: list[Path]) -> str:
    return f"{description.name}: {what}, the first {min(paths)}; they are left out, unpack {description.title} again"
