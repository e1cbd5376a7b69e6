"""How far the network is off on held-out scenes beside what it says itself, task by task."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from llars.weights.files import write_whole
from llars.weights.helpers import FOLDER

__all__ = ["SHARES", "Calibration", "calibrations_of", "keep_calibrations", "temperatures_of"]

FILE = FOLDER / "temperatures.json"
"""By the first 16 characters of the weights' SHA-256 and by task, the fields of ``Calibration``."""

PREFIX = 16
"""Characters of a weights file's SHA-256 that tell it from others."""

SHARES = tuple(float(share) for share in np.linspace(0.05, 0.95, 19).round(2))
"""Shares of errors for which the half-width of an interval is kept."""

LAPLACE = tuple(float(width) for width in -np.log1p(-np.array(SHARES)) / np.sqrt(2.0))
"""Half-widths, in standard deviations, where errors follow a Laplace distribution."""


@dataclass(frozen=True)
class Calibration:
    """Of one task."""

    temperature: float = 1.0
    """Factor on the predicted scale of the error, and so on its standard deviation."""

    half_widths: tuple[float, ...] = LAPLACE
    """Standard deviations to either side that held each of ``SHARES`` of the errors."""

    def half_width(self, share: float) -> float:
        """Standard deviations to either side that hold ``share`` of the errors, in [0.05, 0.95]."""
        return float(np.interp(share, SHARES, self.half_widths))


def calibrations_of(sha256: str, path: Path = FILE) -> dict[str, Calibration]:
    """By task, for the weights with that checksum.

    Weights and tasks that nobody calibrated have none: ``Calibration()`` is to be taken.
    """
    known = _read(path).get(sha256[:PREFIX], {})
    return {task: Calibration(one["temperature"], tuple(one["half_widths"])) for task, one in known.items()}


def temperatures_of(sha256: str, path: Path = FILE) -> dict[str, float]:
    """Factors on the predicted scale of the error by task; 1 is to be taken where there is none."""
    return {task: one.temperature for task, one in calibrations_of(sha256, path).items()}


def keep_calibrations(sha256: str, calibrations: Mapping[str, Calibration], path: Path = FILE) -> None:
    """Write those of the weights with that checksum in place of those that they had."""
    known = _read(path)
    known[sha256[:PREFIX]] = {task: _plain(one) for task, one in sorted(calibrations.items())}
    write_whole(path, (json.dumps(known, indent=1) + "\n").encode())


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return known


def _plain(one: Calibration) -> dict[str, Any]:
    rounded = Calibration(round(one.temperature, 4), tuple(round(width, 4) for width in one.half_widths))
    return asdict(rounded)
