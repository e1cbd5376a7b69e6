"""The state that `--resume` continues from: finished tiles, in files beside the output until it is complete."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from rasterio.transform import Affine

import llars
from llars.errors import OutputError
from llars.infer.reading.grids import grid_of
from llars.infer.reading.sources import Scratch
from llars.infer.tiles import Window
from llars.infer.tiling.column_pass import Restored
from llars.infer.tiling.json_lines import append, whole_lines
from llars.scene.products import state_of

if TYPE_CHECKING:
    import xarray as xr

    from llars.weights.registry import WeightsInfo

try:
    import fcntl
except ImportError:  # Windows: two runs with one output go unnoticed there
    fcntl = None  # type: ignore[assignment]

__all__ = ["Partial", "identity_of", "model_and_input"]

JOURNAL = "journal.jsonl"


class Partial:
    """A folder with an image for every step, and a journal of the tiles that are finished in them.

    The journal's first line identifies the run: input, prompt, steps, weights, grid, tiles. The folder of any other run
    is started afresh. A line reaches the disk after its pixels; a line cut short by a kill does not count.
    """

    def __init__(self, output: Path, identity: Mapping[str, Any], say: Callable[[str], object]) -> None:
        """Entering opens or makes the folder; it raises OutputError where that fails or another run holds it."""
        self.folder = output.with_name(f".{output.name}.partial")
        self._identity = json.loads(json.dumps(identity))
        self._done: dict[int, list[Window]] = {}
        self._say = say

    def __enter__(self) -> Self:
        new = not self.folder.exists()
        try:
            self.folder.mkdir(exist_ok=True)
            self._journal = (self.folder / JOURNAL).open("a+b")
            if fcntl is not None:
                fcntl.flock(self._journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._read()
        except BlockingIOError:
            self._journal.close()
            raise OutputError(f"another run is at work on {self.folder}; wait until it ends") from None
        except OSError as fault:
            if new:
                shutil.rmtree(self.folder, ignore_errors=True)
            raise OutputError(f"cannot write to {self.folder}: {fault.strerror}; choose another folder") from None
        return self

    def __exit__(self, fault: type[BaseException] | None, *_: object) -> None:
        self._journal.close()
        # Without a fault the output is complete, and without a finished tile there is nothing to resume.
        if fault is None or not any(self._done.values()):
            shutil.rmtree(self.folder, ignore_errors=True)

    def tiles(
        self, step: int, shape: tuple[int, int, int], compute: Callable[[Collection[Window]], Iterator[Restored]]
    ) -> Iterator[Restored]:
        """The tiles of a step: first those that are stored, then the rest from ``compute``, stored as they come."""
        done = self._done.setdefault(step, [])
        uncertain = self._identity["uncertainty"]
        kinds = ("values", "deviation") if uncertain else ("values",)
        images = {kind: Scratch(shape, self.folder, f"{step}.{kind}") for kind in kinds}
        for window in done:
            deviation = images["deviation"].read(window) if uncertain else None
            yield Restored(window, images["values"].read(window), deviation)
        for part in compute([*done]):
            for kind, image in images.items():
                if (pixels := getattr(part, kind)) is not None:
                    image.write(part.window, pixels)
                    image.sync()
            window = part.window
            append(self._journal, [step, window.top, window.left, window.bottom, window.right])
            done.append(window)
            yield part

    def _read(self) -> None:
        lines = []
        for text in whole_lines(self._journal):
            with suppress(ValueError):
                lines.append(json.loads(text))
        if lines and lines[0] == self._identity:
            for step, *sides in lines[1:]:
                self._done.setdefault(step, []).append(Window(*sides))
            self._say(f"going on with {sum(map(len, self._done.values()))} tiles that were finished before")
            return
        if lines:
            old = lines[0] if isinstance(lines[0], dict) else {}
            differing = ", ".join(key for key, value in self._identity.items() if old.get(key) != value) or "journal"
            self._say(f"{self.folder.name} is of another run (other {differing}): begun anew")
        for path in self.folder.iterdir():
            if path.name != JOURNAL:
                path.unlink()
        self._journal.truncate(0)
        append(self._journal, self._identity)


def identity_of(arguments: Mapping[str, Any], scene: xr.DataArray, info: WeightsInfo) -> dict[str, Any]:
    """The identity of a partial result: everything that its pixels depend on.

    Args:
        arguments: those of the run; ``input`` and ``guides`` (by role) are files.
        scene: the input.
        info: of the weights.
    """
    place = grid_of(scene).transform or Affine.identity()
    return {
        **{name: repr(value) for name, value in arguments.items()},
        **model_and_input(arguments["input"], info),
        "guides": {role: _file_state(path) for role, path in arguments["guides"].items()},
        "grid": [*scene.shape, *map(float, place)],
        "uncertainty": arguments["uncertainty"],
    }


def model_and_input(path: str | Path, info: WeightsInfo) -> dict[str, Any]:
    """The part of an identity that every result depends on: the input at ``path``, the weights, and the program."""
    adapters = [one["sha256"] for one in info.training.get("adapters", ())]
    return {"input": _file_state(path), "weights": [info.sha256, *adapters], "version": llars.__version__}


def _file_state(path: str | Path) -> list[Any]:
    # Resolved: another spelling of the path, or a link, is the same file.
    return [str(Path(path).resolve()), *state_of(path)]
