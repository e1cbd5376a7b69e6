"""Fits the limits of the diagnosis on clean scenes of the training split, and measures its errors on unseen scenes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from llars.bench.calibration.cases import FAULTS, Fault, haze_depth, simulate
from llars.bench.cases import Array, Scene
from llars.infer.diagnosis.air import air_features, visible_bands
from llars.infer.diagnosis.findings import Finding, findings, shows_clouds, typical_sigma
from llars.infer.diagnosis.limits import Limits, air_terms
from llars.infer.diagnosis.survey import Survey, survey
from llars.infer.reading.layers import Filled
from llars.infer.reading.picture import DISPLAY, REFLECTANCE
from llars.infer.reading.sampling import sample_pixels
from llars.infer.reading.sources import ImageSource
from llars.initial.deconvolution import SIDE
from llars.tasks import TASK_KEYS

__all__ = ["TASKS", "Clean", "DetectionResult", "evaluate_detection", "fit_limits", "hidden_share", "measure"]

TASKS = ("cloud", "haze", "destripe", "denoise", "deblur", "brightness", "stretch")
"""Tasks that findings can name."""

HAZES = (0.12, 0.25, 0.4, 0.55, 0.75, 0.95)
"""Severities of haze on which the regression of optical depth is fitted; none of them is used to judge it."""

RIDGE = 3e-3
"""Ridge penalty of the regression, relative to the power of the features."""

CLEAN_WEIGHT = 3.0
"""Weight of scenes without haze, which are rarer in the fit than in practice."""

FOLDS = 5

MARGIN = 1.15
"""Factor by which limits exceed what nearly all clean scenes show, as other scenes may be slightly worse."""

QUANTILE = 0.985

MIN_SIGMA, MIN_SPREAD, MIN_SHARE = 0.004, 0.6, 0.01
"""Smallest limits for noise in unit values, blur in pixels, and shares, however good the scenes: less does no harm."""

MIN_CLOUD = 0.02
"""Share of a scene under opaque clouds from which the fault counts as present."""

Say = Callable[[str], object]


@dataclass
class DetectionResult:
    """How often a fault is found, and the errors of its estimated strength."""

    fault: Fault
    found: list[bool] = field(default_factory=list)
    others: list[int] = field(default_factory=list)
    """For each scene the number of other tasks that were named."""

    errors: list[float] = field(default_factory=list)
    """Relative errors of the estimated strength."""


@dataclass(frozen=True)
class Clean:
    """Measurements of a faultless scene, and its haze features at known optical depths."""

    scene: str
    picture: bool
    """Whether its values are display values."""

    survey: Survey
    air: list[tuple[npt.NDArray[np.float64], float]]
    """Haze features, and the mean optical depth of the simulated haze; 0 comes first. Empty without a visible band."""


def measure(scene: Scene, number: int) -> Clean:
    """Measure one scene; ``number`` seeds its hazes."""
    air = []
    for turn, severity in enumerate((0.0, *HAZES)):
        hazy = haze_depth(scene, severity, 1000 * number + turn)
        windows, _ = sample_pixels(Filled.of(ImageSource(hazy.values), scene.bands), SIDE)
        if (features := air_features(windows, scene.bands, scene.clear_air)) is not None:
            air.append((features, hazy.truth if severity else 0.0))
    return Clean(scene.name, _is_picture(scene), _survey(scene, scene.values), air)


def fit_limits(clean: Sequence[Clean]) -> Limits:
    """Limits that nearly none of these scenes exceeds."""
    surveys = [one.survey for one in clean]
    owners = np.array([number for number, one in enumerate(clean) for _ in one.air])
    terms = np.array([air_terms(features) for one in clean for features, _ in one.air])
    depths = np.array([depth for one in clean for _, depth in one.air])
    blurs = [0.0 if one.blur is None or one.blur.kind == "none" else one.blur.spread_px for one in surveys]
    lines = [one.stripes for one in surveys if one.stripes]
    ends = np.array([one.ends for one in surveys])
    shares: dict[bool, list[float]] = {True: [], False: []}
    for one in clean:
        shares[shows_clouds(one.survey.gsd_m, one.picture)].append(one.survey.hidden)
    return Limits(
        noise=max(_upper_limit([typical_sigma(one) for one in surveys]), MIN_SIGMA),
        blur=max(_upper_limit(blurs), MIN_SPREAD),
        stripes=_upper_limit([one.evidence for one in lines]),
        dead=max(_upper_limit([one.dead for one in lines]), MIN_SHARE),
        haze=_upper_limit(_held_out(terms, depths, owners)),
        hidden=max(_upper_limit([0.0, *shares[True]]), MIN_SHARE),
        roofs=max(_upper_limit([0.0, *shares[False]]), MIN_SHARE),
        dark=float(np.quantile(ends[:, 2], 1 - QUANTILE)) / MARGIN,
        bright=float(np.quantile(ends[:, 0], QUANTILE)) * MARGIN,
        flat=float(np.quantile(ends[:, 2] - ends[:, 0], 1 - QUANTILE)) / MARGIN,
        air=tuple(_ridge(terms, depths).tolist()),
    )


def evaluate_detection(
    scenes: Sequence[Scene], limits: Mapping[str, Limits], say: Say = str
) -> tuple[dict[str, list[bool]], list[DetectionResult]]:
    """False alarms by task on faultless scenes, and the detection of faults simulated in them.

    Args:
        scenes: scenes on which nothing was fitted.
        limits: limits of the diagnosis, see ``bundled_limits``.
        say: called with the name of each scene that is done.
    """
    alarms: dict[str, list[bool]] = {task: [] for task in TASKS}
    judged, started_scenes = {fault.name: DetectionResult(fault) for fault in FAULTS}, set[str]()
    for scene in scenes:
        named_tasks = {one.task for one in _findings(scene, scene.values, limits)}
        for task, flags in alarms.items():
            flags.append(task in named_tasks)
        # Further parts of a scene look like the first, so only false alarms are counted on them.
        for fault in FAULTS if scene.name.split()[0] not in started_scenes else ():
            simulated = simulate(scene, fault)
            if _is_detectable(fault, scene, simulated.truth):
                _count(judged[fault.name], _findings(scene, simulated.values, limits), simulated.truth)
        started_scenes.add(scene.name.split()[0])
        say(scene.name)
    return alarms, list(judged.values())


def _is_detectable(fault: Fault, scene: Scene, truth: float) -> bool:
    """Whether the fault can be found: simulated clouds may miss a scene, and haze is measured in visible bands."""
    if fault.task == "cloud":
        return truth >= MIN_CLOUD
    return fault.task != "haze" or bool(visible_bands(scene.bands))


def _count(judged: DetectionResult, found: list[Finding], truth: float) -> None:
    own_findings = [one for one in found if one.task == judged.fault.task]
    judged.found.append(bool(own_findings))
    judged.others.append(len({one.task for one in found} - {judged.fault.task}))
    if own_findings and judged.fault.measure in own_findings[0].measures and truth > 0:
        judged.errors.append(abs(own_findings[0].measures[judged.fault.measure] / truth - 1.0))


def hidden_share(scene: Scene, limits: Mapping[str, Limits] | None = None) -> float:
    """The share of a scene that clouds hide by the diagnosis; 0 if it names none."""
    shares = (one.measures["hidden_share"] for one in _findings(scene, scene.values, limits) if one.task == "cloud")
    return float(next(shares, 0.0))


def _findings(scene: Scene, values: Array, limits: Mapping[str, Limits] | None) -> list[Finding]:
    units = DISPLAY if _is_picture(scene) else REFLECTANCE
    return findings(_survey(scene, values), TASK_KEYS, units, limits=limits)


def _is_picture(scene: Scene) -> bool:
    """Whether its values are display values."""
    return scene.data_set.startswith(("rgb", "naip"))


def _survey(scene: Scene, values: Array) -> Survey:
    masked = np.where(scene.valid, values, np.float32(np.nan))
    ranges, reflectance = (scene.value_range,) * len(scene.bands), scene.units.startswith(REFLECTANCE)
    return survey(Filled.of(ImageSource(masked), scene.bands), ranges, reflectance, scene.clear_air)


def _upper_limit(measures: Sequence[float] | npt.NDArray[np.float64]) -> float:
    return float(np.quantile(measures, QUANTILE)) * MARGIN


def _ridge(terms: npt.NDArray[np.float64], truth: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    weight = np.where(truth > 0, 1.0, CLEAN_WEIGHT)
    power = terms.T @ (weight[:, None] * terms)
    ridge = RIDGE * np.diag(np.diag(power)) + 1e-9 * np.eye(len(power))
    return np.asarray(np.linalg.solve(power + ridge, terms.T @ (weight * truth)))


def _held_out(
    terms: npt.NDArray[np.float64], truth: npt.NDArray[np.float64], owners: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Optical depths predicted for scenes without haze, cross-validated: each fit leaves out the scene itself."""
    predictions = []
    for fold in range(FOLDS):
        held_out_rows = owners % FOLDS == fold
        if held_out_rows.any() and not held_out_rows.all():
            predictions.append(
                np.maximum(
                    terms[held_out_rows & (truth == 0)] @ _ridge(terms[~held_out_rows], truth[~held_out_rows]), 0.0
                )
            )
    return np.concatenate(predictions)
