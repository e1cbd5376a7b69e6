"""Calibration of the predicted uncertainty on held-out scenes, task by task."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from llars.files import write_whole
from llars.weights.files import FOLDER

__all__ = ["SHARES", "Calibration", "calibrations_of", "keep_calibrations", "temperatures_of"]

FILE = FOLDER / "temperatures.json"
"""Fields of ``Calibration``, by the first 16 characters of the weights' SHA-256 and by task."""

PREFIX = 16
"""Characters of a weights file's SHA-256 that identify it."""

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
    known = _read(path).get(sha256[:PREFIX], {})
    return {task: Calibration(one["temperature"], tuple(one["half_widths"])) for task, one in known.items()}


def temperatures_of(sha256: str, path: Path = FILE) -> dict[str, float]:
    """Factors on the predicted scale of the error by task; use 1 for tasks without an entry."""
    return {task: one.temperature for task, one in calibrations_of(sha256, path).items()}


def keep_calibrations(sha256: str, calibrations: Mapping[str, Calibration], path: Path = FILE) -> None:
    """Store the calibrations of the weights with that checksum, replacing earlier ones."""
    known = _read(path)
    known[sha256[:PREFIX]] = {task: _plain(one) for task, one in sorted(calibrations.items())}
    write_whole(path, json.dumps(known, indent=1) + "\n")


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return known


def _plain(one: Calibration) -> dict[str, Any]:
    rounded = Calibration(round(one.temperature, 4), tuple(round(width, 4) for width in one.half_widths))
    return asdict(rounded)
