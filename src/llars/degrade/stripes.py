"""Stripes: detectors that respond differently, or not at all.

A pushbroom sensor has a detector for every column: stripes run along the track, down the image. A whiskbroom sensor
scans across the track: stripes are rows. Columns are drawn more often; every band has its own detectors.
"""

from __future__ import annotations

import torch
from torch import Tensor

from llars.degrade.base import Case, Degradation

__all__ = ["DEAD_LINES", "DETECTOR_STRIPES"]

FULL_OFFSET = 0.1
"""Standard deviation of the detectors' offsets at severity 1, in unit values."""

FULL_GAIN = 0.1
"""Standard deviation of the detectors' gains at severity 1."""

DEAD_SHARE = 0.1
"""Share of lines that are dead at severity 1."""

ROWS_SHARE = 0.3
"""Probability that stripes are rows."""

PERIODIC_SHARE = 0.3
"""Probability that the pattern repeats, as where a few detectors scan many lines."""

PERIODS = (4, 33)
"""Fewest detectors that alternate, and one more than the most (Landsat MSS has 6, TM 16, MODIS 10-40)."""


def detector_stripes(case: Case) -> Tensor:
    """An offset and a gain for every detector: u becomes u (1 + g) + o."""
    batch, bands, height, width = case.image.shape
    deviations = case.normal(2, batch, bands, max(height, width))
    deviations = deviations.gather(3, _detectors(case).expand_as(deviations))
    offset, gain = case.severity * _across(deviations, case)
    return case.recorded(case.image * (1.0 + FULL_GAIN * gain) + FULL_OFFSET * offset)


def dead_lines(case: Case) -> Tensor:
    """Whole lines without signal: they read as dark."""
    batch, bands, height, width = case.image.shape
    chance = _across(case.uniform(1, batch, bands, max(height, width)), case)[0]
    low, _ = case.extremes()
    return torch.where(chance < DEAD_SHARE * case.severity, low, case.image)


def _detectors(case: Case) -> Tensor:
    """Index of the detector that saw each line, ``(batch, 1, line)``."""
    batch, _, height, width = case.image.shape
    line = torch.arange(max(height, width), device=case.image.device)
    least, end = PERIODS
    period = case.uniform(batch, 1, 1, low=least, high=end).long()
    periodic = case.uniform(batch, 1, 1) < PERIODIC_SHARE
    return torch.where(periodic, line % period, line)


def _across(lines: Tensor, case: Case) -> Tensor:
    """Expand values of lines, ``(n, batch, band, line)``, over images as columns or as rows: ``(n, *image.shape)``."""
    height, width = case.image.shape[-2:]
    rows = case.uniform(len(case.image), 1, 1, 1) < ROWS_SHARE
    return torch.where(rows, lines[..., :height, None], lines[..., None, :width])


DETECTOR_STRIPES = Degradation(
    "detector_stripes",
    "destripe",
    "detectors with offsets and gains of their own",
    "offsets and gains of standard deviation 0.1 s",
    detector_stripes,
)
DEAD_LINES = Degradation("dead_lines", "destripe", "lines without signal", "0.1 s of the lines", dead_lines)
