"""What modules about files of weights share: the folder of those that are bundled, checksums, messages."""

from __future__ import annotations

import hashlib
from pathlib import Path

__all__ = ["FOLDER", "first_line", "sha256"]

FOLDER = Path(__file__).parent
"""Folder of the bundled files."""


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def first_line(fault: Exception) -> str:
    """The first line of an error's message, or its kind if it has none."""
    return str(fault).partition("\n")[0] or type(fault).__name__
