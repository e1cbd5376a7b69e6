"""Tags of a file of standard deviations: how many of them contain which share of the errors."""

from __future__ import annotations

from collections.abc import Sequence

from llars.tasks import Step
from llars.weights.temperatures import Calibration, calibrations_of

__all__ = ["interval_tags"]

TOLD = (0.5, 0.68, 0.8, 0.9, 0.95)
"""Shares that are given; for normal errors, one standard deviation to either side contains the second of them."""


def interval_tags(sha256: str, steps: Sequence[Step]) -> dict[str, str]:
    """Tags of the file: ``LLARS_HALF_WIDTHS`` is ``50%: 0.47, 68%: 0.78, ...``, in standard deviations.

    Empty after several steps: their combined errors were never calibrated.

    Args:
        sha256: checksum of the weights.
        steps: the steps that were taken.
    """
    if len(steps) != 1:
        return {}
    one = calibrations_of(sha256).get(steps[0].task, Calibration())
    return {"LLARS_HALF_WIDTHS": ", ".join(f"{share:.0%}: {one.half_width(share):.2f}" for share in TOLD)}
