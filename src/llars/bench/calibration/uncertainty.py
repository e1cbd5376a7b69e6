"""Predicted against actual errors: a calibration for each task, and its quality on scenes it was not fitted on."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from llars.bench.cases import Case, Scene, degrade_scene
from llars.bench.ours import guides_of, image_of
from llars.bench.protocols import Trial
from llars.infer.restorer import Restorer
from llars.tasks import Step
from llars.weights.temperatures import SHARES, Calibration, temperatures_of

__all__ = [
    "LEVELS",
    "TRIALS",
    "Errors",
    "UncertaintyCalibration",
    "calibrated",
    "collect",
    "coverage",
    "expected_error",
    "fitted",
    "suits",
    "tasks_of",
]

LEVELS = np.array(SHARES)
"""Nominal coverages of the intervals."""

PIXELS = 20_000
"""Errors sampled from each image, whatever its size."""

FACTORS = np.geomspace(0.05, 30.0, 501)
"""Temperatures that are tried."""

MIN_SCALE = 1e-7
"""Smallest scale of the error, in unit values, that is divided by."""

SEED = 88

Ratios = npt.NDArray[np.float64]
"""Absolute errors divided by the predicted scale of a Laplace distribution, sorted."""

TRIALS = (
    Trial("noise 0.02", "denoise", "reduce the noise", 0.2, "gaussian_noise"),
    Trial("noise 0.05", "denoise", "reduce the noise", 0.5, "gaussian_noise"),
    Trial("noise 0.1", "denoise", "reduce the noise", 1.0, "gaussian_noise"),
    Trial("noise, resampled", "denoise", "reduce the noise", 0.5, "resampled_noise"),
    Trial("blur 0.6", "deblur", "sharpen the blurred image", 0.3, "gaussian_blur"),
    Trial("blur 1", "deblur", "sharpen the blurred image", 0.5, "gaussian_blur"),
    Trial("blur 1.6", "deblur", "sharpen the blurred image", 0.8, "gaussian_blur"),
    Trial("defocus", "deblur", "sharpen the blurred image", 0.5, "defocus_blur"),
    Trial("stripes, weak", "destripe", "remove the stripes", 0.2, "detector_stripes"),
    Trial("stripes", "destripe", "remove the stripes", 0.5, "detector_stripes"),
    Trial("haze, weak", "haze", "remove the haze", 0.3, "haze"),
    Trial("haze", "haze", "remove the haze", 0.5, "haze"),
    Trial("haze, strong", "haze", "remove the haze", 0.8, "haze"),
    Trial("few clouds", "cloud", "remove the clouds", 0.15, "thick_cloud"),
    Trial("clouds", "cloud", "remove the clouds", 0.3, "thick_cloud"),
    Trial("many clouds", "cloud", "remove the clouds", 0.5, "thick_cloud"),
    Trial("thin clouds", "cloud", "remove the clouds", 0.5, "thin_cloud"),
    Trial("sr x2", "sr", "double the resolution", 1 / 3, scale=2),
    Trial("sr x4", "sr", "quadruple the resolution", 1.0, scale=4),
    Trial("pansharpen x2", "pansharpen", "sharpen with the panchromatic band", 1 / 3, scale=2),
    Trial("pansharpen x4", "pansharpen", "sharpen with the panchromatic band", 1.0, scale=4),
)
"""The trials, whose errors are pooled by task. Several strengths, as calibration may differ between them."""


@dataclass(frozen=True)
class Errors:
    """Errors of one image."""

    data_set: str
    """Sensor and place; images of one data set are alike, and together count as one in the fit."""

    ratios: Ratios


@dataclass(frozen=True)
class UncertaintyCalibration:
    """Calibration of one task, and its quality on scenes that nothing was fitted on."""

    task: str
    calibration: Calibration
    before: float
    """Expected calibration error without calibration; each data set has equal weight, as in the fit."""

    scaled: float
    """The same with the temperature alone."""

    after: float
    """The same with temperature and half-widths."""

    by_image: float
    """The same as ``after``, but with equal weight for each image, whatever its data set."""

    single: float
    """The same as ``after`` for each image by itself, averaged over the images."""

    chance: float
    """Standard error of the coverage due to differences between places, mean over ``LEVELS``; NaN for a single place.

    With few places, even correct intervals have an expected calibration error of this size.
    """

    curve: tuple[float, ...]
    """Actual coverage of the calibrated interval for each of ``LEVELS``."""

    images: int
    """Number of images that it was measured on."""


def collect(
    restorer: Restorer, scenes: Iterable[Scene], progress: Callable[[str], object] = str
) -> dict[str, list[Errors]]:
    """Errors divided by the scales that the network predicts without calibration: image by image, by task.

    Args:
        restorer: restorer with the weights to calibrate.
        scenes: faultless scenes.
        progress: called with the name of each scene that is done.
    """
    found: dict[str, list[Errors]] = {}
    for scene in scenes:
        for trial in TRIALS:
            if trial.task in restorer.tasks and suits(trial, scene):
                ratios = _ratios(restorer, degrade_scene(scene, trial, SEED))
                found.setdefault(trial.task, []).append(Errors(scene.data_set, ratios))
        progress(scene.name)
    return found


def suits(trial: Trial, scene: Scene) -> bool:
    """Whether the scene can be the truth of a trial: sharp where detail is asked for, with bands to make a PAN of."""
    if trial.task == "pansharpen" and len(scene.bands) < 3:
        return False
    return scene.sharp or trial.task not in ("sr", "deblur", "pansharpen")


def coverage(images: Sequence[Errors], calibration: Calibration, by_image: bool = False) -> npt.NDArray[np.float64]:
    """Actual coverage of the intervals with the nominal coverages ``LEVELS``.

    Args:
        images: errors; each data set has equal weight, and within it each image.
        calibration: calibration that gives the intervals.
        by_image: give each image equal weight instead.
    """
    # Half-widths are in standard deviations, ratios in scales of a Laplace distribution.
    half_widths = np.array(calibration.half_widths) * math.sqrt(2.0) * calibration.temperature
    shares = [np.searchsorted(one.ratios, half_widths, side="right") / max(one.ratios.size, 1) for one in images]
    return np.asarray(np.average(shares, axis=0, weights=None if by_image else _image_weights(images)))


def expected_error(images: Sequence[Errors], calibration: Calibration, by_image: bool = False) -> float:
    """Mean absolute difference between actual and nominal coverage: the expected calibration error of intervals."""
    return float(np.abs(coverage(images, calibration, by_image) - LEVELS).mean())


def fitted(images: Sequence[Errors]) -> Calibration:
    """Temperature and half-widths from the errors of all images, with equal weight for each data set.

    The temperature minimises the expected calibration error. The half-widths correct the remaining difference in shape:
    mixtures, such as the errors of clear ground and of filled-in ground, do not follow a Laplace distribution.
    """
    pooled, weight = _pooled(images)
    errors = [_shares(pooled, weight, factor) for factor in FACTORS]
    temperature = float(FACTORS[int(np.argmin(errors))])
    widths = np.interp(LEVELS, weight, pooled) / (math.sqrt(2.0) * temperature)
    return Calibration(temperature, tuple(widths.tolist()))


def calibrated(fit: Mapping[str, list[Errors]], held_out: Mapping[str, list[Errors]]) -> list[UncertaintyCalibration]:
    """The calibration of every task, fitted on one set of images and judged on another."""
    results = []
    for task in fit.keys() & held_out.keys():
        calibration, images = fitted(fit[task]), held_out[task]
        result = UncertaintyCalibration(
            task,
            calibration,
            before=expected_error(images, Calibration()),
            scaled=expected_error(images, Calibration(calibration.temperature)),
            after=expected_error(images, calibration),
            by_image=expected_error(images, calibration, by_image=True),
            single=float(np.mean([expected_error([one], calibration) for one in images])),
            chance=_chance(images, calibration),
            curve=tuple(coverage(images, calibration).tolist()),
            images=len(images),
        )
        results.append(result)
    return sorted(results, key=lambda one: [trial.task for trial in TRIALS].index(one.task))


def _chance(images: Sequence[Errors], calibration: Calibration) -> float:
    """See ``UncertaintyCalibration.chance``."""
    places = sorted({one.data_set for one in images})
    if len(places) < 2:
        return math.nan
    shares = [coverage([one for one in images if one.data_set == place], calibration) for place in places]
    return float(np.std(shares, axis=0, ddof=1).mean() / math.sqrt(len(places)))


def _image_weights(images: Sequence[Errors]) -> npt.NDArray[np.float64]:
    """Weight of each image, so that all data sets have equal weight."""
    counts = Counter(one.data_set for one in images)
    return np.array([1 / counts[one.data_set] for one in images])


def _pooled(images: Sequence[Errors]) -> tuple[Ratios, npt.NDArray[np.float64]]:
    """All errors, sorted, and their weighted cumulative distribution."""
    weighted_images = zip(_image_weights(images), images, strict=True)
    weights = np.concatenate(
        [np.full(one.ratios.size, image_weight / one.ratios.size) for image_weight, one in weighted_images]
    )
    ratios = np.concatenate([one.ratios for one in images])
    order = np.argsort(ratios)
    below = np.cumsum(weights[order])
    return ratios[order], below / below[-1]


def _shares(pooled: Ratios, weight: npt.NDArray[np.float64], temperature: float) -> float:
    """Expected calibration error with a temperature alone."""
    counts = np.searchsorted(pooled, -np.log1p(-LEVELS) * temperature, side="right")
    return float(np.abs(np.append(0.0, weight)[counts] - LEVELS).mean())


def _ratios(restorer: Restorer, case: Case) -> Ratios:
    """Ratios of one image, to the scales that the network predicts without calibration."""
    low, high = case.scene.value_range
    image, guides = image_of(case), guides_of(case)
    trial = case.trial
    step = Step(trial.task, trial.severity, trial.instruction, trial.scale if trial.task == "sr" else 1)
    restored, deviation = restorer(image, [step], guides=guides or None, uncertainty=True)
    error = np.abs((np.asarray(restored, np.float64) - low) / (high - low) - case.truth)
    applied = temperatures_of(restorer.info.sha256).get(trial.task, 1.0)
    scale = np.asarray(deviation, np.float64) / ((high - low) * math.sqrt(2.0) * applied)
    finite = np.isfinite(error) & np.isfinite(scale)
    return _thinned(error[finite] / np.maximum(scale[finite], MIN_SCALE))


def _thinned(ratios: Ratios) -> Ratios:
    """A random sample of ``PIXELS`` ratios with replacement, sorted."""
    generator = np.random.default_rng(SEED)
    return np.sort(ratios[generator.integers(0, ratios.size, PIXELS)]) if ratios.size else ratios


def tasks_of(results: Sequence[UncertaintyCalibration]) -> dict[str, Calibration]:
    """Calibrations by task; ``cloud_sar`` shares that of ``cloud``, as clouds are removed in the same way."""
    found = {one.task: one.calibration for one in results}
    return {**found, **({"cloud_sar": found["cloud"]} if "cloud" in found else {})}
