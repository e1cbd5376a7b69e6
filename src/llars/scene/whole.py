"""Detects truncated PNG and JPEG files, which GDAL reads without an error.

Walks through the structure (PNG specification, section 5; ITU-T T.81, annex B); nothing is decoded.
"""

from __future__ import annotations

import mmap
import re
from pathlib import Path

from llars.errors import RasterError

__all__ = ["check_whole"]

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
# Within a scan, 0xFF is followed by a zero or the number of a restart marker; anything else ends the scan.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_END_OF_IMAGE = 0xD9


def check_whole(path: str | Path) -> None:
    """Refuse a local PNG or JPEG file, recognised by its first bytes, that is truncated; anything else passes.

    Raises:
        RasterError: the file is truncated.
    """
    file = Path(path)
    if not file.is_file() or file.stat().st_size < len(_PNG):
        return
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for magic, name, ends in ((_PNG, "PNG", _png_ends), (_JPEG, "JPEG", _jpeg_ends)):
            if content[: len(magic)] == magic and not ends(content):
                raise RasterError(
                    f"{path} is a truncated {name}: its {len(content)} bytes break off before the end of the image; "
                    "copy or fetch it again"
                )


def _png_ends(content: mmap.mmap) -> bool:
    """Whether the chunks follow one another to the last one, IEND."""
    at = len(_PNG)
    while at + 12 <= len(content):
        kind = content[at + 4 : at + 8]
        at += 12 + int.from_bytes(content[at : at + 4], "big")
        if kind == b"IEND":
            return at <= len(content)
    return False


def _jpeg_ends(content: mmap.mmap) -> bool:
    """Whether the segments follow one another to the end-of-image marker; that of a thumbnail inside one is skipped."""
    at = 2
    while found := _MARKER.search(content, at):
        marker, at = content[found.start() + 1], found.end()
        if marker == _END_OF_IMAGE:
            return True
        at += int.from_bytes(content[at : at + 2], "big")
    return False
