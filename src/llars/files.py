"""Files that are written whole or not at all, and folders for them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from llars.errors import OutputError

__all__ = ["make_folder", "replacing", "write_whole", "writing"]


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Tells errors of the file system while ``path`` is written in one line.

    Raises:
        OutputError: in place of any OSError of the block.
    """
    try:
        yield
    except OSError as fault:
        raise OutputError(f"cannot write {path}: {fault.strerror or fault}; choose another place") from None


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A new file beside ``path`` to write to, which takes the place of ``path`` when the block has ended.

    Whoever reads ``path`` meanwhile, or after the process was killed, has the old file or the new one.

    Raises:
        OutputError: it cannot be written; ``path`` is as it was.
    """
    # Opened by its user, so that it gets the permissions of any other new file.
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with writing(path):
        try:
            yield part
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


def write_whole(path: Path, content: bytes | str) -> None:
    """Writes a file at once, replacing an existing one; text becomes UTF-8.

    Raises:
        OutputError: it cannot be written; ``path`` is as it was.
    """
    with replacing(path) as part:
        part.write_bytes(content.encode() if isinstance(content, str) else content)


def make_folder(path: Path) -> None:
    """Makes a folder for outputs, with those above it; it may exist.

    Raises:
        OutputError: it cannot be made, or no file can be written in it.
    """
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)
        # Found out before hours of work, not after.
        tempfile.TemporaryFile(dir=path).close()
