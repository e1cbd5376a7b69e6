"""Which scenes a batch restores, and what the results are called: from a folder, a glob, a list, a table or STAC."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from glob import glob, has_magic
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlparse

from llars.bands import Role
from llars.data.tables import read_table
from llars.errors import ConfigError
from llars.scene.products import named_like_product

__all__ = ["Entry", "item_name", "read_manifest", "stem_of"]

GUIDES = tuple(role.value for role in (Role.SAR, Role.PAN, Role.FINE_BEFORE, Role.COARSE_BEFORE))
COLUMNS = ("input", "output", "prompt", "datetime", *GUIDES)
"""Columns that a table may have; only ``input`` is required."""

INDEX = re.compile(r"__index_level_\d+__")
"""Columns in which pandas stores an index without a name."""

RASTERS = (".tif", ".tiff")
COG = ".cog.tif"


@dataclass(frozen=True)
class Entry:
    """One scene of a batch."""

    source: Path
    output: PurePosixPath
    """Where the result goes, below the output folder."""

    prompt: str
    guides: tuple[tuple[str, Path], ...] = ()
    """Role and file of each guide."""

    acquired: str | None = None
    """When the scene was taken by the manifest (RFC 3339 in UTC); None where it does not say."""


def read_manifest(manifest: str | Path, folder: Path, prompt: str = "", *, cog: bool = False) -> list[Entry]:
    """The scenes of a batch, in the order of the manifest.

    Args:
        manifest: a folder of GeoTIFFs and products (with subfolders), a glob, a product, a list of files (``.txt``),
            a table (``.csv`` or ``.parquet``, with the columns input, output, prompt, datetime and the roles of
            guides), or a STAC item collection or GeoJSON (``.json``, ``.geojson``). Relative paths start there.
        folder: where the results go; files in it are not inputs.
        prompt: for scenes for which the manifest does not give one; empty to repair what the diagnosis finds.
        cog: name results ``.cog.tif`` where the manifest gives no name.

    Raises:
        ConfigError: the manifest is missing, damaged or empty, has unknown columns or two of one name; a row lacks its
            input, names an unusable file, has no date in datetime, or has more cells than there are columns; two
            results would be one file, or one would replace an input; the scenes lie in ``folder``.
    """
    rows, path = list(_rows(str(manifest), folder)), Path(manifest)
    if not rows and path.is_dir() and path.resolve() == folder.resolve():
        raise ConfigError(f"results would lie among the scenes of {manifest}; give another folder for them")
    if not rows:
        raise ConfigError(f"{manifest} names no scenes; expected GeoTIFFs, or a table with a column 'input'")
    base = path if path.is_dir() else path.parent
    entries = [_entry(row, base, prompt, cog, f"{manifest}, scene {at}") for at, row in enumerate(rows, start=1)]
    _check_names(entries, folder)
    return entries


def _rows(manifest: str, folder: Path) -> Iterator[Mapping[str, str]]:
    path = Path(manifest)
    if named_like_product(path) and path.exists():
        yield {"input": str(path.absolute())}
    elif path.is_dir():
        yield from _rasters_in(path.rglob("*"), path, folder)
    elif has_magic(manifest) and not path.exists():
        plain = manifest[: next(at for at, letter in enumerate(manifest) if letter in "*?[")]
        yield from _rasters_in(map(Path, glob(manifest, recursive=True)), Path(plain[: plain.rfind("/") + 1]), folder)
    elif path.suffix.lower() in (".csv", ".parquet"):
        yield from _table(path)
    elif path.suffix.lower() in (".json", ".geojson"):
        yield from _features(path)
    elif path.suffix.lower() in RASTERS:
        yield {"input": str(path.absolute())}
    else:
        lines = (line.strip() for line in _text(path).splitlines())
        yield from ({"input": line} for line in lines if line and not line.startswith("#"))


def _rasters_in(paths: Iterator[Path], base: Path, folder: Path) -> Iterator[Mapping[str, str]]:
    """GeoTIFFs and products among ``paths``; results keep their paths relative to ``base``."""
    for path in sorted(paths):
        inside = path.relative_to(base)
        hidden = any(part.startswith(".") for part in inside.parts)
        part_of_one = any(map(named_like_product, inside.parent.parts))
        wanted = not part_of_one and (path.suffix.lower() in RASTERS or named_like_product(path))
        if wanted and not hidden and not path.resolve().is_relative_to(folder.resolve()):
            yield {"input": str(path.absolute()), "place": inside.as_posix()}


def _table(path: Path) -> Iterator[Mapping[str, str]]:
    names, rows = _parquet(path) if path.suffix.lower() == ".parquet" else _csv(path)
    unknown = set(names) - set(COLUMNS)
    if "input" not in names or unknown:
        listed = ", ".join(names) or "nothing"
        raise ConfigError(f"{path} has the columns {listed}; expected input and any of {', '.join(COLUMNS[1:])}")
    for row in rows:
        yield {name: text.strip() for name, text in row.items() if name in COLUMNS and text and text.strip()}


def _csv(path: Path) -> tuple[Sequence[str], Iterable[Mapping[str, str]]]:
    names, rows = read_table(path, ConfigError)
    return names, (row.cells for row in rows)


def _parquet(path: Path) -> tuple[Sequence[str], Iterable[Mapping[str, str]]]:
    try:
        from pyarrow import ArrowException, parquet
    except ModuleNotFoundError:
        raise ConfigError("a Parquet manifest needs pyarrow: pip install 'llars[parquet]', or give a CSV") from None
    try:
        table = parquet.read_table(path)
    except (OSError, ArrowException) as fault:
        raise ConfigError(f"cannot read the manifest {path} ({str(fault).splitlines()[0]}); is it Parquet?") from None
    # Data frames whose index has no name are written with it as a column.
    names = [name for name in table.column_names if not INDEX.fullmatch(name)]
    return names, ({name: _plain(row[name]) for name in names} for row in table.to_pylist())


def _plain(value: Any) -> str:
    if value is None:
        return ""
    # Times of a data frame without a zone mean UTC.
    return value.isoformat() + ("" if value.tzinfo else "Z") if isinstance(value, datetime) else str(value)


def _features(path: Path) -> Iterator[Mapping[str, str]]:
    try:
        document = json.loads(_text(path))
        features = document["features"] if document["type"] == "FeatureCollection" else [document]
        for feature in features:
            facts = feature["properties"] or {}
            row = {name: str(facts[name]) for name in COLUMNS if facts.get(name)}
            yield {**row, **_assets(feature, str(path))} if "assets" in feature else row
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise ConfigError(f"{path} is no STAC item collection or GeoJSON ({type(fault).__name__}: {fault})") from None


def _assets(item: Mapping[str, Any], where: str) -> dict[str, str]:
    """The image of a STAC item, and those of its assets that are named like guides."""
    assets: Mapping[str, Mapping[str, Any]] = item["assets"]
    rasters = {name: one for name, one in assets.items() if name not in GUIDES and _is_raster(one)}
    data = {name: one for name, one in rasters.items() if "data" in one.get("roles", ())} or rasters
    if len(data) != 1:
        listed = ", ".join(data) or "none"
        raise ConfigError(
            f"{where}: item {item['id']} has {len(data)} images ({listed}), expected one asset with the role data; "
            "list the files that are wanted in a CSV"
        )
    row = {name: str(assets[name]["href"]) for name in GUIDES if name in assets}
    return {**row, "input": str(next(iter(data.values()))["href"]), "place": f"{item['id']}.tif"}


def _is_raster(asset: Mapping[str, Any]) -> bool:
    return "tiff" in str(asset.get("type", "")) or str(asset["href"]).lower().endswith(RASTERS)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as fault:
        raise ConfigError(f"cannot read the manifest {path}: {fault.strerror}; expected a folder or a file") from None
    except UnicodeDecodeError:
        raise ConfigError(f"the manifest {path} is no text; expected .csv, .json, .geojson, .txt or a folder") from None


def _entry(row: Mapping[str, str], base: Path, prompt: str, cog: bool, where: str) -> Entry:
    if "input" not in row:
        raise ConfigError(f"{where} has no input; name its file")
    source = _local(row["input"], base, where)
    name = row.get("output") or _default_name(PurePosixPath(row.get("place", source.name)), cog)
    output = PurePosixPath(name)
    if output.is_absolute() or ".." in output.parts or output.suffix.lower() not in RASTERS:
        raise ConfigError(f"{where} asks for the output {name}; expected a name below the folder, ending in .tif")
    guides = tuple((role, _local(row[role], base, where)) for role in GUIDES if role in row)
    acquired = _time(row["datetime"], where) if "datetime" in row else None
    return Entry(source, output, row.get("prompt", prompt), guides, acquired)


def _time(text: str, where: str) -> str:
    """A date or time of ISO 8601 as STAC wants it: RFC 3339 in UTC, which is also taken for times without a zone."""
    try:
        when = datetime.fromisoformat(text)
        when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ConfigError(
            f"{where} has the datetime {text!r}; expected one as 2024-06-01T10:00:00Z or 2024-06-01"
        ) from None
    return when.isoformat().replace("+00:00", "Z")


def _local(text: str, base: Path, where: str) -> Path:
    scheme = urlparse(text).scheme
    if scheme == "file":
        return Path(unquote(urlparse(text).path))
    # A scheme of one letter is a drive.
    if len(scheme) > 1:
        raise ConfigError(f"{where} lies on a network ({text}); nothing is fetched: download it first")
    return base.absolute() / text


def _default_name(place: PurePosixPath, cog: bool) -> str:
    return str(place.with_name(stem_of(place) + (COG if cog or place.name.lower().endswith(COG) else ".tif")))


def stem_of(path: PurePosixPath) -> str:
    """The name of a file without ``.tif`` or ``.cog.tif``."""
    name = path.name
    return name[: -len(COG)] if name.lower().endswith(COG) else path.stem


def item_name(output: PurePosixPath) -> PurePosixPath:
    """Where a result and its item and picture lie, without a suffix: two results need different ones."""
    return output.with_name(stem_of(output))


def _check_names(entries: Sequence[Entry], folder: Path) -> None:
    owners: dict[PurePosixPath, Path] = {}
    inputs = {entry.source.resolve() for entry in entries}
    for entry in entries:
        name = item_name(entry.output)
        if name in owners:
            raise ConfigError(
                f"the results of {owners[name]} and {entry.source} would both be {entry.output}; "
                "give them names in a column 'output'"
            )
        if (folder / entry.output).resolve() in inputs:
            raise ConfigError(f"the result {folder / entry.output} would replace an input; choose another folder")
        owners[name] = entry.source
