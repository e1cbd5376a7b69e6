"""Calibration of the predicted uncertainty on held-out scenes, task by task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from llars.weights.files import FOLDER
from llars.weights.records import keep_record, record_of

__all__ = ["SHARES", "Calibration", "calibrations_of", "keep_calibrations", "temperatures_of"]

FILE = FOLDER / "temperatures.json"
"""Fields of ``Calibration``, by weights and task."""

SHARES = tuple(float(share) for share in np.linspace(0.05, 0.95, 19).round(2))
"""Coverages for which the half-width of the interval is stored."""

LAPLACE = tuple(float(width) for width in -np.log1p(-np.array(SHARES)) / np.sqrt(2.0))
"""Half-widths, in standard deviations, for errors with a Laplace distribution."""


@dataclass(frozen=True)
class Calibration:
    """Calibration of the predicted uncertainty of one task."""

    temperature: float = 1.0
    """Factor on the predicted scale of the error, and so on its standard deviation."""

    half_widths: tuple[float, ...] = LAPLACE
    """Half-widths, in standard deviations, of the intervals that contain each of ``SHARES`` of the errors."""

    def half_width(self, share: float) -> float:
        """Half-width, in standard deviations, of the interval that contains ``share`` (0.05 to 0.95) of the errors."""
        return float(np.interp(share, SHARES, self.half_widths))


def calibrations_of(sha256: str, path: Path = FILE) -> dict[str, Calibration]:
    """Calibrations by task of the weights with that checksum.

    Weights and tasks that were not calibrated have no entry: use ``Calibration()`` for them.
    """
    known = record_of(sha256, path)
    return {task: Calibration(one["temperature"], tuple(one["half_widths"])) for task, one in known.items()}


def temperatures_of(sha256: str, path: Path = FILE) -> dict[str, float]:
    """Factors on the predicted scale of the error by task; use 1 for tasks without an entry."""
    return {task: one.temperature for task, one in calibrations_of(sha256, path).items()}


def keep_calibrations(sha256: str, calibrations: Mapping[str, Calibration], path: Path = FILE) -> None:
    """Store the calibrations of the weights with that checksum, replacing earlier ones."""
    keep_record(sha256, {task: _plain(one) for task, one in calibrations.items()}, path)


def _plain(one: Calibration) -> dict[str, Any]:
    rounded = Calibration(round(one.temperature, 4), tuple(round(width, 4) for width in one.half_widths))
    return asdict(rounded)
