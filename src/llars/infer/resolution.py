"""Pixel sizes asked for in metres, and products whose bands lie on several grids."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from llars.errors import ConfigError, InstructionError
from llars.infer.diagnosis.findings import steps_against
from llars.infer.levelling import level
from llars.infer.tiling.engine import Extent
from llars.infer.tiling.memory import fitting_tile
from llars.scene import open_scene
from llars.scene.products import grids_of, part_of
from llars.tasks import RESOLUTIONS, Step, get_task

if TYPE_CHECKING:
    import xarray as xr

    from llars.infer.restorer import Restorer

__all__ = ["Order", "Wish", "arranged", "steps_of", "wish_in", "with_own_pan"]

_METRES = re.compile(r"\b(?:to|at|on)\s+(?:an?\s+|the\s+)?(?P<size>\d+(?:\.\d+)?)\s*-?\s*(?:m|met(?:re|er)s?)\b", re.I)
_ABOUT = re.compile(
    r"\b(?:bands?|all|everything|channels?|resolutions?|grid|pixels?|image|scene|product|it|(?:re|up)-?sampl\w*|bring|gsd)\b",
    re.I,
)
"""Words of which a clause with metres must contain one to be about the grid."""

_FROM = re.compile(r"\bfrom\s+\d+(?:\.\d+)?\s*m\b|\d\s*m\s*(?:->|to)\b", re.I)
"""Two sizes, one after the other, of which the reader takes the ratio as the factor."""

_BETWEEN = re.compile(r"\s*(?:[,;]|\.(?!\d))\s*(?:(?:and\s+)?then\b|and\b)?\s*|\s+(?:and\s+)?then\s+|\s+and\s+", re.I)

CLOSE = 0.02
"""Relative tolerance of a factor around a whole number: pixel sizes of geographic grids are rounded."""


@dataclass(frozen=True)
class Wish:
    """A pixel size that an instruction asks for."""

    metres: float
    text: str
    """The words that ask for it."""

    rest: str
    """The rest of the instruction."""


@dataclass(frozen=True)
class Order:
    """A restoration to do; after `arranged`, with products and pixel sizes resolved."""

    source: str | Path
    prompt: str
    """Words that are still to be interpreted; empty where none are left."""

    first: tuple[Step, ...] = ()
    """Steps to take before those of the words."""

    scale: int | None = None
    guides: Mapping[str, str | Path] = field(default_factory=dict)
    uncertainty: bool = False
    """The standard deviation of the error is wanted too."""

    begun: bool = False
    """A part of the instruction was already taken out of the words."""


def wish_in(prompt: str, several: bool) -> Wish | None:
    """The pixel size that ``prompt`` asks for: "bring all bands to 10 m", "resample to 5 metres"; None if none.

    Args:
        prompt: an instruction.
        several: the image has bands of several sizes, so that "from 20 m to 10 m" is not one factor for all.
    """
    starts = [0, *(found.end() for found in _BETWEEN.finditer(prompt))]
    ends = [*(found.start() for found in _BETWEEN.finditer(prompt)), len(prompt)]
    for start, end in zip(starts, ends, strict=True):
        clause = prompt[start:end]
        size = _METRES.search(clause)
        if size is None or not _ABOUT.search(clause) or (not several and _FROM.search(clause)):
            continue
        parts = [_trimmed(prompt[:start]), _trimmed(prompt[end:])]
        return Wish(float(size["size"]), clause.strip(" ."), ", then ".join(part for part in parts if part))
    return None


def _trimmed(text: str) -> str:
    """A clause without the punctuation and conjunctions that joined it to its neighbour."""
    text = re.sub(r"^\s*(?:[,;.]\s*)?(?:(?:and\s+)?then\b|and\b)?\s*", "", text, flags=re.I)
    return re.sub(r"\s*[,;.]?\s*(?:\band\s+)?(?:\bthen|\band)?\s*$", "", text, flags=re.I)


@contextmanager
def arranged(
    order: Order, restorer: Restorer, folder: Path, limit: int, tile: int | None, say: Callable[[str], object]
) -> Iterator[Order]:
    """The order in plain steps: products on one grid, sizes as factors, own panchromatic bands as guides.

    Args:
        order: as the user gave it.
        restorer: does the restoration.
        folder: where a temporary folder for large files is made.
        limit: memory that may be used, in bytes.
        tile: side of tiles, where the user gave one.
        say: called with notes for the user.

    Raises:
        InstructionError: the size cannot be reached.
        ConfigError: the pixels have that size already, or their size is unknown.
        RasterError: see `level`.
    """
    grids = grids_of(order.source)
    wish = wish_in(order.prompt, len(grids) > 1)
    if wish is None:
        yield replace(order, guides=with_own_pan(restorer, order.source, order.prompt, order.guides))
        return
    order = replace(order, prompt=wish.rest, begun=True)
    if len(grids) < 2 or grids[1] == "pan":
        yield _sharpened(order) if _is_pan_of(order, wish) else _scaled(order, wish)
        return

    def side(bands: int, factor: int) -> Extent:
        return fitting_tile(limit, bands, restorer.info.config, factor) if tile is None else tile

    if wish.metres > 1.5 * (_size(order.source) or 0.0):
        raise InstructionError(f"{wish.text!r} asks for a coarser grid than {grids[0]}; llars makes grids finer only")
    if order.uncertainty:
        raise InstructionError(f"{wish.text!r} cannot tell its uncertainty; leave out --uncertainty")
    order = _scaled(order, wish, reached=True)
    with TemporaryDirectory(prefix=".llars-", dir=folder) as place:
        yield replace(order, source=level(order.source, Path(place), restorer, side, say))


def _is_pan_of(order: Order, wish: Wish) -> bool:
    """Whether the size is that of the product's own panchromatic band, and nobody gave another."""
    own = "pan" in grids_of(order.source) and "pan" not in order.guides
    return own and _size(part_of(order.source, "pan")) == wish.metres


def _sharpened(order: Order) -> Order:
    sharpen = Step("pansharpen", 0.5, get_task("pansharpen").instruction)
    return replace(order, first=(sharpen,), guides={**order.guides, "pan": part_of(order.source, "pan")})


def steps_of(order: Order, restorer: Restorer, say: Callable[[str], object]) -> list[Step]:
    """The steps of an order; ``say`` is told where guides turn a step into another task than the words named.

    Raises:
        InstructionError: the words ask for nothing that can be done.
    """
    wanted = list(order.first)
    if order.prompt or not order.begun:
        meant = restorer.interpret(order.prompt)
        wanted += meant.steps
        for doubt in meant.doubts:
            say(doubt)
    steps = restorer.plan(wanted, order.scale, order.guides)
    for asked, step in zip(wanted, steps, strict=False):
        if step.task != asked.task and step.task != "sr":
            say(f"{asked.text!r} with the guides given was taken as {step.task}: {step.text}")
    return steps


def mended(order: Order, restorer: Restorer, scene: xr.DataArray, say: Callable[[str], object]) -> list[Step]:
    """The steps that mend what the diagnosis finds; ``say`` is told each finding. Empty where nothing is wrong.

    Raises:
        InstructionError: a guide was given that helps none of them.
    """
    found = restorer.diagnose(scene)
    for finding in found:
        done = finding.prompt if finding.applied else f"left as it is; to change that: -p {finding.prompt!r}"
        say(f"{finding.fault}, {finding.strength}: {done}")
    steps = restorer.plan(steps_against(found), order.scale, order.guides)
    if not steps:
        say("nothing to mend was found: the pixels are copied as they are")
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


def _scaled(order: Order, wish: Wish, reached: bool = False) -> Order:
    """The order with the factor from the image's pixel size to the one asked for."""
    size = _size(order.source)
    if size is None:
        raise ConfigError(
            f"{wish.text!r} names a size, and nothing tells how large the pixels of {order.source} are; "
            "say --scale 2, or give it a CRS and a transform"
        )
    factor = size / wish.metres
    scale = round(factor)
    if scale == 1 and abs(factor - 1) < CLOSE:
        if not (reached or order.prompt):
            raise ConfigError(f"{order.source} has pixels of {size:g} m already; there is nothing to do")
        return order
    if scale not in RESOLUTIONS or abs(factor - scale) > CLOSE * scale:
        able = ", ".join(f"{size / one:.3g}" for one in RESOLUTIONS)
        raise InstructionError(
            f"{wish.text!r}: the pixels are {size:.4g} m wide, that is {factor:.3g} times finer; possible are {able} m"
        )
    if order.scale not in (None, scale):
        raise ConfigError(f"{wish.text!r} makes the grid {scale} times finer, but --scale says {order.scale}; give one")
    return replace(order, scale=scale)
