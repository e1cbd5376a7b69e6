"""JSON files that hold something for each weights file, by the first characters of its SHA-256."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from llars.files import write_whole

__all__ = ["keep_record", "record_of"]

PREFIX = 16
"""Characters of the SHA-256 that identify a weights file."""


def record_of(sha256: str, path: Path) -> dict[str, Any]:
    """What ``path`` holds for the weights with that checksum; empty where there is nothing."""
    record: dict[str, Any] = _read(path).get(sha256[:PREFIX], {})
    return record


def keep_record(sha256: str, record: dict[str, Any], path: Path) -> None:
    """Store the record of the weights with that checksum, replacing an earlier one."""
    known = {**_read(path), sha256[:PREFIX]: dict(sorted(record.items()))}
    write_whole(path, json.dumps(known, indent=1) + "\n")


def _read(path: Path) -> dict[str, Any]:
    known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return known
