"""What is wrong with an image, and the words that mend it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llars.tasks import TASK_KEYS, get_task

__all__ = ["Finding", "findings"]

FAULTS = ("cloud", "haze", "denoise", "deblur", "destripe", "brightness")
"""Tasks that mend a fault of the image; the others grant a wish (a finer grid, another rendering)."""

NOTICEABLE = 0.15
"""Severity below which a fault is not worth a restoration's own error."""

SLIGHT, STRONG = 0.35, 0.7
"""Severities at which the prompt says so."""


@dataclass(frozen=True)
class Finding:
    """One fault of an image."""

    task: str
    """Key of the task that mends it."""

    severity: float
    """Strength in [0, 1]; for ``brightness`` in [-1, 1], positive when the image is too dark."""

    prompt: str
    """The instruction to give to ``restore``."""


def findings(severities: Sequence[float], tasks: Sequence[str]) -> list[Finding]:
    """The faults worth mending, worst first.

    Args:
        severities: one per key of ``TASK_KEYS``, as the network sees them in the image.
        tasks: keys of the tasks that the weights can do.
    """
    seen = dict(zip(TASK_KEYS, severities, strict=True))
    found = [
        Finding(task, min(max(seen[task], -1.0), 1.0), _prompt(task, seen[task]))
        for task in FAULTS
        if task in tasks and (abs(seen[task]) if task == "brightness" else seen[task]) >= NOTICEABLE
    ]
    return sorted(found, key=lambda finding: -abs(finding.severity))


def _prompt(task: str, severity: float) -> str:
    words = get_task(task).instruction
    if task == "brightness" and severity < 0:
        words = "darken the image"
    strength = abs(severity)
    return f"slightly {words}" if strength < SLIGHT else f"strongly {words}" if strength >= STRONG else words
