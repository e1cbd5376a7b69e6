"""Journal of a batch: one JSON line per scene, appended whole, read again when the batch is restarted."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path, PurePosixPath
from typing import Any, Self

from llars.errors import OutputError
from llars.infer.batch.manifest import item_name
from llars.infer.tiling.json_lines import append, whole_lines

try:
    import fcntl
except ImportError:  # Windows: two batches in one folder go unnoticed there
    fcntl = None  # type: ignore[assignment]

__all__ = ["Journal", "Record"]


@dataclass(frozen=True)
class Record:
    """The outcome of one scene."""

    key: str
    """What was asked for: input, prompt, settings and weights; see ``batch.key_of``."""

    source: str
    """The input."""

    output: str
    """The result, below the output folder."""

    status: str
    """``done`` or ``failed``."""

    when: str
    """Time of the entry, RFC 3339 in UTC."""

    error: str | None = None
    """One line on a failure."""

    seconds: float = 0.0
    """Time that the scene took."""

    size: int = 0
    """Bytes of the result."""


class Journal:
    """Records by key, the latest of each; held by one process at a time.

    A line reaches the disk before ``add`` returns. A line cut short by a kill is dropped.
    """

    def __init__(self, path: Path) -> None:
        """Entering opens or makes the journal; it raises OutputError where that fails or another process holds it."""
        self._path = path
        self._latest: dict[str, Record] = {}
        self._owners: dict[PurePosixPath, Record] = {}
        self.outputs: set[str] = set()
        """Results that this journal knows of."""

    def __enter__(self) -> Self:
        try:
            self._stream = self._path.open("a+b")
        except OSError as fault:
            raise OutputError(f"cannot write {self._path}: {fault.strerror}; choose another folder") from None
        try:
            if fcntl is not None:
                fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._stream.close()
            raise OutputError(f"another batch is at work in {self._path.parent}; wait until it ends") from None
        self._read()
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def _read(self) -> None:
        known = {field.name for field in fields(Record)}
        for line in whole_lines(self._stream):
            try:
                facts: dict[str, Any] = json.loads(line)
                record = Record(**{name: value for name, value in facts.items() if name in known})
            except (ValueError, TypeError, AttributeError):
                raise OutputError(f"{self._path} is damaged: {line[:40]!r}; remove it to begin anew") from None
            self._enter(record)

    def _enter(self, record: Record) -> None:
        self._latest[record.key] = record
        if record.status == "done":
            self.outputs.add(record.output)
            self._owners[item_name(PurePosixPath(record.output))] = record

    def add(self, record: Record) -> None:
        """Append a record."""
        append(self._stream, asdict(record))
        self._enter(record)

    def get(self, key: str) -> Record | None:
        """The latest record of a key."""
        return self._latest.get(key)

    def owner(self, output: PurePosixPath) -> Record | None:
        """The last record of a result of this name, or of one that shares the STAC item with it."""
        return self._owners.get(item_name(output))
