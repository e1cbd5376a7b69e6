"""A folder of finished files that an interrupted run leaves to the next one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from llars.errors import OutputError

__all__ = ["kept_folder"]

RUN = "run.json"
"""File that identifies the run whose files the folder holds."""


@contextmanager
def kept_folder(folder: Path, identity: Mapping[str, Any], say: Callable[[str], object]) -> Iterator[Path]:
    """The folder, with the files that an interrupted run with the same ``identity`` finished, or else empty.

    The files must appear only when they are whole (see ``whole_files``). The folder is removed when the block is
    complete, and also if it fails before the first file is.

    Raises:
        OutputError: the folder cannot be written to.
    """
    note, text = folder / RUN, json.dumps(identity)
    try:
        if note.exists() and note.read_text(encoding="utf-8") == text:
            say(f"going on with what was finished before ({len(_finished(folder))} images)")
        else:
            if folder.exists():
                say(f"{folder.name} is of another run: begun anew")
                shutil.rmtree(folder)
            folder.mkdir()
            note.write_text(text, encoding="utf-8")
    except OSError as fault:
        raise OutputError(f"cannot write to {folder}: {fault.strerror}; choose another folder") from None
    try:
        yield folder
    except BaseException:
        if not _finished(folder):
            shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)


def _finished(folder: Path) -> list[Path]:
    """The images in the folder."""
    return [*folder.glob("*.tif")]
