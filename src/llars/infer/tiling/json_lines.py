"""Files of JSON lines that are appended to: what a kill cut short is dropped, and what comes next stands by itself."""

from __future__ import annotations

import json
import os
from typing import Any, BinaryIO

__all__ = ["append", "whole_lines"]


def whole_lines(stream: BinaryIO) -> list[bytes]:
    """The lines of a file that is open for reading and appending; a last one without its end is cut off."""
    stream.seek(0)
    text = stream.read()
    stream.truncate(text.rfind(b"\n") + 1)
    return text.split(b"\n")[:-1]


def append(stream: BinaryIO, facts: Any) -> None:
    """Write a line; it is on the disk before this returns."""
    stream.write(json.dumps(facts).encode() + b"\n")
    stream.flush()
    os.fsync(stream.fileno())
