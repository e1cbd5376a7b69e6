"""Which steps are taken on which grid, and with which guides."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

from llars.bands import Role
from llars.errors import ConfigError, InstructionError, RasterError
from llars.infer.reading.grids import ALIGNED, Grid, cropped_to, nesting, overlap, pixel_ratio, shift
from llars.infer.reading.guides import Guide
from llars.tasks import RESOLUTIONS, Step, get_task

__all__ = ["GUIDED_TASKS", "OutputGrid", "check_step", "output_grid", "with_guided_tasks", "with_scale"]

GRID_GUIDES = {"pansharpen": Role.PAN, "stf": Role.FINE_BEFORE}
"""Tasks whose output lies on the grid of a guide."""

GUIDED_TASKS = {"cloud": (Role.SAR, "cloud_sar"), "sr": (Role.PAN, "pansharpen"), "deblur": (Role.PAN, "pansharpen")}
"""Tasks that replace others when their guide is given: whoever gives a guide wants it used."""

MIN_COVERAGE = 0.995
"""Share of the area below which it is said that a guide covers only a part."""

FINER = 1.2
"""Guide pixels per input pixel from which a guide is finer."""


@dataclass(frozen=True)
class OutputGrid:
    """Where a step's result lies."""

    grid: Grid
    scale: int | None
    """How many times finer than the grid before the step, within the same bounds; None where it is another lattice."""


def check_step(step: Step, roles: Collection[Role], tasks: Collection[str], weights: str) -> None:
    """Refuse a step that cannot be taken.

    Args:
        step: what to do.
        roles: roles of the guides that are given.
        tasks: keys of the tasks that the weights were trained on.
        weights: their name.

    Raises:
        InstructionError: it needs a guide that is missing, a task that the weights lack, or a factor other than 2 to 4.
        ConfigError: its severity is no number, or out of range.
    """
    capabilities = f"these weights ({weights}) can do {', '.join(tasks)}"
    task = get_task(step.task)
    missing = [role.value for role in task.guides if role not in roles]
    if missing:
        options = " ".join(f"--guide {role}=FILE" for role in missing)
        remedy = capabilities if task.key not in tasks else f"give it: {options} (guides= in Python)"
        raise InstructionError(
            f"{step.text!r} asks for {task.key}, which needs a guide ({' and '.join(missing)}); {remedy}"
        )
    if task.key not in tasks:
        raise InstructionError(f"{step.text!r} asks for {task.key}; {capabilities}")
    if task.key == "sr" and step.scale not in RESOLUTIONS:
        raise InstructionError(f"{step.text!r} asks for a grid {step.scale} times finer; 2, 3 and 4 are possible")
    lowest = -1 if task.key == "brightness" else 0
    severity: Any = step.severity
    if not (isinstance(severity, Real) and lowest <= float(severity) <= 1):
        raise ConfigError(
            f"{step.text!r} ({task.key}) has the severity {step.severity!r}, expected a number from {lowest} to 1"
        )


def with_scale(steps: list[Step], scale: int) -> list[Step]:
    """The steps with a finer grid: that of the step that asks for one, or one more step.

    Raises:
        ConfigError: the factor is not 2, 3 or 4, or a step already takes the grid of its guide.
    """
    if scale not in RESOLUTIONS:
        raise ConfigError(f"cannot make the grid {scale} times finer; the scale must be 2, 3 or 4")
    if grid_steps := [step for step in steps if step.task in GRID_GUIDES]:
        raise ConfigError(f"{grid_steps[0].text!r} takes the grid of its guide; leave out the scale {scale}")
    scale = int(scale)
    finer_step = Step("sr", (scale - 1) / 3, RESOLUTIONS[scale], scale)
    if any(step.task == "sr" for step in steps):
        return [finer_step if step.task == "sr" else step for step in steps]
    return [*steps, finer_step]


def with_guided_tasks(steps: Sequence[Step], roles: Collection[Role]) -> list[Step]:
    """The steps, changed to use the guides given: clouds are removed with radar, and a panchromatic band sharpens.

    Raises:
        InstructionError: a guide is of no use to any step.
    """
    adapted_steps = list(steps)
    for role in roles:
        if any(role in get_task(step.task).guides for step in adapted_steps):
            continue
        for at, step in enumerate(adapted_steps):
            helper, task = GUIDED_TASKS.get(step.task, (None, ""))
            if helper is role:
                adapted_steps[at] = replace(step, task=task, text=get_task(task).instruction, scale=1)
                break
        else:
            helped = next(task for task in ("cloud_sar", *GRID_GUIDES) if role in get_task(task).guides)
            requested = ", ".join(step.task for step in steps)
            helpless = f"helps none of the steps ({requested})" if steps else "has no step to help in"
            raise InstructionError(
                f"the guide {role.value} {helpless}; leave it out, or ask for {helped}: "
                f"{get_task(helped).instruction!r}"
            )
    return adapted_steps


def output_grid(step: Step, grid: Grid, guides: Mapping[Role, Guide], say: Callable[[str], object]) -> OutputGrid:
    """Where the result of a step lies, if its target lies on ``grid``.

    Raises:
        RasterError: a guide that must be finer than the input is not.
    """
    grid_guide = guides.get(GRID_GUIDES.get(step.task, Role.TARGET))
    output = (
        OutputGrid(grid.finer(step.scale), step.scale) if grid_guide is None else _on_guide(step, grid, grid_guide, say)
    )
    for role in get_task(step.task).guides:
        _note_coverage(guides[role], grid, output, guides[role] is grid_guide, say)
        offset = shift(guides[role].grid, output.grid)
        if guides[role] is not grid_guide and offset and max(map(abs, offset)) > ALIGNED:
            say(
                f"the grid of the result is offset by {offset[0]:+.2f} pixels down and {offset[1]:+.2f} across from "
                f"that of the guide {role.value}: the guide is resampled"
            )
    return output


def _note_coverage(guide: Guide, grid: Grid, output: OutputGrid, leads: bool, say: Callable[[str], object]) -> None:
    """Say what happens beyond a guide that covers only a part."""
    cut = output.scale is None
    whole, name = (output.grid, "result") if cut and not leads else (grid, "input")
    share = overlap(whole, guide.grid)
    if share < MIN_COVERAGE:
        beyond = "the result ends with it" if cut and leads else "beyond it its values are filled from its border"
        say(f"the guide {guide.role.value} covers {share:.1%} of the {name}; {beyond}")


def _on_guide(step: Step, grid: Grid, grid_guide: Guide, say: Callable[[str], object]) -> OutputGrid:
    """Where a result lies that takes over the pixels of a guide."""
    ratio, name = pixel_ratio(grid, grid_guide.grid), grid_guide.role.value
    if ratio < (FINER if step.task == "pansharpen" else 1 / FINER):
        raise RasterError(
            f"the guide {name} has {ratio:.2f} pixels along one of the input's, expected more than 1: "
            "give the finer image as the guide and the coarser one as the input"
        )
    nest = nesting(grid, grid_guide.grid)
    if nest is not None:
        return OutputGrid(grid.finer(nest.factor), nest.factor)
    lattice = cropped_to(grid_guide.grid, grid)
    offset = shift(grid_guide.grid, grid)
    down, across = offset or (0.0, 0.0)
    relation = (
        f"offset by {down:+.2f} pixels down and {across:+.2f} across" if offset else "other CRS, rotation or ratio"
    )
    say(
        f"the input's grid does not nest in that of the guide {name} ({ratio:.2f} times finer; {relation}): the result "
        f"takes the guide's, {lattice.width} x {lattice.height} px; the input is resampled, its means are not preserved"
    )
    return OutputGrid(lattice, None)
