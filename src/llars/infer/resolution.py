"""Products whose bands lie on several grids, on the grid that an instruction asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from llars.errors import ConfigError, InstructionError
from llars.infer.common_grid import GroupStep, to_finest_grid
from llars.infer.diagnosis.findings import corrective_steps
from llars.infer.pixel_sizes import PixelSizeRequest, pixel_size_request
from llars.infer.tiling.engine import Extent
from llars.infer.tiling.kept import kept_folder
from llars.infer.tiling.memory import largest_tile
from llars.infer.tiling.partial import model_and_input
from llars.scene import open_scene
from llars.scene.products import grids_of, part_of
from llars.tasks import RESOLUTIONS, Step, get_task

if TYPE_CHECKING:
    import xarray as xr

    from llars.infer.restorer import Restorer

__all__ = ["Request", "repair_steps", "resolved", "steps_of", "with_own_pan"]


@dataclass(frozen=True)
class Request:
    """A restoration to do; after `resolved`, with products and pixel sizes resolved."""

    source: str | Path
    prompt: str
    """Words that are still to be interpreted; empty where none are left."""

    first: tuple[Step, ...] = ()
    """Steps to take before those of the words."""

    scale: int | None = None
    guides: Mapping[str, str | Path] = field(default_factory=dict)
    uncertainty: bool = False
    """The standard deviation of the error is wanted too."""

    shortened: bool = False
    """A part of the instruction was already taken out of the words."""

    resume: bool = False
    """Keep what is finished until the output is complete."""

    groups: tuple[GroupStep, ...] = ()
    """What was already done to groups of bands, to bring them to one grid."""


@contextmanager
def resolved(
    request: Request, restorer: Restorer, output: Path, limit: int, tile: int | None, say: Callable[[str], object]
) -> Iterator[Request]:
    """The order in plain steps: products on one grid, sizes as factors, own panchromatic bands as guides.

    Args:
        request: as the user gave it.
        restorer: does the restoration.
        output: file to be written; a temporary folder for large files is made beside it.
        limit: memory that may be used, in bytes.
        tile: side of tiles, where the user gave one.
        say: called with notes for the user.

    Raises:
        InstructionError: the size cannot be reached.
        ConfigError: the pixels have that size already, or their size is unknown.
        RasterError: see `to_finest_grid`.
    """
    grids = grids_of(request.source)
    wanted_size = pixel_size_request(request.prompt, len(grids) > 1)
    if wanted_size is None:
        yield replace(request, guides=with_own_pan(restorer, request.source, request.prompt, request.guides))
        return
    if len(grids) < 2 or grids[1] == "pan":
        if _is_size_of_pan(request, wanted_size):
            _say_what_comes_first(wanted_size, say)
            yield _with_pansharpening(replace(request, prompt=wanted_size.rest, shortened=True))
        else:
            yield _with_scale(request, wanted_size)
        return

    def side(bands: int, factor: int) -> Extent:
        return largest_tile(limit, bands, restorer.info.config, factor) if tile is None else tile

    if wanted_size.metres > 1.5 * (_size(request.source) or 0.0):
        raise InstructionError(
            f"{wanted_size.text!r} asks for a coarser grid than {grids[0]}; llars makes grids finer only"
        )
    if request.uncertainty:
        raise InstructionError(f"{wanted_size.text!r} cannot tell its uncertainty; leave out --uncertainty")
    request = _with_scale_first(request, wanted_size)
    _say_what_comes_first(wanted_size, say)
    with _folder_of_bands(request, output, restorer, say) as folder:
        source, groups = to_finest_grid(request.source, folder, restorer, side, say)
        yield replace(request, source=source, groups=groups)


@contextmanager
def _folder_of_bands(
    request: Request, output: Path, restorer: Restorer, say: Callable[[str], object]
) -> Iterator[Path]:
    """A temporary folder beside the output; one that outlives an interruption where the run is to be resumed."""
    if request.resume:
        folder = output.resolve().with_name(f".{output.name}.bands")
        with kept_folder(folder, model_and_input(request.source, restorer.info), say):
            yield folder
    else:
        with TemporaryDirectory(prefix=".llars-", dir=output.parent) as place:
            yield Path(place)


def _is_size_of_pan(request: Request, wanted_size: PixelSizeRequest) -> bool:
    """Whether the size is that of the product's own panchromatic band, and nobody gave another."""
    own = "pan" in grids_of(request.source) and "pan" not in request.guides
    return own and _size(part_of(request.source, "pan")) == wanted_size.metres


def _with_pansharpening(request: Request) -> Request:
    sharpen = Step("pansharpen", 0.5, get_task("pansharpen").instruction)
    return replace(request, first=(sharpen,), guides={**request.guides, "pan": part_of(request.source, "pan")})


def steps_of(request: Request, restorer: Restorer, say: Callable[[str], object]) -> list[Step]:
    """The steps of an order; ``say`` is told where guides turn a step into another task than the words named.

    Raises:
        InstructionError: the words ask for nothing that can be done.
    """
    requested = list(request.first)
    if request.prompt or not request.shortened:
        interpretation = restorer.interpret(request.prompt)
        requested += interpretation.steps
        for doubt in interpretation.doubts:
            say(doubt)
    steps = restorer.plan(requested, request.scale, request.guides)
    for requested_step, step in zip(requested, steps, strict=False):
        if step.task != requested_step.task and step.task != "sr":
            say(f"{requested_step.text!r} with the guides given was taken as {step.task}: {step.text}")
    return steps


def repair_steps(request: Request, restorer: Restorer, scene: xr.DataArray, say: Callable[[str], object]) -> list[Step]:
    """The steps that mend what the diagnosis finds; ``say`` is told each finding. Empty where nothing is wrong.

    Raises:
        InstructionError: a guide was given that helps none of them.
    """
    findings = restorer.diagnose(scene)
    for finding in findings:
        remedy = finding.prompt if finding.applied else f"left as it is; to change that: -p {finding.prompt!r}"
        say(f"{finding.fault}, {finding.strength}: {remedy}")
    steps = restorer.plan(corrective_steps(findings), request.scale, request.guides)
    if not steps:
        say(f"nothing {'is mended' if findings else 'to mend was found'}: the pixels are copied as they are")
    return steps


def with_own_pan(
    restorer: Restorer, source: str | Path, prompt: str, guides: Mapping[str, str | Path]
) -> Mapping[str, str | Path]:
    """The guides, plus the product's own panchromatic band where ``prompt`` needs one and none was given."""
    if not prompt or "pan" in guides or "pan" not in grids_of(source):
        return guides
    if any(step.task == "pansharpen" for step in restorer.understand(prompt)):
        return {**guides, "pan": part_of(source, "pan")}
    return guides


def _size(source: str | Path) -> float | None:
    """Pixel size in metres; None where it is unknown."""
    size: float | None = open_scene(source).attrs["bands"][0].gsd_m
    return size


def _with_scale(request: Request, wanted_size: PixelSizeRequest) -> Request:
    """The order with the factor from the image's pixel size to the one asked for, in the place of the size."""
    size = _size(request.source)
    words, scale = wanted_size.resolved(size, request.scale)
    if scale is None and not words:
        raise ConfigError(f"{request.source} has pixels of {size:g} m already; there is nothing to do")
    return replace(request, prompt=words, scale=scale, shortened=True)


def _with_scale_first(request: Request, wanted_size: PixelSizeRequest) -> Request:
    """The order for a product of several grids: what follows the common grid; a still finer one comes first of it."""
    scale = wanted_size.scale(_size(request.source), request.scale)
    first = () if scale is None else (Step("sr", (scale - 1) / 3, RESOLUTIONS[scale], scale),)
    return replace(request, prompt=wanted_size.rest, first=first, scale=None, shortened=True)


def _say_what_comes_first(wanted_size: PixelSizeRequest, say: Callable[[str], object]) -> None:
    if wanted_size.before:
        say(f"{wanted_size.text!r} is done first, on all bands; {wanted_size.before!r} comes after it")
