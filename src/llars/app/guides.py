"""Guides that visitors upload beside their scene: their roles, and the steps that use them."""

from __future__ import annotations

from collections.abc import Sequence

from llars.bands import Band, Modality, Role
from llars.errors import BandError
from llars.infer.tiling.planning import GUIDED_TASKS
from llars.tasks import Step, get_task

__all__ = ["SUGGESTIONS", "is_used", "role_of"]

SUGGESTIONS = {Role.SAR: get_task("cloud_sar").instruction, Role.PAN: get_task("pansharpen").instruction}
"""The instruction suggested for a guide of each role."""


def role_of(bands: Sequence[Band], name: str) -> Role:
    """The role of an image: radar, or one panchromatic band.

    Raises:
        BandError: it is neither.
    """
    if all(band.modality is Modality.SAR for band in bands):
        return Role.SAR
    if len(bands) == 1:
        return Role.PAN
    raise BandError(f"{name} has {len(bands)} bands; what helps here is radar (VV, VH), or one panchromatic band")


def is_used(role: Role, steps: Sequence[Step]) -> bool:
    """Whether one of the steps can use an image of that role; other steps are done without it."""
    return any(role in get_task(step.task).guides or GUIDED_TASKS.get(step.task, ("",))[0] is role for step in steps)
