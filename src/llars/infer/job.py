"""What the commands do: files in, files out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

import llars
from llars import degrade, metrics
from llars.degrade.resolution import reduce
from llars.errors import BandError, ConfigError
from llars.infer.diagnosis import Finding
from llars.infer.outputs import check_outputs, whole_files
from llars.infer.picture import Picture, picture_of, with_values
from llars.infer.preview import before_after, write_png
from llars.infer.raster import read_profile, write_like
from llars.infer.restorer import Restorer, load
from llars.scene import open_scene
from llars.tasks import Step

if TYPE_CHECKING:
    import xarray as xr

    from llars.infer.restorer import Progress

__all__ = ["JobReport", "compare_files", "degrade_file", "diagnose_file", "restore_file"]

Say = Callable[[str], None]
"""Takes a note for the user, one sentence."""

DOUBTFUL = 0.7
"""Confidence below which the user is told what was understood."""


@dataclass(frozen=True)
class JobReport:
    """What was done."""

    steps: tuple[Step, ...]
    """What the instruction was understood to ask for; empty for a degradation."""

    notes: tuple[str, ...]
    """Sentences that the user should read."""

    seconds: float
    """Wall-clock time."""

    output: Path


class _Notes(list[str]):
    """Notes that are said as soon as they are known."""

    def __init__(self, say: Say | None) -> None:
        super().__init__()
        self._say = say

    def add(self, note: str) -> None:
        self.append(note)
        if self._say is not None:
            self._say(note)


def restore_file(
    source: str | Path,
    output: str | Path,
    prompt: str,
    *,
    sensor: str | None = None,
    scale: int | None = None,
    model: str = "llars-small",
    device: str = "auto",
    tile: int | None = None,
    uncertainty: str | Path | None = None,
    preview: str | Path | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    say: Say | None = None,
) -> JobReport:
    """Restore the image ``source`` as ``prompt`` says and write it to ``output``, in the input's own format.

    Args:
        source: a raster that GDAL reads.
        output: GeoTIFF; everything but the pixels is kept (with ``scale`` the grid gets finer within the same bounds).
        prompt: what to do.
        sensor: name of the sensor, where the file does not say.
        scale: how many times finer the grid shall be, 2 to 4.
        model: name of bundled weights, or a weights file.
        device: see ``llars.load``.
        tile: side of the pieces that are worked on at a time, in pixels.
        uncertainty: also write the standard deviation of the error here: float32, physical units.
        preview: also write a picture, before and after, here: PNG.
        overwrite: replace outputs that exist.
        progress: called after every tile with the number of tiles done and of all tiles.
        say: called with every note, as soon as it is known.

    Raises:
        LlarsError: something about the files or the prompt is wrong; no output is left behind.
    """
    begun = time.perf_counter()
    wanted = {"image": output, "uncertainty": uncertainty, "preview": preview}
    paths = {kind: Path(path) for kind, path in wanted.items() if path is not None}
    check_outputs([*paths.values()], overwrite)
    profile = read_profile(source)
    scene = open_scene(source, sensor=sensor)
    notes = _scene_notes(scene, say)
    restorer = load(model, device)
    steps = restorer.plan(prompt, scale)
    if doubt := _doubt(steps):
        notes.add(doubt)
    image, deviation = restorer(scene, steps, uncertainty=True, tile=tile, progress=progress)
    factor = image.sizes["x"] // scene.sizes["x"]
    tags = _tags(restorer, model, prompt, steps)
    with whole_files([*paths.values()]) as places:
        place = dict(zip(paths, places, strict=True))
        write_like(place["image"], image.values, profile, scale=factor, tags=tags)
        if "uncertainty" in place:
            write_like(place["uncertainty"], deviation.values, _plain(profile), scale=factor, tags=tags)
        if "preview" in place:
            write_png(place["preview"], before_after(scene.values, image.values, scene.attrs["bands"]))
    return JobReport(tuple(steps), tuple(notes), time.perf_counter() - begun, paths["image"])
