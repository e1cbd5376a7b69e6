"""The images of one split of a corpus, memory-mapped from its shards and read with NumPy alone."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from llars.bands import Band
from llars.data.manifest import load, locate
from llars.data.records import bands_from
from llars.data.shards import Shard
from llars.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Corpus", "Scene"]


@dataclass(frozen=True)
class Scene:
    """One packed image. Pixel values stay in the file until they are read."""

    name: str
    """Identifier, unique in its corpus."""

    sensor: str
    """Sensor name."""

    group: str
    """Place, pair or collection that it belongs to."""

    bands: tuple[Band, ...]
    """One per channel."""

    values: NDArray[Any]
    """``(band, y, x)`` stored numbers, memory-mapped."""

    valid: NDArray[np.bool_] | None
    """``(y, x)``, memory-mapped; None if every pixel holds data."""

    scale: float
    """Physical value = stored number * scale + offset."""

    offset: float
    """See ``scale``."""

    value_range: tuple[float, float]
    """Physical values that stand for 0 and 1 in unit values."""

    sharp: bool
    """Fit to be the target of ``sr`` and ``deblur``."""

    clean: bool
    """Fit to be drawn by itself as the truth."""

    stack: str
    """Scenes of the same stack lie on one pixel grid and have the same shape; empty for single scenes."""

    day: float | None
    """Days since 1970 of the acquisition; None where unknown."""

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
    """The scenes of one split, memory-mapped. Pickles as its path, so that workers share the memory pages."""

    def __init__(self, path: Path, split: str, scenes: tuple[Scene, ...]) -> None:
        self.path = path
        self.split = split
        self.scenes = scenes

    @classmethod
    def open(cls, path: str | Path) -> Corpus:
        """The images in the shards of one split: ``path`` is its folder, or a corpus with a single split.

        Raises:
            DataError: there is no corpus, it has another layout, or a shard is missing or truncated.
        """
        base = Path(path)
        root, split = locate(base)
        splits = load(root)["splits"]
        if split is None and len(splits) == 1:
            split = next(iter(splits))
        if split is None or split not in splits:
            raise DataError(f"{base}: no split {split or 'is named'}; the corpus has {', '.join(splits) or 'none'}")
        found: list[tuple[tuple[str, int, int], Scene]] = []
        for entry in splits[split]["shards"]:
            file = root / entry["file"]
            size = file.stat().st_size if file.exists() else 0
            if size != entry["bytes"]:
                raise DataError(f"{file}: {size} bytes; expected {entry['bytes']} bytes; build the corpus again")
            found += _scenes(Shard(file), entry["part"])
        found.sort(key=lambda pair: pair[0])
        return cls(base, split, tuple(scene for _, scene in found))

    def __reduce__(self) -> tuple[Any, ...]:
        return Corpus.open, (self.path,)

    def __len__(self) -> int:
        return len(self.scenes)

    @functools.cached_property
    def stacks(self) -> dict[str, tuple[int, ...]]:
        """Indices of the scenes of every stack, by its name."""
        found: dict[str, list[int]] = defaultdict(list)
        for index, scene in enumerate(self.scenes):
            if scene.stack:
                found[scene.stack].append(index)
        return {name: tuple(indices) for name, indices in found.items()}


def _scenes(shard: Shard, part: str) -> Iterator[tuple[tuple[str, int, int], Scene]]:
    """The images of a shard, each with a sort key that restores the order of its source."""
    for index in range(len(shard)):
        metadata = shard.metadata(index)
        for position, (name, image) in enumerate(metadata["images"].items()):
            values, valid = shard.arrays(index, name, image)
            scene = Scene(
                name=image["scene"],
                sensor=image["sensor"],
                group=image["group"],
                bands=bands_from(image),
                values=values,
                valid=valid,
                scale=image["scale"],
                offset=image["offset"],
                value_range=(image["value_range"][0], image["value_range"][1]),
                sharp=image["sharp"],
                clean=image["clean"],
                stack=image["stack"],
                day=image["day"],
                pixels=image["pixels"],
                statistics=tuple(image["statistics"]),
            )
            yield (part, metadata["number"], position), scene
