"""The work of the commands: files in, files out."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

import llars
from llars import degrade
from llars.bands import Modality
from llars.degrade.registry import in_decibels
from llars.errors import ConfigError, DataError
from llars.infer.diagnosis.findings import Finding
from llars.infer.notes import Notes, Say, run_details, tags_of, tile_notes
from llars.infer.raster import read_profile, write_like
from llars.infer.raster.coarse import coarser
from llars.infer.raster.outputs import check_inputs, check_outputs, check_suffixes, stoppable, whole_files
from llars.infer.raster.uncertainty import interval_tags
from llars.infer.reading.picture import picture_of
from llars.infer.report.diagnosis_picture import draw, require_matplotlib
from llars.infer.report.page import Report, write_page
from llars.infer.resolution import Request, repair_steps, resolved, steps_of
from llars.infer.restorer import Restorer, load
from llars.infer.tiling.memory import bounded_memory, default_limit, largest_tile, parse_bytes
from llars.infer.tiling.partial import Partial, identity_of
from llars.infer.tiling.stream import Options
from llars.infer.writing import write_outputs
from llars.scene import open_scene
from llars.scene.keeping import files_kept_open
from llars.tasks import REMOVING_TASKS, Step

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from llars.bands import Band
    from llars.infer.restorer import Progress
    from llars.infer.tiling.engine import Extent

__all__ = ["JobReport", "degrade_file", "diagnose_file", "files_by_role", "restore_file"]


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


def restore_file(
    source: str | Path,
    output: str | Path,
    prompt: str,
    *,
    guides: Mapping[str, str | Path] | None = None,
    sensor: str | None = None,
    scale: int | None = None,
    model: str = "llars-small",
    adapters: Sequence[str | Path] = (),
    device: str = "auto",
    tile: int | None = None,
    max_memory: str | None = None,
    project: bool = True,
    uncertainty: str | Path | None = None,
    invented: str | Path | None = None,
    preview: str | Path | None = None,
    report: str | Path | None = None,
    overwrite: bool = False,
    resume: bool = False,
    progress: Progress | None = None,
    say: Say | None = None,
    restorer: Restorer | None = None,
) -> JobReport:
    """Restore the image ``source`` as ``prompt`` says and write it to ``output``, in the input's own format.

    Args:
        source: a raster that GDAL reads, or a product (see ``open_scene``).
        output: GeoTIFF; everything but the pixels is kept. With ``scale`` or a guide that sets the grid, the grid is
            finer, within the same bounds where the grids nest.
        prompt: what to do; where it is empty, what the diagnosis finds is mended.
        guides: by role (``sar``, ``pan``, ``fine_before``, ``coarse_before``), rasters that help, on any grid.
        sensor: name of the sensor, where the file does not say.
        scale: how many times finer the grid shall be, 2 to 4.
        model: name of bundled weights, or a weights file.
        adapters: files of ``llars tune`` that are applied to the model.
        device: see ``llars.load``.
        tile: side of the pieces that are worked on at a time, in pixels; chosen by ``max_memory`` where not given.
        max_memory: memory that may be used, as ``4GB``; 2 GB or half of the machine's by default. Scenes need not fit.
        project: preserve the means of the input's pixels on a finer grid (sr, pansharpen).
        uncertainty: also write the standard deviation of the error here: float32, physical units.
        invented: also write here which pixels were not measured: bytes, see `llars.infer.tiling.invention`.
        preview: also write a picture, before and after, here: PNG.
        report: also write a page about the restoration here: HTML.
        overwrite: replace outputs that exist; of the files that are read, ``output`` may replace ``source`` only.
        resume: keep finished tiles beside the output until it is complete, and go on from those of a killed run.
        progress: called after every tile with the number of tiles done and of all tiles.
        say: called with every note, as soon as it is known.
        restorer: a restorer that `load` made from ``model``, to share it between files.

    Raises:
        LlarsError: something about the files or the prompt is wrong; no output is left behind.
    """
    started = time.perf_counter()
    extras = {"uncertainty": uncertainty, "invented": invented, "preview": preview, "report": report}
    paths = _checked({"image": output, **extras}, overwrite, source, guides or {})
    limit = default_limit() if max_memory is None else parse_bytes(max_memory)
    with bounded_memory(limit), stoppable(), ExitStack() as stack:
        restorer, notes = restorer or load(model, device, adapters=adapters), Notes((), say)
        request = Request(source, prompt, (), scale, guides or {}, uncertainty is not None, resume=resume)
        request = stack.enter_context(resolved(request, restorer, paths["image"], limit, tile, notes.add))
        profile, scene = read_profile(request.source, sensor), open_scene(request.source, sensor)
        notes.add_all(scene.attrs["notes"])
        steps = steps_of(request, restorer, notes.add) if prompt else repair_steps(request, restorer, scene, notes.add)
        helpers = {role: open_scene(path) for role, path in request.guides.items()}
        side = _tile_size(scene, helpers.values(), steps, restorer, limit) if tile is None else tile
        with whole_files([*paths.values()]) as places, files_kept_open():
            identity = identity_of(_arguments(request, restorer, sensor, steps, side, project), scene, restorer.info)
            partial = stack.enter_context(Partial(paths["image"], identity, notes.add)) if resume else None
            options = Options(side, request.uncertainty, project, places[0].parent, partial, progress, profile.storable)
            stream = restorer.stream(scene, steps, guides=helpers, options=options, say=notes.add)
            notes.add_all(tile_notes(side, stream.shape, limit, max_memory is not None))
            tags, files = tags_of(restorer, model, prompt, steps, request.groups), dict(zip(paths, places, strict=True))
            write_outputs(files, stream, profile, scene, tags, interval_tags(restorer.info, steps))
            if "report" in files:
                facts = run_details(restorer, started, request.guides)
                write_page(files["report"], Report.of(paths, files, stream, profile, scene, steps, notes, tags, facts))
    return JobReport(tuple(steps), tuple(notes), time.perf_counter() - started, paths["image"])


def _checked(
    outputs: Mapping[str, str | Path | None], overwrite: bool, source: str | Path, guides: Mapping[str, str | Path]
) -> dict[str, Path]:
    """Paths of the files to write, by kind of output, checked."""
    paths = {kind: Path(path) for kind, path in outputs.items() if path is not None}
    check_outputs([*paths.values()], overwrite)
    check_suffixes(paths)
    check_inputs(paths, source, guides)
    return paths


def _tile_size(
    scene: xr.DataArray, guides: Iterable[xr.DataArray], steps: Sequence[Step], restorer: Restorer, limit: int
) -> Extent:
    """Size of the tiles of the scene and its guides that fit into ``limit`` bytes."""
    finest = max((step.scale for step in steps), default=1)
    observed = len(scene) if restorer.uses_residual and any(step.task in REMOVING_TASKS for step in steps) else 0
    return largest_tile(limit, len(scene) + observed + sum(map(len, guides)), restorer.info.config, finest)


def _arguments(
    request: Request, restorer: Restorer, sensor: str | None, steps: Sequence[Step], tile: Extent, project: bool
) -> dict[str, Any]:
    """The arguments that tell one run from another."""
    return {
        "input": request.source,
        "guides": dict(request.guides),
        "uncertainty": request.uncertainty,
        "sensor": sensor,
        "steps": steps,
        "tiles": tile,
        "project": project,
        "device": restorer.device,
    }


def files_by_role(pairs: Sequence[str]) -> dict[str, Path]:
    """The files of guides that are given as ``ROLE=FILE``.

    Raises:
        ConfigError: something else is given, or two guides of one role.
    """
    guides: dict[str, Path] = {}
    for pair in pairs:
        role, equals, file = pair.partition("=")
        if not (equals and role and file):
            raise ConfigError(f"found --guide {pair}, expected ROLE=FILE: --guide pan=pan.tif")
        if role in guides:
            raise ConfigError(f"two guides are called {role}; give one of each role")
        guides[role] = Path(file)
    return guides


def degrade_file(
    source: str | Path,
    output: str | Path,
    task: str,
    severity: float = 0.5,
    seed: int = 0,
    *,
    sensor: str | None = None,
    overwrite: bool = False,
) -> JobReport:
    """Apply a controlled degradation to the image ``source`` and write it to ``output``, in the input's own format.

    Args:
        source: a raster that GDAL reads.
        output: GeoTIFF.
        task: key of the task that undoes the degradation, or name of a degradation. ``sr`` writes pixels
            ``round(1 + 3 severity)`` times as wide: a coarser grid.
        severity: strength in [0, 1] ([-1, 1] for brightness).
        seed: same seed, same result.
        sensor: name of the sensor, where the file does not say.
        overwrite: replace an existing output.

    Raises:
        LlarsError: something about the files or the degradation is wrong; no output is left behind.
    """
    started, generator = time.perf_counter(), _seeded(seed)
    path = Path(output)
    check_outputs([path], overwrite)
    check_suffixes({"output": path})
    profile = read_profile(source, sensor)
    scene = open_scene(source, sensor)
    notes = Notes(scene.attrs["notes"])
    picture = picture_of(scene)
    notes.add_all(picture.notes)
    values, valid = picture.load()
    operator = degrade.get(task)
    if picture.power or scene.attrs["units"] == "dB":
        operator = in_decibels(operator, picture.ranges[0])
    tags = {"LLARS_DEGRADATION": f"{operator.name} {severity:g} seed {seed}", "LLARS_VERSION": llars.__version__}
    if operator.name == "sr":
        # What the operator gives lies on the fine grid.
        factor = round(1 + 3 * float(operator.strengths(severity)))
        values, profile, cropped = coarser(values, valid, profile, factor)
        if cropped:
            notes.add(f"cut {cropped[0]} rows and {cropped[1]} columns at the end: {factor} pixels become one")
    else:
        before, values = values, operator(values, severity, generator, picture.bands)
        _check_changed(operator.name, before, values, picture.bands)
        values = np.where(valid, values, np.float32(np.nan))
    values = picture.with_outliers(picture.physical(values), picture.window, None if operator.name == "sr" else 1)
    with whole_files([path]) as (place,):
        write_like(place, values, profile, tags=tags)
    return JobReport((), tuple(notes), time.perf_counter() - started, path)


def _check_changed(name: str, before: NDArray[np.float32], after: NDArray[np.float32], bands: Sequence[Band]) -> None:
    """Refuse clouds and haze over radar, to which they do nothing, and over heat, which they do not model."""
    if all(band.modality is Modality.SAR for band in bands) and np.array_equal(before, after, equal_nan=True):
        raise DataError(f"{name} at this severity does nothing to radar; choose another task, such as speckle")
    if name in ("haze", "thick_cloud", "thin_cloud") and all(band.modality is Modality.THERMAL for band in bands):
        raise DataError(f"{name} is modelled in reflected light, but all bands are thermal; choose another task")


def _seeded(seed: int) -> torch.Generator:
    try:
        return torch.Generator().manual_seed(seed)
    except (ValueError, OverflowError, RuntimeError):
        raise ConfigError(f"found the seed {seed}, expected a whole number of at most 18 digits") from None


def diagnose_file(
    source: str | Path,
    *,
    sensor: str | None = None,
    model: str = "llars-small",
    device: str = "auto",
    picture: str | Path | None = None,
    overwrite: bool = False,
    say: Say | None = None,
) -> list[Finding]:
    """What is wrong with the image ``source``, in the order in which it is mended, each with the prompt that mends it.

    With ``picture``, the diagnosis is also drawn to a PNG file; see ``draw``. ``say`` is called with every note.
    """
    pictures = _checked({"picture": picture}, overwrite, source, {})
    if pictures:
        require_matplotlib()
    scene = open_scene(source, sensor)
    Notes(scene.attrs["notes"], say)
    diagnosis = load(model, device).examine(scene)
    with whole_files([*pictures.values()]) as places:
        for place in places:
            draw(place, scene, diagnosis)
    return list(diagnosis.findings)
