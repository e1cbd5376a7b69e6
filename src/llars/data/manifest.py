"""The manifest of a folder of shards: counts, checksums, statistics and licences, pooled from those of each shard."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from llars.errors import DataError
from llars.files import write_whole

__all__ = ["FORMAT", "Tally", "load", "locate", "save", "summarise"]

FORMAT = 1
"""Version of the layout of shards and manifest; incremented when it changes."""

NAME = "manifest.json"

BINS = 10
"""Number of histogram bins for the severity, over [0, 1]."""

NOT_TRUTH = frozenset({"input"})
"""Names of images that are degraded: they are left out of the statistics."""


class Tally:
    """Running counts of samples and images, and running statistics of every sensor's bands."""

    def __init__(self) -> None:
        self.samples = 0
        self.images = 0
        self.pixels: Counter[str] = Counter()
        self.tasks: Counter[str] = Counter()
        self.sensors: Counter[str] = Counter()
        self.severities: dict[str, list[int]] = {}
        self.sources: Counter[tuple[str, str, str]] = Counter()
        self.bands: dict[tuple[str, str], tuple[int, float, float, float, float]] = {}
        """Pixels, mean, sum of squared deviations, minimum and maximum of each band, in physical values."""

    def add(self, metadata: Mapping[str, Any]) -> None:
        """Count one sample, given as its JSON description."""
        self.samples += 1
        self.tasks[metadata["task"]] += 1
        severity = metadata["severity"]
        if severity is not None:
            bins = self.severities.setdefault(metadata["task"], [0] * BINS)
            bins[min(int(abs(severity) * BINS), BINS - 1)] += 1
        for role, image in metadata["images"].items():
            self.images += 1
            sensor = image["sensor"]
            self.sensors[sensor] += 1
            self.pixels[sensor] += image["pixels"]
            self.sources[image["source"], image["licence"], metadata["citation"]] += 1
            if role in NOT_TRUTH:
                continue
            count = image["pixels"]
            for band, found in zip(image["bands"], image["statistics"], strict=True):
                squares = count * found["std"] ** 2
                self._pool((sensor, band["name"]), (count, found["mean"], squares, found["min"], found["max"]))

    def merge(self, other: Tally) -> None:
        """Add the counts and statistics of another tally."""
        self.samples += other.samples
        self.images += other.images
        for mine, theirs in ((self.pixels, other.pixels), (self.tasks, other.tasks), (self.sensors, other.sensors)):
            mine.update(theirs)
        self.sources.update(other.sources)
        for task, bins in other.severities.items():
            known = self.severities.get(task, [0] * BINS)
            self.severities[task] = [a + b for a, b in zip(known, bins, strict=True)]
        for key, part in other.bands.items():
            self._pool(key, part)

    def _pool(self, key: tuple[str, str], part: tuple[int, float, float, float, float]) -> None:
        """Pairwise update of mean and squares (Chan, Golub & LeVeque 1979), numerically stable over many parts."""
        old = self.bands.get(key)
        if old is None:
            self.bands[key] = part
            return
        count = old[0] + part[0]
        shift = part[1] - old[1]
        mean = old[1] + shift * part[0] / count
        squares = old[2] + part[2] + shift * shift * old[0] * part[0] / count
        self.bands[key] = (count, mean, squares, min(old[3], part[3]), max(old[4], part[4]))

    def to_json(self) -> dict[str, Any]:
        """The tally as a JSON document, for ``from_json``."""
        return {
            "samples": self.samples,
            "images": self.images,
            "pixels": dict(self.pixels),
            "tasks": dict(self.tasks),
            "sensors": dict(self.sensors),
            "severities": self.severities,
            "sources": [[*key, count] for key, count in self.sources.items()],
            "bands": [[*key, *part] for key, part in self.bands.items()],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Tally:
        """The tally that ``to_json`` wrote."""
        tally = cls()
        tally.samples, tally.images = document["samples"], document["images"]
        tally.severities = dict(document["severities"])
        for name in ("pixels", "tasks", "sensors"):
            getattr(tally, name).update(document[name])
        tally.sources.update({(row[0], row[1], row[2]): row[3] for row in document["sources"]})
        tally.bands = {(row[0], row[1]): (row[2], row[3], row[4], row[5], row[6]) for row in document["bands"]}
        return tally

    def statistics(self) -> dict[str, dict[str, dict[str, float]]]:
        """``mean``, ``std``, ``min`` and ``max`` of every sensor's bands in physical values, and valid ``pixels``."""
        found: dict[str, dict[str, dict[str, float]]] = {}
        for (sensor, band), (count, mean, squares, low, high) in sorted(self.bands.items()):
            entry = {"mean": mean, "std": (squares / count) ** 0.5, "min": low, "max": high, "pixels": count}
            found.setdefault(sensor, {})[band] = entry
        return found


def summarise(shards: Iterable[Mapping[str, Any]], faults: Iterable[str] = ()) -> dict[str, Any]:
    """The manifest of shards, each given as ``ShardWriter.close`` returns it, and of the lines ``faults``."""
    splits: dict[str, list[Mapping[str, Any]]] = {}
    for shard in sorted(shards, key=lambda shard: str(shard["file"])):
        splits.setdefault(shard["split"], []).append(shard)
    manifest: dict[str, Any] = {"format": FORMAT, "samples": 0, "splits": {}, "faults": sorted(set(faults))}
    sources: Counter[tuple[str, str, str]] = Counter()
    for split, members in splits.items():
        tally = Tally()
        for shard in members:
            tally.merge(Tally.from_json(shard["tally"]))
        sources.update(tally.sources)
        manifest["samples"] += tally.samples
        manifest["splits"][split] = {
            "samples": tally.samples,
            "scenes": tally.images,
            "bytes": sum(shard["bytes"] for shard in members),
            "tasks": dict(sorted(tally.tasks.items())),
            "sensors": dict(sorted(tally.sensors.items())),
            "pixels": dict(sorted(tally.pixels.items())),
            "severities": dict(sorted(tally.severities.items())),
            "statistics": tally.statistics(),
            "licences": sorted({(source, licence) for source, licence, _ in tally.sources}),
            "shards": [
                {key: value for key, value in shard.items() if key not in ("tally", "split")} for shard in members
            ],
        }
    manifest["sources"] = [
        {"source": source, "licence": licence, "citation": citation, "images": count}
        for (source, licence, citation), count in sorted(sources.items())
    ]
    return manifest


def save(manifest: Mapping[str, Any], root: Path) -> None:
    """Write the manifest of ``root``; an identical file is left untouched."""
    text = json.dumps(manifest, indent=1)
    path = root / NAME
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_whole(path, text)


def load(root: str | Path) -> dict[str, Any]:
    """The manifest in ``root``, a folder or an fsspec URL.

    Raises:
        DataError: there is none, it cannot be read, or it has another layout.
    """
    try:
        if "://" in str(root):
            import fsspec

            with fsspec.open(f"{str(root).rstrip('/')}/{NAME}") as stream:
                text = stream.read().decode()
        else:
            text = (Path(root) / NAME).read_text(encoding="utf-8")
        manifest: dict[str, Any] = json.loads(text)
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(f"no corpus at {root}; make one with `llars data build`") from None
    except ImportError:
        raise DataError(f"{root} is a URL, which takes fsspec; pip install fsspec") from None
    except ValueError as error:
        raise DataError(f"{root}/{NAME} is not JSON ({error}); build the corpus again") from None
    if manifest.get("format") != FORMAT or "splits" not in manifest:
        found = manifest.get("format")
        raise DataError(f"{root}/{NAME}: layout {found}; expected layout {FORMAT}; build the corpus again")
    return manifest


def locate(base: Path) -> tuple[Path, str | None]:
    """The folder of the manifest that ``base`` belongs to, and the split that ``base`` stands for.

    ``base`` is the folder of a split, or a corpus itself; for a corpus the split is None.
    """
    return (base.parent, base.name) if (base.parent / NAME).exists() and not (base / NAME).exists() else (base, None)
