"""Outputs that appear only when all of them are complete."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import stat
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType

from llars.errors import OutputError
from llars.scene.products import place_of, virtual_raster

try:
    import fcntl
except ImportError:  # Windows: what a killed run leaves stays there
    fcntl = None  # type: ignore[assignment]

__all__ = ["check_inputs", "check_outputs", "check_suffixes", "stoppable", "whole_files"]

PASSING, LOCK, BEFORE = ".llars-", "lock", "before"
"""Prefix of temporary folders, and the files in each: a lock that shows that its run is alive, and a link to the file
that is replaced."""

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Errors that say that no more can be written: the disk, a quota, or the largest file that is allowed."""

WRITABLE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH
"""A file is write-protected if it has none of these permissions: replacing it goes through its folder, regardless."""

SIDECARS = (".aux.xml", ".ovr", ".msk")
"""What GDAL appends to the name of a file beside it: metadata, overviews and a mask, which override the file's own."""

SUFFIXES = {"picture": (".png",), "preview": (".png",), "report": (".html", ".htm")}
"""File name extensions of outputs that are not GeoTIFFs."""


def check_outputs(paths: Sequence[Path], overwrite: bool) -> None:
    """Refuse, before any work, outputs that could not be written in the end.

    Raises:
        OutputError: a file, or what GDAL kept beside it, exists and may not be overwritten, or is write-protected, its
            folder is missing or read-only, or two outputs are one file.
    """
    for path in paths:
        if path.is_dir():
            raise OutputError(f"output {path} is a folder; give the name of a file in it")
        if path.exists() and not overwrite:
            raise OutputError(f"output {path} exists already; choose another name or say --overwrite")
        if path.exists() and not path.stat().st_mode & WRITABLE:
            raise OutputError(f"output {path} is write-protected; choose another name or make it writable (chmod u+w)")
        if not overwrite and (left := _sidecars(path)):
            raise OutputError(f"{left[0]} of an older file would speak for {path.name}; remove it or say --overwrite")
        if not path.parent.is_dir():
            raise OutputError(f"output {path}: there is no folder {path.parent}; make it first")
    if len({path.resolve() for path in paths}) < len(paths):
        raise OutputError(f"two outputs are one file ({', '.join(map(str, paths))}); give each a name of its own")
    with _folders_beside([path.resolve() for path in paths]):
        # That they could be made shows that the folders are writable.
        pass


def _sidecars(path: Path) -> list[Path]:
    """Sidecar files of ``path``, which change what is read from it."""
    return [side for side in (path.with_name(path.name + end) for end in SIDECARS) if side.exists()]


def check_inputs(outputs: Mapping[str, Path], source: str | Path, guides: Mapping[str, str | Path]) -> None:
    """Refuse outputs that would replace a file that is read; only the image may replace its own source.

    Args:
        outputs: paths by kind of output; that of the image is ``image``.
        source: the raster or product that is restored.
        guides: guides by role.

    Raises:
        OutputError: an output is the source or a guide, or one of the files of such a product.
    """
    for name, given in (("input", source), *((f"guide {role}", path) for role, path in guides.items())):
        place = place_of(given).resolve()
        for kind, path in outputs.items():
            target = path.resolve()
            same = target == place and (kind, name) != ("image", "input")
            inside = target.exists() and place in target.parents and target.name in (virtual_raster(given) or "")
            if same or inside:
                raise OutputError(f"the {kind} {path} would replace the {name}; choose another name")


def check_suffixes(paths: Mapping[str, Path]) -> None:
    """Refuse names with the extension of another format than is written; ``paths`` are by kind of output.

    Raises:
        OutputError: a name has another extension.
    """
    for kind, path in paths.items():
        suffixes = SUFFIXES.get(kind, (".tif", ".tiff"))
        if path.suffix.lower() not in suffixes:
            raise OutputError(f"the {kind} {path} must have a name that ends in {' or '.join(suffixes)}; rename it")


@contextmanager
def _folders_beside(paths: Sequence[Path]) -> Iterator[list[Path]]:
    """A temporary folder beside each path, on the same file system, so that renaming from there is atomic.

    Folders that a killed run left behind, which nobody locks any more, are removed.
    """
    with ExitStack() as stack:
        folders = []
        for path in paths:
            try:
                _sweep(path.parent)
                folders.append(Path(tempfile.mkdtemp(prefix=PASSING, dir=path.parent)))
            except OSError as fault:
                raise OutputError(f"cannot write to {path.parent}: {fault.strerror}; choose another folder") from None
            stack.callback(shutil.rmtree, folders[-1], ignore_errors=True)
            stack.enter_context(_locked(folders[-1]))
        yield folders


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    # Renamed only once it is locked: a lock file that can be locked belongs to a dead run.
    with (folder / "locking").open("w") as file:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
            (folder / "locking").rename(folder / LOCK)
        yield


def _sweep(folder: Path) -> None:
    for lock in folder.glob(f"{PASSING}*/{LOCK}"):
        with suppress(OSError), lock.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.parent, ignore_errors=True)


@contextmanager
def whole_files(paths: Sequence[Path]) -> Iterator[list[Path]]:
    """Temporary paths beside ``paths`` to write to; on success all move into place, on failure none does.

    If one cannot be moved, those moved before it are removed and the files that they replaced are restored, if the file
    system has hard links; if not, the error names the files that are new. Sidecar files of GDAL beside the files that
    are replaced are removed last.

    A temporary path keeps the name of its file, which decides the format, and has a folder of its own, which is removed
    with anything that a driver leaves in it. A symbolic link is kept, and its target is written.

    Raises:
        OutputError: a folder cannot be written to, a file cannot be replaced, or the disk became full in the block.
    """
    targets = [path.resolve() for path in paths]
    with _folders_beside(targets) as folders:
        places = [folder / path.name for folder, path in zip(folders, paths, strict=True)]
        try:
            yield places
        except OSError as fault:
            if fault.errno not in FULL:
                raise
            names = " and ".join(path.name for path in paths) or "the outputs"
            raise OutputError(f"cannot write {names}: {fault.strerror}; free space or choose another folder") from fault
        _move(places, targets)
        for path in {*paths, *targets}:
            for side in _sidecars(path):
                side.unlink(missing_ok=True)


def _move(places: Sequence[Path], targets: Sequence[Path]) -> None:
    """All of them, or none."""
    moved: list[tuple[Path, Path, bool]] = []
    try:
        for place, target in zip(places, targets, strict=True):
            before, existed = place.with_name(BEFORE), target.exists()
            with suppress(OSError):
                os.link(target, before)
            place.replace(target)
            moved.append((target, before, existed))
    except BaseException as fault:
        new = [str(one[0]) for one in reversed(moved) if not _moved_back(*one)]
        if not isinstance(fault, OSError):
            raise
        told = f"; new already: {', '.join(new)}" if new else ""
        raise OutputError(f"cannot write {targets[len(moved)]}: {fault.strerror}{told}; choose another name") from None


def _moved_back(target: Path, before: Path, existed: bool) -> bool:
    """Whether what was at ``target`` is there again."""
    try:
        if existed:
            before.replace(target)
        else:
            target.unlink()
    except OSError:
        return False
    return True


@contextmanager
def stoppable() -> Iterator[None]:
    """Let a request to end (SIGTERM, SIGHUP) unwind the block as Ctrl-C does, so that nothing is left behind."""

    def stop(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    signals = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in signals}
    try:
        for number, handler in before.items():
            if handler is signal.SIG_DFL:
                signal.signal(number, stop)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
