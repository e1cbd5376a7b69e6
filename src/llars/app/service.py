"""Opens scenes and restores them for many visitors; knows nothing of web pages."""

from __future__ import annotations

import logging
import math
import os
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from llars.app.bundled import BUNDLED, make_bundled
from llars.app.guides import is_used, role_of
from llars.app.session import Image, Session, facts_of
from llars.app.uploads import BusyError, Limits, check_result_size, check_upload
from llars.bands import Role
from llars.errors import LlarsError, RasterError
from llars.infer.diagnosis.findings import Finding
from llars.infer.job import restore_file
from llars.infer.pixel_sizes import without_pixel_size
from llars.infer.raster.profile import read_profile
from llars.infer.reading.raster_file import RasterFile
from llars.infer.report.page import step_label
from llars.infer.restorer import Restorer
from llars.scene import open_scene
from llars.tasks import Step

__all__ = ["UPLOAD_SECONDS", "PlaygroundService", "step_labels"]

SWEEP_SECONDS, GRACE_SECONDS = 15.0, 60.0
"""Seconds between two clean-ups, and between leaving and deletion: pages may be reloaded."""

UPLOAD_SECONDS = 180.0
"""Seconds that an upload stays where it arrived: it is opened long before that."""

Progress = Callable[[int, int], None]

LOG = logging.getLogger(__name__)


class PlaygroundService:
    """Scenes and results of all visitors, in one temporary folder; ``close`` leaves nothing behind."""

    def __init__(self, restorer: Restorer, allowed: Limits | None = None, model: str = "llars-small") -> None:
        self.restorer, self.limits = restorer, allowed or Limits()
        self.root = Path(tempfile.mkdtemp(prefix="llars-serve-"))
        """Folder of everything that is written."""
        self.uploads = self.root / "uploads"
        """Folder for files that arrive."""
        self._model = model
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()
        self._bundled_locks = {name: threading.Lock() for name in BUNDLED}
        self._closed = threading.Event()
        threading.Thread(target=self._sweep_now_and_then, daemon=True).start()

    def session(self, visitor: str) -> Session:
        """The session of a visitor, made where there is none."""
        with self._lock:
            if visitor not in self._sessions:
                key = secrets.token_urlsafe(18)
                folder = self.root / key
                folder.mkdir()
                self._sessions[visitor] = Session(key, folder)
            self._sessions[visitor].last_active = time.monotonic()
            return self._sessions[visitor]

    def image(self, session: str, image: str) -> tuple[Session, Image] | None:
        """Session and image by the keys in an address; None where they are gone."""
        with self._lock:
            found = next((one for one in self._sessions.values() if one.key == session), None)
        if found is None:
            return None
        found.last_active = time.monotonic()
        return next(((found, one) for one in found.images if one.key == image), None)

    def open_bundled(self, visitor: str, name: str) -> Session:
        """Open one of the bundled scenes.

        Raises:
            RasterError: no bundled scene has that name.
        """
        if name not in BUNDLED:
            raise RasterError(f"no bundled scene is called {name!r}; choose one of {', '.join(BUNDLED)}")
        session = self.session(visitor)
        with self._bundled_locks[name]:
            made = make_bundled(BUNDLED[name], self.root)
        path = _new_folder(session) / made.name
        shutil.copyfile(made, path)
        return self._open(session, path, None)

    def open_upload(self, visitor: str, upload: Path, sensor: str | None = None) -> Session:
        """Open a file that a visitor uploaded.

        Opens a copy: Gradio names uploads by their content, and another visitor may just have sent the same file.
        ``sweep`` deletes old uploads.

        Raises:
            LlarsError: the file cannot be used; the session keeps what it had.
        """
        session = self.session(visitor)
        path = _new_folder(session) / upload.name
        with _removed_on_failure(path.parent), _named(path), _named(upload):
            check_upload(upload, self.limits)
            shutil.copyfile(upload, path)
            return self._open(session, path, sensor)

    def _open(self, session: Session, path: Path, sensor: str | None) -> Session:
        scene, profile = open_scene(path, sensor), read_profile(path, sensor)
        previous, busy = session.images, session.busy
        session.sensor, session.bands = sensor, scene.attrs["bands"]
        session.facts = facts_of(path, profile, scene.attrs)
        file = RasterFile(path, profile.decoding, profile.grid)
        image = Image(secrets.token_hex(8), path, file, notes=scene.attrs["notes"])
        removed = [*(one.path for one in previous), *session.guides.values()]
        session.scene, session.results, session.guides = image, [], {}
        for old in () if busy else removed:
            shutil.rmtree(old.parent, ignore_errors=True)
        return session

    def add_guide(self, visitor: str, upload: Path) -> tuple[Session, Role]:
        """Keep a guide for the visitor's scene: radar, or one panchromatic band.

        Raises:
            LlarsError: the file cannot be used, or no scene is open.
        """
        session = self.session(visitor)
        scene, path = session.opened, _new_folder(session) / upload.name
        with _removed_on_failure(path.parent), _named(path), _named(upload):
            check_upload(upload, self.limits)
            shutil.copyfile(upload, path)
            role = role_of(open_scene(path).attrs["bands"], path.name)
        if session.scene is scene:
            session.guides[role] = path
            session.facts = (*session.facts, f"{role.value}: {path.name}")
        return session, role

    def diagnose(self, visitor: str) -> list[Finding]:
        """What is wrong with the visitor's scene, in the order in which it is mended."""
        session = self.session(visitor)
        return self.restorer.diagnose(open_scene(session.opened.path, session.sensor))

    def restore(self, visitor: str, prompt: str, progress: Progress | None = None, report: bool = False) -> Image:
        """Restore the visitor's scene, and add the result to the earlier ones.

        Args:
            visitor: whose scene.
            prompt: the instruction.
            progress: called after every tile with the number of tiles done and of all tiles.
            report: also write the report page.

        Raises:
            BusyError: it would take too long, the result would be too large, or the scene was changed meanwhile.
            LlarsError: the instruction cannot be followed.
        """
        session = self.session(visitor)
        scene = session.opened
        folder = _new_folder(session)
        session.busy += 1
        try:
            with _removed_on_failure(folder), _named(scene.path):
                image = self._restored(session, scene, folder, prompt, progress, report)
                if session.scene is not scene:
                    raise BusyError("another scene was opened meanwhile; the result was for the one before")
        finally:
            session.busy -= 1
            session.last_active = time.monotonic()
        session.results.append(image)
        for old in session.results[: -self.limits.results]:
            shutil.rmtree(old.path.parent, ignore_errors=True)
        del session.results[: -self.limits.results]
        return image

    def _restored(
        self, session: Session, scene: Image, folder: Path, prompt: str, progress: Progress | None, report: bool
    ) -> Image:
        words = without_pixel_size(prompt)
        requested_steps = self.restorer.understand(words) if words else []
        guides = {role.value: file for role, file in session.guides.items() if is_used(role, requested_steps)}
        steps = self.restorer.plan(prompt, guides=guides, pixel_m=session.bands[0].gsd_m)
        scale = math.prod(step.scale for step in steps)
        check_result_size(scene.file.shape, scale, self.limits)
        path = folder / f"{scene.path.stem}_{'_'.join(step.task for step in steps)}.tif"
        page = path.with_suffix(".html") if report else None
        done = restore_file(
            scene.path,
            path,
            prompt,
            guides=guides,
            sensor=session.sensor,
            model=self._model,
            report=page,
            progress=_timed(progress, self.limits.seconds),
            restorer=self.restorer,
        )
        profile = read_profile(path, session.sensor)
        file = RasterFile(path, profile.decoding, profile.grid)
        return Image(secrets.token_hex(8), path, file, prompt, step_labels(done.steps), done.notes, done.seconds, page)

    def clear(self, visitor: str) -> Session:
        """Delete the visitor's results."""
        session = self.session(visitor)
        removed, session.results = session.results, []
        for image in removed:
            shutil.rmtree(image.path.parent, ignore_errors=True)
        return session

    def leave(self, visitor: str) -> None:
        """The visitor has left: the session is deleted, unless they come back soon."""
        with self._lock:
            if visitor in self._sessions:
                self._sessions[visitor].last_active = time.monotonic() - self.limits.idle + GRACE_SECONDS

    def sweep(self) -> None:
        """Delete abandoned sessions and old uploads."""
        now = time.monotonic()
        with self._lock:
            over = [
                who for who, one in self._sessions.items() if not one.busy and now - one.last_active > self.limits.idle
            ]
            removed = [self._sessions.pop(who) for who in over]
        for session in removed:
            shutil.rmtree(session.folder, ignore_errors=True)
        # Unlike Path.rglob, os.walk passes over folders that others delete meanwhile.
        for folder, _, names in os.walk(self.uploads):
            for file in (Path(folder, name) for name in names):
                with suppress(OSError):
                    if time.time() - file.stat().st_mtime > UPLOAD_SECONDS:
                        file.unlink()

    def _sweep_now_and_then(self) -> None:
        while not self._closed.wait(SWEEP_SECONDS):
            try:
                self.sweep()
            except Exception:
                LOG.exception("what was left behind could not be deleted; the next try is in %.0f s", SWEEP_SECONDS)

    def close(self) -> None:
        """Delete everything."""
        self._closed.set()
        with self._lock:
            self._sessions.clear()
        shutil.rmtree(self.root, ignore_errors=True)


def _new_folder(session: Session) -> Path:
    """A new folder for a single file, so that the file can keep its name."""
    folder = session.folder / secrets.token_hex(4)
    folder.mkdir(parents=True)
    return folder


@contextmanager
def _removed_on_failure(folder: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Remove the folder of a file from error messages: visitors know the file by its name."""
    try:
        yield
    except LlarsError as error:
        raise type(error)(str(error).replace(f"{path.parent}/", "")) from error


def _timed(progress: Progress | None, seconds: float) -> Progress:
    """A callback that stops the work between two tiles when its time is over."""
    end = time.monotonic() + seconds

    def tick(done: int, total: int) -> None:
        if done < total and time.monotonic() > end:
            raise BusyError(
                f"it takes longer than {seconds:.0f} s; cut out a part of the scene, or use `llars restore`"
            )
        if progress is not None:
            progress(done, total)

    return tick


def step_labels(steps: Sequence[Step]) -> str:
    """What an instruction was understood as, in few words."""
    return ", then ".join(map(step_label, steps))
