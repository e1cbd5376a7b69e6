"""Tags of a file of standard deviations: how many of them contain which share of the errors."""

from __future__ import annotations

from collections.abc import Sequence

from llars.tasks import Step
from llars.weights.registry import WeightsInfo
from llars.weights.temperatures import calibrations_of

__all__ = ["interval_tags"]

TOLD = (0.5, 0.68, 0.8, 0.9, 0.95)
"""Shares that are given; for normal errors, one standard deviation to either side contains the second of them."""


def interval_tags(info: WeightsInfo, steps: Sequence[Step]) -> dict[str, str]:
    """Tags of the file: ``LLARS_HALF_WIDTHS`` is ``50%: 0.47, 68%: 0.78, ...``, in standard deviations.

    Empty where the errors were never calibrated: after several steps, for weights or tasks without a calibration, and
    with adapters, which change the network but not the checksum of the weights.

    Args:
        info: metadata of the weights.
        steps: the steps that were taken.
    """
    if len(steps) != 1 or info.training.get("adapters"):
        return {}
    one = calibrations_of(info.sha256).get(steps[0].task)
    return (
        {}
        if one is None
        else {"LLARS_HALF_WIDTHS": ", ".join(f"{share:.0%}: {one.half_width(share):.2f}" for share in TOLD)}
    )
