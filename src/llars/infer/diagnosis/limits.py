"""Detection thresholds of faults: fitted by ``scripts/calibrate.py``, kept in a data file."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FILE", "MEASUREMENTS", "PICTURES", "Limits", "air_terms", "bundled_limits", "keep_limits"]

FILE = Path(__file__).with_name("limits.json")

MEASUREMENTS, PICTURES = "measurements", "pictures"
"""Kinds of images with thresholds of their own: physical values, and display values, often with pixels of a metre.

In the latter, roofs look like clouds, shadows like the absence of haze, and film grain like noise.
"""


@dataclass(frozen=True)
class Limits:
    """Detection thresholds of faults, and the weights that turn features of the air into optical depth."""

    noise: float
    """Standard deviation in unit values."""

    blur: float
    """Root mean square spread in pixels."""

    stripes: float
    """Evidence, see ``Stripes``."""

    dead: float
    """Share of lines."""

    haze: float
    """Estimated optical depth."""

    hidden: float
    """Share of the scene under opaque clouds."""

    roofs: float
    """The same for scenes with pixels so small that bright roofs look like clouds."""

    dark: float
    """98th percentile of the values of a picture below which it is too dark."""

    bright: float
    """2nd percentile above which it is too bright."""

    flat: float
    """Distance of these percentiles below which it lacks contrast."""

    air: tuple[float, ...]
    """Weights of ``air_terms`` whose sum is the optical depth of haze."""

    def depth(self, features: NDArray[np.float64] | None) -> float:
        """Mean optical depth of haze at 550 nm; 0 without features."""
        return 0.0 if features is None else max(float(air_terms(features) @ np.array(self.air)), 0.0)


def air_terms(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Products of all pairs of features; the last feature is 1, so that the features themselves are among them."""
    first, second = np.triu_indices(len(features))
    return np.asarray(features[first] * features[second])


@functools.cache
def bundled_limits() -> Mapping[str, Limits]:
    """The thresholds that ship with llars: for ``MEASUREMENTS`` and for ``PICTURES``."""
    kept: dict[str, dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))
    return {kind: Limits(**{**one, "air": tuple(one["air"])}) for kind, one in kept.items()}


def keep_limits(limits: Mapping[str, Limits], path: Path = FILE) -> None:
    """Write ``limits`` where ``bundled_limits`` finds them."""
    rounded = {kind: {name: _rounded(value) for name, value in asdict(one).items()} for kind, one in limits.items()}
    path.write_text(json.dumps(rounded) + "\n", encoding="utf-8")
    bundled_limits.cache_clear()


def _rounded(value: float | tuple[float, ...]) -> float | list[float]:
    if isinstance(value, tuple):
        return [float(f"{one:.6g}") for one in value]
    return float(f"{value:.4g}")
