"""Which steps are taken on which grid, and with which guides."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from llars.bands import Role
from llars.errors import ConfigError, InstructionError, RasterError
from llars.infer.reading.grids import ALIGNED, Grid, cut_to, nesting, overlap, pixel_ratio, shift
from llars.infer.reading.guides import Guide
from llars.tasks import RESOLUTIONS, Step, get_task

__all__ = ["INSTEAD", "Place", "adapted", "place", "with_scale"]

LEADS = {"pansharpen": Role.PAN, "stf": Role.FINE_BEFORE}
"""Tasks whose output lies on the grid of a guide."""

INSTEAD = {"cloud": (Role.SAR, "cloud_sar"), "sr": (Role.PAN, "pansharpen"), "deblur": (Role.PAN, "pansharpen")}
"""Tasks that replace others when their guide is given: whoever gives a guide wants it used."""

WHOLE = 0.995
"""Share of the area below which it is said that a guide covers only a part."""

FINER = 1.2
"""Guide pixels per input pixel from which a guide is finer."""


@dataclass(frozen=True)
class Place:
    """Where a step's result lies."""

    grid: Grid
    scale: int | None
    """How many times finer than the grid before the step, within the same bounds; None where it is another lattice."""


def with_scale(steps: list[Step], scale: int) -> list[Step]:
    """The steps with a finer grid: that of the step that asks for one, or one more step.

    Raises:
        ConfigError: the factor is not 2, 3 or 4, or a step already takes the grid of its guide.
    """
    if scale not in RESOLUTIONS:
        raise ConfigError(f"cannot make the grid {scale} times finer; the scale must be 2, 3 or 4")
    if taken := [step for step in steps if step.task in LEADS]:
        raise ConfigError(f"{taken[0].text!r} takes the grid of its guide; leave out the scale {scale}")
    scale = int(scale)
    wish = Step("sr", (scale - 1) / 3, RESOLUTIONS[scale], scale)
    if any(step.task == "sr" for step in steps):
        return [wish if step.task == "sr" else step for step in steps]
    return [*steps, wish]


def adapted(steps: Sequence[Step], roles: Collection[Role]) -> list[Step]:
    """The steps, changed to use the guides given: clouds are removed with radar, and a panchromatic band sharpens.

    Raises:
        InstructionError: a guide is of no use to any step.
    """
    taken = list(steps)
    for role in roles:
        if any(role in get_task(step.task).guides for step in taken):
            continue
        for at, step in enumerate(taken):
            helper, task = INSTEAD.get(step.task, (None, ""))
            if helper is role:
                taken[at] = replace(step, task=task, text=get_task(task).instruction, scale=1)
                break
        else:
            wanted = next(task for task in ("cloud_sar", *LEADS) if role in get_task(task).guides)
            asked = ", ".join(step.task for step in steps)
            raise InstructionError(
                f"the guide {role.value} helps none of the steps ({asked}); leave it out, or ask for {wanted}: "
                f"{get_task(wanted).instruction!r}"
            )
    return taken


def place(step: Step, grid: Grid, guides: Mapping[Role, Guide], say: Callable[[str], object]) -> Place:
    """Where the result of a step lies, if its target lies on ``grid``.

    Raises:
        RasterError: a guide that must be finer than the input is not.
    """
    lead = guides.get(LEADS.get(step.task, Role.TARGET))
    there = Place(grid.finer(step.scale), step.scale) if lead is None else _on_guide(step, grid, lead, say)
    for role in get_task(step.task).guides:
        _tell_cover(guides[role], grid, there, guides[role] is lead, say)
        beside = shift(guides[role].grid, there.grid)
        if guides[role] is not lead and beside and max(map(abs, beside)) > ALIGNED:
            say(
                f"the grid of the result is offset by {beside[0]:+.2f} pixels down and {beside[1]:+.2f} across from "
                f"that of the guide {role.value}: the guide is resampled"
            )
    return there


def _tell_cover(guide: Guide, grid: Grid, there: Place, leads: bool, say: Callable[[str], object]) -> None:
    """Say what happens beyond a guide that covers only a part."""
    cut = there.scale is None
    whole, name = (there.grid, "result") if cut and not leads else (grid, "input")
    share = overlap(whole, guide.grid)
    if share < WHOLE:
        beyond = "the result ends with it" if cut and leads else "beyond it its values are filled from its border"
        say(f"the guide {guide.role.value} covers {share:.1%} of the {name}; {beyond}")


def _on_guide(step: Step, grid: Grid, lead: Guide, say: Callable[[str], object]) -> Place:
    """Where a result lies that takes over the pixels of a guide."""
    ratio, name = pixel_ratio(grid, lead.grid), lead.role.value
    if ratio < (FINER if step.task == "pansharpen" else 1 / FINER):
        raise RasterError(
            f"the guide {name} has {ratio:.2f} pixels along one of the input's, expected more than 1: "
            "give the finer image as the guide and the coarser one as the input"
        )
    nest = nesting(grid, lead.grid)
    if nest is not None:
        return Place(grid.finer(nest.factor), nest.factor)
    lattice = cut_to(lead.grid, grid)
    beside = shift(lead.grid, grid)
    down, across = beside or (0.0, 0.0)
    apart = f"offset by {down:+.2f} pixels down and {across:+.2f} across" if beside else "other CRS, rotation or ratio"
    say(
        f"the input's grid does not nest in that of the guide {name} ({ratio:.2f} times finer; {apart}): the result "
        f"takes the guide's, {lattice.width} x {lattice.height} px; the input is resampled, its means are not preserved"
    )
    return Place(lattice, None)
