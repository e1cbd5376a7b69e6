"""Shards: uncompressed tar files in the layout of WebDataset, which can be streamed or memory-mapped.

A sample is ``KEY.json`` and, for each of its images, ``KEY.NAME.npy`` with the stored numbers ``(band, y, x)`` and,
where some pixels hold no data, ``KEY.NAME.valid.npy`` with booleans ``(y, x)``.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import io
import json
import os
import re
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from llars.data.manifest import Tally
from llars.data.records import Record, describe, sample_from
from llars.errors import DataError
from llars.files import writing

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Arrays", "Shard", "ShardWriter"]

BLOCK = 512
"""Members of a tar file start at multiples of this many bytes, so that all arrays are aligned for their dtype."""

KEY_LENGTH, NAME_LENGTH = 54, 32
"""Longest keys and image names: with the suffixes they fit into the 100 characters of a tar header."""

Arrays = tuple["NDArray[Any]", "NDArray[np.bool_] | None"]
"""Values and validity mask of one image; the mask is None if every pixel holds data."""


class ShardWriter:
    """Writes one shard, which appears under its name only when it is complete."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tally = Tally()
        self.bytes = 0
        self._part = path.with_name(f"{path.name}.{os.getpid()}.part")
        self._digest = hashlib.sha256()
        with writing(path):
            self._stream = self._part.open("wb")

    def add(self, record: Record, number: int = 0) -> None:
        """Append a sample; ``number`` is its place in the order of its source.

        Raises:
            DataError: an image has no valid pixel, or its numbers of stored and of described bands differ.
            OutputError: the shard cannot be written.
        """
        key = _short(record.key, KEY_LENGTH)
        metadata: dict[str, Any] = {
            "key": record.key,
            "number": number,
            "task": record.task,
            "place": record.place,
            "split": record.split,
            "severity": record.severity,
            "citation": record.citation,
            "images": {},
        }
        arrays: list[tuple[str, NDArray[Any]]] = []
        for given, sample in record.images.items():
            name = _short(given, NAME_LENGTH)
            whole = bool(sample.valid.all())
            metadata["images"][name] = describe(sample, whole)
            arrays.append((f"{key}.{name}.npy", sample.values))
            if not whole:
                arrays.append((f"{key}.{name}.valid.npy", sample.valid))
        self.tally.add(metadata)
        with writing(self.path):
            self._append(f"{key}.json", json.dumps(metadata).encode())
            for member, array in arrays:
                self._append(member, _npy_header(array.dtype.str, array.shape), array.tobytes())

    def close(self, **more: Any) -> dict[str, Any]:
        """Finish the shard; returns its entry for the manifest, with the fields ``more``.

        Raises:
            OutputError: the shard cannot be written.
        """
        with writing(self.path):
            self._write(bytes(2 * BLOCK))
            self._stream.flush()
            os.fsync(self._stream.fileno())
            self._stream.close()
            os.replace(self._part, self.path)
        summary = {"bytes": self.bytes, "sha256": self._digest.hexdigest(), "samples": self.tally.samples}
        return {**more, **summary, "tally": self.tally.to_json()}

    def discard(self) -> None:
        """Abandon the shard and delete its unfinished file."""
        self._stream.close()
        self._part.unlink(missing_ok=True)

    def _append(self, name: str, *pieces: bytes) -> None:
        size = sum(map(len, pieces))
        info = tarfile.TarInfo(name)
        info.size = size
        self._write(b"".join((info.tobuf(tarfile.USTAR_FORMAT), *pieces, bytes(-size % BLOCK))))

    def _write(self, raw: bytes) -> None:
        self._digest.update(raw)
        self._stream.write(raw)
        self.bytes += len(raw)


class Shard:
    """Random access to the samples of a shard: a local file is memory-mapped, an fsspec URL is downloaded whole."""

    def __init__(self, url: str | Path) -> None:
        """Finds the members.

        Raises:
            DataError: the file is missing, truncated, or not a tar file.
        """
        self.url = str(url)
        self._buffer = _buffer(self.url)
        self._samples: list[dict[str, tuple[int, int]]] = []
        for name, start, size in self._members():
            suffix = name.partition(".")[2]
            if suffix == "json" or not self._samples:  # every sample begins with its JSON
                self._samples.append({})
            self._samples[-1][suffix] = (start, size)

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: int) -> Record:
        """Sample ``index``; its arrays are views of the shard.

        Raises:
            DataError: a member is missing or cannot be read.
        """
        metadata = self.metadata(index)
        images = {}
        for name, image in metadata["images"].items():
            images[name] = sample_from(image, metadata["split"], *self.arrays(index, name, image))
        return Record(
            metadata["key"], metadata["task"], metadata["place"], images, metadata["severity"], metadata["citation"]
        )

    def metadata(self, index: int) -> dict[str, Any]:
        """The JSON of a sample."""
        try:
            start, size = self._samples[index]["json"]
            metadata: dict[str, Any] = json.loads(bytes(self._buffer[start : start + size]))
        except (KeyError, ValueError) as error:
            raise DataError(
                f"{self.url}: sample {index} has no readable JSON ({error}); build the corpus again"
            ) from None
        return metadata

    def arrays(self, index: int, name: str, image: Mapping[str, Any]) -> Arrays:
        """Values and validity mask of the image called ``name``, whose JSON description is ``image``."""
        values = self._array(index, f"{name}.npy")
        if list(values.shape) != image["shape"]:
            found = f"{list(values.shape)} values instead of {image['shape']}"
            raise DataError(f"{self.url}: {name} of sample {index} holds {found}; build the corpus again")
        return values, None if image["whole"] else self._array(index, f"{name}.valid.npy")

    def _array(self, index: int, suffix: str) -> NDArray[Any]:
        try:
            start, size = self._samples[index][suffix]
            header = 10 + int.from_bytes(self._buffer[start + 8 : start + 10], "little")
            dtype, shape = _npy_layout(bytes(self._buffer[start + 10 : start + header]))
            return np.frombuffer(self._buffer[start + header : start + size], dtype).reshape(shape)
        except (KeyError, ValueError, SyntaxError, TypeError) as error:
            lost = f"{suffix} of sample {index} cannot be read ({error})"
            raise DataError(f"{self.url}: {lost}; build the corpus again") from None

    def _members(self) -> Iterator[tuple[str, int, int]]:
        """Name, start and size of every member."""
        at, end = 0, len(self._buffer)
        while at + BLOCK <= end:
            header = bytes(self._buffer[at : at + BLOCK])
            if not header[0]:
                return
            if header[257:262] != b"ustar":
                break
            size, start = int(header[124:135], 8), at + BLOCK
            yield header[:100].rstrip(b"\0").decode(), start, size
            at = start + size + -size % BLOCK
        raise DataError(f"{self.url} is cut short or no tar; build the corpus again")


def _short(name: str, limit: int) -> str:
    """``name`` without characters that are special in a member's name; if changed or too long, it ends in its hash."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", name)
    if plain == name and len(name) <= limit:
        return name
    return f"{plain[: limit - 13]}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def _buffer(url: str) -> memoryview:
    try:
        if "://" in url:
            import fsspec

            with fsspec.open(url) as stream:
                return memoryview(stream.read())
        return np.memmap(url, dtype=np.uint8, mode="r").data
    except (OSError, ValueError) as error:
        raise DataError(f"{url} cannot be opened ({error}); build the corpus again") from None


@functools.lru_cache(maxsize=256)
def _npy_header(dtype: str, shape: tuple[int, ...]) -> bytes:
    stream = io.BytesIO()
    layout = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, layout)
    return stream.getvalue()


@functools.lru_cache(maxsize=256)
def _npy_layout(header: bytes) -> tuple[np.dtype[Any], tuple[int, ...]]:
    layout = ast.literal_eval(header.decode("latin1"))
    return np.dtype(layout["descr"]), layout["shape"]
