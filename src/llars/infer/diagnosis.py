"""What is wrong with an image, and the words that mend it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llars.tasks import TASK_KEYS, words_for

__all__ = ["Finding", "findings"]

FAULTS = ("cloud", "haze", "denoise", "deblur", "destripe")
"""Tasks that mend a fault that an image shows; the others grant a wish (a finer grid, another rendering)."""

NOTICEABLE = 0.15
"""Severity below which a fault is not worth a restoration's own error."""


@dataclass(frozen=True)
class Finding:
    """One fault of an image."""

    task: str
    """Key of the task that mends it."""

    severity: float
    """Strength in [0, 1]."""

    prompt: str
    """The instruction to give to ``restore``."""


def findings(severities: Sequence[float], tasks: Sequence[str]) -> list[Finding]:
    """The faults worth mending, worst first.

    Args:
        severities: one per key of ``TASK_KEYS``, as the network sees them in the image.
        tasks: keys of the tasks that the weights can do.
    """
    seen = {task: min(severity, 1.0) for task, severity in zip(TASK_KEYS, severities, strict=True)}
    found = [
        Finding(task, seen[task], words_for(task, seen[task]))
        for task in FAULTS
        if task in tasks and seen[task] >= NOTICEABLE
    ]
    return sorted(found, key=lambda finding: -finding.severity)
