"""Images packed into one memory-mapped file with an index beside it, read with NumPy alone."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from llars.bands import Band, Modality, Polarisation, Role
from llars.errors import ConfigError, DataError
from llars.sample import Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Corpus", "Scene", "build", "pack"]

FORMAT = 1
"""Raised when the layout of the index changes."""

ALIGNMENT = 64
"""Arrays start at multiples of this many bytes, so that every dtype can be mapped in place."""


@dataclass(frozen=True)
class Scene:
    """One packed image. Numbers stay in the file until they are asked for."""

    name: str
    """Identifier, unique in its corpus."""

    sensor: str
    """Sensor name."""

    group: str
    """Place, pair or collection."""

    bands: tuple[Band, ...]
    """One per channel."""

    values: NDArray[Any]
    """``(band, y, x)`` stored numbers, mapped."""

    valid: NDArray[np.bool_] | None
    """``(y, x)``, mapped; None where every pixel holds data."""

    scale: float
    """Physical value = stored number * scale + offset."""

    offset: float
    """See ``scale``."""

    value_range: tuple[float, float]
    """Physical values that stand for 0 and 1 in unit values."""

    sharp: bool
    """Fit to be the target of ``sr`` and ``deblur``."""

    pixels: int
    """Number of valid pixels."""

    statistics: tuple[dict[str, float], ...]
    """Per band, over valid pixels, in physical values: ``mean``, ``std``, ``min``, ``max``."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.values.shape[1], self.values.shape[2]

    def crop(self, channels: Sequence[int], y: int, x: int, height: int, width: int) -> NDArray[np.float32]:
        """Unit values ``(channel, height, width)`` of the window whose upper left pixel is ``(y, x)``, float32."""
        low, high = self.value_range
        window = self.values[:, y : y + height, x : x + width]
        unit = np.stack([window[channel] for channel in channels]).astype(np.float32)
        unit *= np.float32(self.scale / (high - low))
        unit += np.float32((self.offset - low) / (high - low))
        return unit


class Corpus:
    """The scenes of one split, mapped into memory. Pickles as a path, so that workers share the pages."""

    def __init__(self, path: Path, split: str, scenes: tuple[Scene, ...]) -> None:
        self.path = path
        self.split = split
        self.scenes = scenes

    @classmethod
    def open(cls, path: str | Path) -> Corpus:
        """The corpus that ``pack`` wrote to ``path`` (given without a suffix).

        Raises:
            DataError: nothing there, cut short, or of another layout.
        """
        base = Path(path)
        index_path, data_path = _paths(base)
        try:
            index = json.loads(index_path.read_text(encoding="utf-8"))
            size = data_path.stat().st_size
        except FileNotFoundError:
            raise DataError(f"no corpus at {base}; make one with `llars data build`") from None
        if index["format"] != FORMAT or size != index["bytes"]:
            raise DataError(
                f"{base}: layout {index['format']}, {size} bytes; expected layout {FORMAT}, {index['bytes']} bytes; "
                "build the corpus again"
            )
        # A plain view: slices of the memmap class itself cost several times as much.
        data: NDArray[np.uint8] = np.memmap(data_path, dtype=np.uint8, mode="r").view(np.ndarray)
        return cls(base, index["split"], tuple(_scene(entry, data) for entry in index["scenes"]))

    def __reduce__(self) -> tuple[Any, ...]:
        return Corpus.open, (self.path,)

    def __len__(self) -> int:
        return len(self.scenes)

    def statistics(self) -> dict[str, dict[str, dict[str, float]]]:
        """Mean and standard deviation of every sensor's bands over all scenes, in physical values."""
        gathered: dict[str, dict[str, list[tuple[int, float, float]]]] = defaultdict(lambda: defaultdict(list))
        for scene in self.scenes:
            for band, found in zip(scene.bands, scene.statistics, strict=True):
                gathered[scene.sensor][band.name].append((scene.pixels, found["mean"], found["std"]))
        return {sensor: {name: _pooled(parts) for name, parts in bands.items()} for sensor, bands in gathered.items()}


def pack(samples: Iterable[Sample], path: str | Path) -> dict[str, Any]:
    """Write samples of one split to ``path`` + ``.bin`` and ``.json``; the files appear only when whole.

    Returns the index. Raises:
        DataError: no samples, or samples of more than one split.
    """
    base = Path(path)
    base.parent.mkdir(parents=True, exist_ok=True)
    index_path, data_path = _paths(base)
    part, index_part = data_path.with_suffix(".bin.part"), index_path.with_suffix(".json.part")
    entries: list[dict[str, Any]] = []
    splits: set[str] = set()
    digest = hashlib.sha256()
    with part.open("wb") as stream:

        def append(array: NDArray[Any]) -> int:
            start = stream.tell()
            raw = np.ascontiguousarray(array).tobytes()
            padded = raw + bytes(-len(raw) % ALIGNMENT)
            digest.update(padded)
            stream.write(padded)
            return start

        for sample in samples:
            splits.add(sample.split)
            entry = _entry(sample)
            entry["values_at"] = append(sample.values)
            entry["valid_at"] = None if sample.valid.all() else append(sample.valid)
            entries.append(entry)
        size = stream.tell()
    if len(splits) != 1:
        part.unlink()
        raise DataError(f"{base}: samples of {sorted(splits) or 'no split'}; a corpus holds exactly one split")
    index = {"format": FORMAT, "split": splits.pop(), "bytes": size, "sha256": digest.hexdigest(), "scenes": entries}
    index_part.write_text(json.dumps(index), encoding="utf-8")
    os.replace(part, data_path)
    os.replace(index_part, index_path)
    return index


def build(config_path: str | Path, folder: str | Path) -> dict[str, Any]:
    """Pack what the configuration asks for from a folder with a ``scenes.json``; returns and writes the manifest.

    The configuration (YAML) names ``out``, ``splits`` and ``want`` (see ``read_catalog``). Test images are refused.

    Raises:
        ConfigError: the configuration lacks a name, or asks for the test split.
        DataError: the folder cannot be read.
    """
    import yaml

    try:
        config = yaml.safe_load(Path(config_path).read_text(encoding="utf-8"))
        out, splits, want = config["out"], config["splits"], config["want"]
    except FileNotFoundError:
        raise ConfigError(f"{config_path} is not there; give a data configuration") from None
    except (KeyError, TypeError, yaml.YAMLError) as error:
        raise ConfigError(f"{config_path}: {error}; a data configuration names out, splits and want") from error
    if "test" in splits:
        raise ConfigError(f"{config_path} asks for the test split; test images are never packed for training")
    from llars.data.catalog import read_catalog

    manifest: dict[str, Any] = {"splits": {}}
    for split in splits:
        base = Path(out) / split
        index = pack(read_catalog(folder, split, want), base)
        scenes = index["scenes"]
        manifest["splits"][split] = {
            "scenes": len(scenes),
            "bytes": index["bytes"],
            "sha256": index["sha256"],
            "sensors": dict(Counter(entry["sensor"] for entry in scenes)),
            "licences": sorted({(entry["source"], entry["licence"]) for entry in scenes}),
            "statistics": Corpus.open(base).statistics(),
        }
    (Path(out) / "manifest.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    return manifest


def _paths(base: Path) -> tuple[Path, Path]:
    return base.with_name(base.name + ".json"), base.with_name(base.name + ".bin")


def _entry(sample: Sample) -> dict[str, Any]:
    """What the index says of a sample."""
    return {
        "name": sample.scene,
        "sensor": sample.sensor,
        "group": sample.group,
        "bands": [asdict(band) for band in sample.bands],
        "shape": list(sample.values.shape),
        "dtype": sample.values.dtype.str,
        "scale": sample.scale,
        "offset": sample.offset,
        "value_range": list(sample.value_range),
        "sharp": sample.sharp,
        "pixels": int(sample.valid.sum()),
        "source": sample.source,
        "licence": sample.licence,
        "statistics": [_band_statistics(sample, channel) for channel in sample.values],
    }


def _band_statistics(sample: Sample, channel: NDArray[Any]) -> dict[str, float]:
    held = channel[sample.valid].astype(np.float64) * sample.scale + sample.offset
    if held.size == 0:
        raise DataError(f"{sample.scene} has no valid pixel; leave it out of the catalogue")
    found = {"mean": held.mean(), "std": held.std(), "min": held.min(), "max": held.max()}
    return {key: float(value) for key, value in found.items()}


def _scene(entry: dict[str, Any], data: NDArray[np.uint8]) -> Scene:
    def mapped(start: int, shape: Sequence[int], dtype: str) -> NDArray[Any]:
        count = int(np.prod(shape)) * np.dtype(dtype).itemsize
        return data[start : start + count].view(dtype).reshape(shape)

    shape = entry["shape"]
    valid_at = entry["valid_at"]
    return Scene(
        name=entry["name"],
        sensor=entry["sensor"],
        group=entry["group"],
        bands=tuple(_band(fields) for fields in entry["bands"]),
        values=mapped(entry["values_at"], shape, entry["dtype"]),
        valid=None if valid_at is None else mapped(valid_at, shape[1:], "|b1"),
        scale=entry["scale"],
        offset=entry["offset"],
        value_range=(entry["value_range"][0], entry["value_range"][1]),
        sharp=entry["sharp"],
        pixels=entry["pixels"],
        statistics=tuple(entry["statistics"]),
    )


def _band(fields: dict[str, Any]) -> Band:
    return Band(
        name=fields["name"],
        wavelength_nm=fields["wavelength_nm"],
        width_nm=fields["width_nm"],
        gsd_m=fields["gsd_m"],
        modality=Modality(fields["modality"]),
        polarisation=Polarisation(fields["polarisation"]),
        role=Role(fields["role"]),
        aliases=tuple(fields["aliases"]),
    )


def _pooled(parts: list[tuple[int, float, float]]) -> dict[str, float]:
    """Mean and standard deviation of the union of parts given as (pixels, mean, std)."""
    weights = np.array([part[0] for part in parts], dtype=np.float64)
    means, stds = (np.array([part[i] for part in parts]) for i in (1, 2))
    mean = float(np.average(means, weights=weights))
    variance = float(np.average(stds**2 + (means - mean) ** 2, weights=weights))
    return {"mean": mean, "std": variance**0.5}
