"""The files of a product: a folder, a zip or a tar archive, read in place."""

from __future__ import annotations

import os
import re
import tarfile
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from llars.errors import RasterError

__all__ = ["ARCHIVES", "Contents", "File", "contents_of"]

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")

DEEPEST, MOST = 8, 20_000
"""Depth of folders, and number of files, up to which a folder is searched: no product has that many."""


@dataclass(frozen=True)
class File:
    """One file of a product."""

    name: str
    """Relative to the product, with slashes."""

    size: int
    """Bytes, unpacked."""

    changed: int = 0
    """Modification time in nanoseconds; for a file in an archive, that of the archive."""


@dataclass(frozen=True)
class Contents:
    """The files of a folder or an archive."""

    root: Path
    files: tuple[File, ...]
    prefix: str
    """Prefix with which GDAL opens their names."""

    def matching(self, pattern: str) -> dict[str, re.Match[str]]:
        """Names of the files in which ``pattern`` is found, in alphabetical order, with the match."""
        found = ((file.name, re.search(pattern, file.name, flags=re.IGNORECASE)) for file in self.files)
        return {name: match for name, match in found if match is not None}

    def first(self, pattern: str) -> str | None:
        """Name of the first file in which ``pattern`` is found."""
        return next(iter(self.matching(pattern)), None)

    def size(self, name: str) -> int:
        """Size in bytes of an existing file."""
        return next(file.size for file in self.files if file.name == name)

    def place(self, name: str) -> str:
        """The name by which GDAL opens the file."""
        return f"{self.prefix}/{name}"

    def text(self, name: str) -> str:
        """The content of a text file.

        Raises:
            RasterError: it cannot be read.
        """
        try:
            if self.root.is_dir():
                data = (self.root / name).read_bytes()
            elif zipfile.is_zipfile(self.root):
                with zipfile.ZipFile(self.root) as archive:
                    data = archive.read(name)
            else:
                with tarfile.open(self.root) as archive_of_tape:
                    member = archive_of_tape.extractfile(name)
                    data = b"" if member is None else member.read()
        except (OSError, EOFError, zipfile.BadZipFile, tarfile.TarError) as fault:
            raise RasterError(f"{self.root}: {name} cannot be read ({fault}); fetch the product again") from None
        return data.decode("utf-8", errors="replace")


def contents_of(path: Path) -> Contents:
    """The files of a folder or an archive, sorted by name.

    Raises:
        RasterError: the archive is damaged, or the folder holds more than a product.
    """
    if path.is_dir():
        return Contents(path, tuple(sorted(_walked(path), key=lambda file: file.name)), str(path.absolute()))
    state = path.stat()
    return _archived(path, state.st_mtime_ns, state.st_size)


def _walked(folder: Path) -> list[File]:
    files: list[File] = []
    for here, folders, names in os.walk(folder):
        place = Path(here)
        if len(place.relative_to(folder).parts) >= DEEPEST:
            folders.clear()
        for name in names:
            try:
                state = (place / name).stat()
            except OSError:  # a symbolic link to nowhere: as if the file were not there
                continue
            files.append(File((place / name).relative_to(folder).as_posix(), state.st_size, state.st_mtime_ns))
        if len(files) > MOST:
            raise RasterError(f"{folder} is a folder of more than {MOST} files; give the folder of one product")
    return files


@lru_cache(maxsize=16)
def _archived(path: Path, changed: int, size: int) -> Contents:
    kind = "zip" if path.suffix.lower() == ".zip" else "tar"
    try:
        if kind == "zip":
            with zipfile.ZipFile(path) as archive:
                found = [File(i.filename, i.file_size, changed) for i in archive.infolist() if not i.is_dir()]
        else:
            with tarfile.open(path) as tape:
                found = [File(i.name.removeprefix("./"), i.size, changed) for i in tape.getmembers() if i.isfile()]
    except (OSError, EOFError, zipfile.BadZipFile, tarfile.TarError) as fault:
        raise RasterError(
            f"{path} ({size} bytes) is no whole {kind} archive ({fault}); it may have been cut short: fetch it again"
        ) from None
    return Contents(path, tuple(sorted(found, key=lambda file: file.name)), f"/vsi{kind}/{{{path.absolute()}}}")
