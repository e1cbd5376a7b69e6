"""Held-out images of a folder with a ``scenes.json``.

Clean scenes are those of the protocol's split that list the task ``clean`` and whose role says that they have no fault.
This excludes dates with clouds or gaps (their role is ``gaps`` or ``cloudy``, though other dates of the same series are
clean), masks, guides, and real speckle without a reference. Reading through the catalogue also applies the scale and
offset of each source, and scenes too small for the windows of the metrics are left out.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from llars.bench.cases import Scene, scene_of
from llars.bench.protocols import Protocol
from llars.bench.series import Series, read_series
from llars.data.catalog import entries, read_catalog, read_entry
from llars.errors import DataError

__all__ = ["Folder", "read_scenes", "size_of"]


class Folder:
    """A folder with a ``scenes.json`` or with public sets, from which the trials read what they need.

    Reading from a missing catalogue raises ``DataError``.
    """

    def __init__(self, root: str | Path, protocol: Protocol) -> None:
        self.root, self.protocol = Path(root), protocol
        self.faults: list[str] = []
        """Faults of public sets, one line each; the scenes are left out."""
        self._clean: dict[int, list[Scene]] = {}

    @cached_property
    def _listed(self) -> list[dict[str, Any]]:
        return [entry for entry in entries(self.root) if entry["split"] == self.protocol.split]

    def clean(self, crop: int = 0) -> list[Scene]:
        """The clean scenes, cut to their centres; see ``read_scenes``."""
        crop = crop or self.protocol.crop
        if crop not in self._clean:
            self._clean[crop] = read_scenes(self.root, replace(self.protocol, crop=crop))
        return self._clean[crop]

    def entries(self, *roles: str, task: str = "") -> list[dict[str, Any]]:
        """Held-out images with one of the roles, and of one task if it is given."""
        fit = [entry for entry in self._listed if entry["role"] in roles and "bands" in entry]
        return [entry for entry in fit if not task or task in entry["tasks"]]

    def scene(self, entry: dict[str, Any]) -> Scene:
        """One image, cut to its centre."""
        return scene_of(read_entry(self.root, entry).sample, self.protocol.crop)

    def size(self, entry: dict[str, Any]) -> tuple[int, int]:
        """Rows and columns of an image before it is cut; see ``size_of``."""
        return size_of(self.root, entry)

    def series(self) -> list[Series]:
        """Series of radar and optical dates."""
        chosen = [e for e in self._listed if e["role"] == "series" and e["file"].endswith(".npz")]
        return [read_series(self.root / entry["file"], entry["id"]) for entry in chosen]


def size_of(root: Path, entry: dict[str, Any]) -> tuple[int, int]:
    """Rows and columns of an image of a catalogue, from its file.

    Raises:
        DataError: the file is missing or cannot be read.
    """
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioIOError

    path = root / entry["file"]
    try:
        with warnings.catch_warnings(category=NotGeoreferencedWarning, action="ignore"), rasterio.open(path) as source:
            return source.height, source.width
    except RasterioIOError as error:
        raise DataError(f"{path} cannot be read ({error}); fetch the data set again") from None


def read_scenes(folder: str | Path, protocol: Protocol) -> list[Scene]:
    """The held-out clean scenes of a folder with a ``scenes.json``, in its order.

    Raises:
        DataError: the folder holds no catalogue, a broken file, or no such scene.
    """
    samples = list(read_catalog(folder, protocol.split))
    listed = {entry["id"] for entry in entries(Path(folder)) if "clean" in entry["tasks"]}
    # The catalogue also joins the bands of several files; here every published image counts once.
    images = [sample for sample in samples if sample.scene in listed]
    scenes = [scene_of(image, protocol.crop) for image in images if min(image.valid.shape) >= protocol.smallest]
    if not scenes:
        raise DataError(f"{folder} holds no clean {protocol.split} scene of at least {protocol.smallest} pixels a side")
    return scenes
