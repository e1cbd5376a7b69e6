"""Checks a corpus for missing, corrupt or duplicate data, and for data that two splits share."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from llars.data.footprints import TURN
from llars.data.manifest import load
from llars.data.shards import Shard
from llars.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["check"]

OVERLAP = 0.02
"""Share of the smaller of two footprints that may overlap: neighbouring images touch."""

CHUNK = 1 << 24
"""Bytes that are hashed at a time; also sets how many pairs of footprints are compared at a time."""


class _SplitIndex:
    """Hashes of the content of one split: 40 bytes for a sample of one image, and 40 more for a known footprint."""

    def __init__(self) -> None:
        self.shards: list[tuple[Path, int]] = []
        self.total = 0
        self.keys = array("Q")
        self.hashes = {"place": array("Q"), "image": array("Q")}
        self.owners = {"place": array("Q"), "image": array("Q"), "footprint": array("Q")}
        self.boxes = array("d")

    def add(self, shard: Shard, path: Path) -> None:
        """Hash the samples of a shard."""
        for index in range(len(shard)):
            metadata = shard.metadata(index)
            self.keys.append(_hash(metadata["key"].encode()))
            self._own("place", _hash(metadata["place"].encode()), self.total + index)
            for name, image in metadata["images"].items():
                values, _ = shard.arrays(index, name, image)
                self._own("image", _hash(values.tobytes()), self.total + index)
                if image["footprint"] is not None:
                    self.boxes.extend(image["footprint"])
                    self.owners["footprint"].append(self.total + index)
        self.shards.append((path, len(shard)))
        self.total += len(shard)

    def name(self, number: int) -> str:
        """Key of sample ``number``, counted over all shards of the split."""
        for path, count in self.shards:
            if number < count:
                return str(Shard(path).metadata(number)["key"])
            number -= count
        raise IndexError(number)

    def owner(self, kind: str, position: int) -> str:
        """Key of the sample to which entry ``position`` belongs."""
        return self.name(self.owners[kind][position])

    def _own(self, kind: str, hashed: int, number: int) -> None:
        self.hashes[kind].append(hashed)
        self.owners[kind].append(number)


def check(root: str | Path) -> list[str]:
    """One line for every fault of the corpus in the folder ``root``; an empty list if there is none.

    Every shard must exist with the checksum that the manifest states, and be readable. No key may occur twice, and no
    two splits may share a place, an image, or ground (by footprints, where they are known).

    Raises:
        DataError: there is no corpus at ``root``.
    """
    folder = Path(root)
    splits = load(folder)["splits"]
    faults = list(_unlisted(folder, splits))
    indexes: dict[str, _SplitIndex] = {}
    for split, about in splits.items():
        indexes[split] = _SplitIndex()
        for entry in about["shards"]:
            try:
                indexes[split].add(_whole(folder / entry["file"], entry), folder / entry["file"])
            except DataError as error:
                faults.append(str(error))
        faults += _doubled(split, indexes[split])
    for (one, a), (other, b) in combinations(indexes.items(), 2):
        faults += _shared(one, a, other, b)
    return faults


def _unlisted(folder: Path, splits: Mapping[str, Any]) -> Iterator[str]:
    listed = {folder / entry["file"] for about in splits.values() for entry in about["shards"]}
    for split in splits:
        for path in sorted(set((folder / split).glob("*.tar")) - listed):
            yield f"{path} is not in the manifest; remove it or build the corpus again"


def _whole(path: Path, entry: Mapping[str, Any]) -> Shard:
    """The shard, if its checksum and number of samples are those of the manifest."""
    if not path.exists():
        raise DataError(f"{path} is missing; build the corpus again")
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(CHUNK):
            digest.update(piece)
    if digest.hexdigest() != entry["sha256"]:
        raise DataError(f"{path} is corrupt: its SHA-256 is not that of the manifest; remove it and build again")
    shard = Shard(path)
    if len(shard) != entry["samples"]:
        raise DataError(f"{path} holds {len(shard)} samples, the manifest says {entry['samples']}; build again")
    return shard


def _doubled(split: str, index: _SplitIndex) -> Iterator[str]:
    keys = np.frombuffer(index.keys, dtype=np.uint64)
    order = np.argsort(keys, kind="stable")
    again = order[1:][keys[order][1:] == keys[order][:-1]]
    for number in again[:5].tolist():
        yield f"{split}: more than one sample is called {index.name(number)}; give them names of their own"
    if len(again) > 5:
        yield f"{split}: {len(again) - 5} more samples have the name of another"


def _shared(split: str, a: _SplitIndex, other: str, b: _SplitIndex) -> Iterator[str]:
    """Lines on what two splits have in common: places, images, and ground."""
    for kind in ("place", "image"):
        first, second = (np.frombuffer(index.hashes[kind], dtype=np.uint64) for index in (a, b))
        common, i, j = np.intersect1d(first, second, return_indices=True)
        if len(common):
            names = f"{a.owner(kind, int(i[0]))} and {b.owner(kind, int(j[0]))}"
            yield f"{split} and {other} share {len(common)} {kind}s, that of {names} among them; split them by place"
    count, (left, right) = _overlapping(_boxes(a), _boxes(b))
    if count:
        names = f"{a.owner('footprint', left)} and {b.owner('footprint', right)}"
        yield f"{split} and {other}: {count} pairs of images overlap, {names} among them; split them by place"


def _boxes(index: _SplitIndex) -> NDArray[np.float64]:
    """Footprints with east greater than west, beyond 180 degrees for those that cross the antimeridian."""
    boxes = np.array(index.boxes, dtype=np.float64).reshape(-1, 4)
    boxes[:, 2] += np.where(boxes[:, 0] > boxes[:, 2], TURN, 0.0)
    return boxes


def _overlapping(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[int, tuple[int, int]]:
    """Number of pairs of boxes that overlap by more than ``OVERLAP``, and the indices of the first pair."""
    count, first = 0, (-1, -1)
    step = max(1, CHUNK // max(1, len(b)) // 8)
    turns = _turns(a, b)
    for start in range(0, len(a), step):
        rows = a[start : start + step, None]
        height = np.minimum(rows[..., 3], b[:, 3]) - np.maximum(rows[..., 1], b[:, 1])
        width = np.zeros_like(height)
        for turn in turns:
            ends = np.minimum(rows[..., 2], b[:, 2] + turn), np.maximum(rows[..., 0], b[:, 0] + turn)
            width += np.maximum(ends[0] - ends[1], 0.0)
        faults = width * np.maximum(height, 0.0) > OVERLAP * np.minimum(_area(rows), _area(b))
        if not count and faults.any():
            i, j = np.unravel_index(int(faults.argmax()), faults.shape)
            first = start + int(i), int(j)
        count += int(np.count_nonzero(faults))
    return count, first


def _turns(a: NDArray[np.float64], b: NDArray[np.float64]) -> list[float]:
    """Degrees by which ``b`` may be shifted to lie over ``a``: whole turns only where boxes reach the antimeridian."""
    (west, east), (others_west, others_east) = (
        (boxes[:, 0].min(initial=np.inf), boxes[:, 2].max(initial=-np.inf)) for boxes in (a, b)
    )
    return [turn for turn in (-TURN, 0.0, TURN) if west < others_east + turn and others_west + turn < east]


def _area(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    area: NDArray[np.float64] = (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])
    return area


def _hash(raw: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(raw, digest_size=8).digest(), "little")
