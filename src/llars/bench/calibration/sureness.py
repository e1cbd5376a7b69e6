"""Predicted errors against those made: a temperature for each task, and how well it holds where it was not fitted."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from llars.bands import Band
from llars.bench.cases import Array, Case, Scene, degrade_scene
from llars.bench.protocols import Trial
from llars.infer.restorer import Restorer
from llars.tasks import Step
from llars.weights.temperatures import temperatures_of

__all__ = ["LEVELS", "TRIALS", "Sureness", "calibrated", "collect", "coverage", "expected_error", "fitted", "tasks_of"]

LEVELS = np.linspace(0.05, 0.95, 19)
"""Nominal shares of errors inside the interval."""

PIXELS = 20_000
"""Errors that one image counts with, whatever its size."""

FACTORS = np.geomspace(0.05, 30.0, 501)
"""Temperatures that are tried."""

LEAST_SCALE = 1e-7
"""Scale of the error in unit values below which it is taken for this."""

SEED = 88

Ratios = npt.NDArray[np.float64]
"""Absolute errors over the predicted scale of a Laplace distribution, sorted."""

TRIALS = (
    Trial("noise 0.02", "denoise", "reduce the noise", 0.2, "gaussian_noise"),
    Trial("noise 0.05", "denoise", "reduce the noise", 0.5, "gaussian_noise"),
    Trial("blur 1", "deblur", "sharpen the blurred image", 0.5, "gaussian_blur"),
    Trial("stripes", "destripe", "remove the stripes", 0.5, "detector_stripes"),
    Trial("haze", "haze", "remove the haze", 0.5, "haze"),
    Trial("clouds", "cloud", "remove the clouds", 0.3, "thick_cloud"),
    Trial("sr x2", "sr", "double the resolution", 1 / 3, scale=2),
    Trial("pansharpen x2", "pansharpen", "sharpen with the panchromatic band", 1 / 3, scale=2),
)
"""What is restored; all that is pooled which one task does."""


@dataclass(frozen=True)
class Sureness:
    """How well the predicted errors of one task hold on scenes that nothing was fitted on."""

    task: str
    temperature: float
    before: float
    """Expected calibration error without the temperature."""

    after: float
    """And with it."""

    curve: tuple[float, ...]
    """Share of the truths inside the interval, for each of ``LEVELS``, with the temperature."""

    images: int
    """That it was measured on."""


def collect(
    restorer: Restorer, scenes: Iterable[Scene], tell: Callable[[str], object] = str
) -> dict[str, list[Ratios]]:
    """Errors over their predicted scales, as the network gives these, image by image, by task.

    Args:
        restorer: of the weights.
        scenes: with which nothing is wrong.
        tell: is told how it goes on.
    """
    found: dict[str, list[Ratios]] = {}
    for scene in scenes:
        for trial in TRIALS:
            if trial.task not in restorer.tasks or (trial.task in ("sr", "deblur", "pansharpen") and not scene.sharp):
                continue
            if trial.task == "pansharpen" and len(scene.bands) < 3:
                continue
            found.setdefault(trial.task, []).append(_ratios(restorer, degrade_scene(scene, trial, SEED)))
        tell(scene.name)
    return found


def coverage(ratios: Ratios, temperature: float) -> npt.NDArray[np.float64]:
    """Share of the errors inside the interval that a Laplace distribution gives each of ``LEVELS``.

    Args:
        ratios: see ``Ratios``.
        temperature: factor on the predicted scale.
    """
    ends = -np.log1p(-LEVELS) * temperature
    return np.asarray(np.searchsorted(ratios, ends, side="right") / max(ratios.size, 1))


def expected_error(ratios: Ratios, temperature: float) -> float:
    """Mean distance between shares and ``LEVELS``: the expected calibration error of intervals."""
    return float(np.abs(coverage(ratios, temperature) - LEVELS).mean())


def fitted(images: Sequence[Ratios]) -> float:
    """The temperature: of each image that of least expected calibration error, and of these the median.

    An image in which the network goes astray as a whole then does not widen what is said of all others.
    """
    best = [int(np.argmin([expected_error(ratios, factor) for factor in FACTORS])) for ratios in images]
    return float(np.median(FACTORS[best]))


def calibrated(fit: Mapping[str, list[Ratios]], held_out: Mapping[str, list[Ratios]]) -> list[Sureness]:
    """The temperature of every task from one set of images, judged on all errors of another."""
    told = []
    for task in fit.keys() & held_out.keys():
        temperature, seen, images = fitted(fit[task]), np.sort(np.concatenate(held_out[task])), len(held_out[task])
        curve = tuple(coverage(seen, temperature).tolist())
        told.append(
            Sureness(task, temperature, expected_error(seen, 1.0), expected_error(seen, temperature), curve, images)
        )
    return sorted(told, key=lambda one: [trial.task for trial in TRIALS].index(one.task))


def _ratios(restorer: Restorer, case: Case) -> Ratios:
    """Of one image, for the network's own scales."""
    low, high = case.scene.value_range
    image = _image(case.degraded, case.bands, (low, high))
    guides = {role: _image(one.values, one.bands, one.value_range) for role, one in case.guides.items()}
    trial = case.trial
    step = Step(trial.task, trial.severity, trial.instruction, trial.scale if trial.task == "sr" else 1)
    restored, deviation = restorer(image, [step], guides=guides or None, uncertainty=True)
    error = np.abs((np.asarray(restored, np.float64) - low) / (high - low) - case.truth)
    applied = temperatures_of(restorer.info.sha256).get(trial.task, 1.0)
    scale = np.asarray(deviation, np.float64) / ((high - low) * math.sqrt(2.0) * applied)
    held = np.isfinite(error) & np.isfinite(scale)
    return _thinned(error[held] / np.maximum(scale[held], LEAST_SCALE))


def _image(values: Array, bands: Sequence[Band], value_range: tuple[float, float]) -> xr.DataArray:
    """Physical values as the restorer takes them."""
    low, high = value_range
    physical = values * np.float32(high - low) + np.float32(low)
    return xr.DataArray(physical, dims=("band", "y", "x"), attrs={"bands": bands, "value_range": value_range})


def _thinned(ratios: Ratios) -> Ratios:
    """As many as an image counts with."""
    generator = np.random.default_rng(SEED)
    return np.sort(ratios[generator.integers(0, ratios.size, PIXELS)]) if ratios.size else ratios


def tasks_of(told: Sequence[Sureness]) -> dict[str, float]:
    """Temperatures by task. With radar clouds are removed by the same means as without."""
    factors = {one.task: one.temperature for one in told}
    return {**factors, **({"cloud_sar": factors["cloud"]} if "cloud" in factors else {})}
