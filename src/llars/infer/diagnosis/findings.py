"""Findings: the faults of an image, how strong in physical units, where, and the instruction that corrects them."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from llars.degrade.noise import FULL_SIGMA, IMPULSE_SHARE
from llars.degrade.stripes import DEAD_SHARE, FULL_OFFSET
from llars.infer.diagnosis.blur import FULL_PX
from llars.infer.diagnosis.limits import MEASUREMENTS, PICTURES, Limits, bundled_limits
from llars.infer.diagnosis.survey import Survey, survey
from llars.infer.reading.picture import DISPLAY
from llars.tasks import Step, words_for

if TYPE_CHECKING:
    from llars.infer.reading.picture import Picture

__all__ = ["Diagnosis", "Finding", "corrective_steps", "diagnosed", "findings", "shows_clouds", "typical_sigma"]

MEAN_DEPTH = 1.15
"""Mean optical depth of haze, even or uneven, that severity 1 stands for in training."""

MIN_AMPLITUDE = 0.0015
"""Amplitude of stripes in unit values below which a correction is not worth its own error."""

MAX_LOOKS = 10.0
"""Looks below which radar counts as speckled: products of one date have 1 to 5, means of many dates more."""

MIN_CONFIDENCE = 0.9
"""Least probability of a kind of blur where noise hides the high frequencies that reveal it."""

SMALLEST_CLOUD_GSD_M = 2.0
"""Pixel size in metres below which roofs and paving look like clouds."""

ALONG_DEGREES = 3.0
"""Angle between a path and a line below which they are taken for parallel."""

TYPICAL_MEDIAN = 0.45
"""Median of a well exposed picture, in unit values."""


@dataclass(frozen=True)
class Finding:
    """One fault of an image."""

    task: str
    """Key of the task that mends it."""

    severity: float
    """Strength in [0, 1] ([-1, 1] for ``brightness``, negative to darken), on the scale of training."""

    prompt: str
    """The instruction to give to ``restore``."""

    fault: str = ""
    """What it is: ``noise``, ``defocus``, ``dead lines``, ..."""

    strength: str = ""
    """How strong, in physical units: ``standard deviation 0.012 reflectance``."""

    where: str = "all over"
    """Which part of the scene."""

    applied: bool = True
    """``restore`` without an instruction corrects it; false where that is a matter of taste or of doubt."""

    measures: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """The numbers behind the words, by name; names include units."""


@dataclass(frozen=True)
class Diagnosis:
    """What was measured of a scene, and what that means."""

    survey: Survey
    findings: tuple[Finding, ...]
    """Faults, in the order in which they are mended."""


def diagnosed(picture: Picture, tasks: Collection[str]) -> Diagnosis:
    """Measure a scene, and report its faults.

    Args:
        picture: the scene.
        tasks: keys of the tasks that the weights can do.
    """
    measured = survey(picture.layers, picture.ranges, picture.reflectances is not None, picture.clear_air)
    width = float(np.median([high - low for low, high in picture.ranges]))
    return Diagnosis(measured, tuple(findings(measured, tasks, picture.units, width)))


def findings(
    measured: Survey,
    tasks: Collection[str],
    units: str = DISPLAY,
    width: float = 1.0,
    limits: Mapping[str, Limits] | None = None,
) -> list[Finding]:
    """The faults that exceed what clean scenes show, in the order in which they are mended.

    Args:
        measured: the measurements of the scene.
        tasks: keys of the tasks that the weights can do.
        units: of the scene's physical values.
        width: width of the physical range that unit values 0 to 1 stand for.
        limits: detection thresholds, by kind of image; the bundled ones by default.
    """
    thresholds = (limits or bundled_limits())[PICTURES if units.startswith(DISPLAY) else MEASUREMENTS]
    unit = "" if units in ("", "unknown") or units.startswith(DISPLAY) else f" {units}"
    groups = (
        _clouds(measured, thresholds, shows_clouds(measured.gsd_m, units.startswith(DISPLAY))),
        _haze(measured, thresholds),
        _stripes(measured, thresholds, unit, width),
        _noise(measured, thresholds, unit, width),
        _blur(measured, thresholds),
        _exposure(measured, thresholds) if units.startswith(DISPLAY) else iter(()),
    )
    return [finding for group in groups for finding in group if finding.task in tasks]


def corrective_steps(faults: Collection[Finding]) -> list[Step]:
    """The steps that mend the faults, except for matters of taste; at most one step per task."""
    steps: dict[str, Step] = {}
    for finding in faults:
        if finding.applied and finding.task not in steps:
            steps[finding.task] = Step(finding.task, finding.severity, finding.prompt)
    return list(steps.values())


def _finding(
    task: str, severity: float, fault: str, strength: str, measures: Mapping[str, Any], where: str = "all over"
) -> Finding:
    bounded = max(-1.0, min(severity, 1.0))
    return Finding(task, bounded, words_for(task, bounded), fault, strength, where, True, measures)


def _part(measure: float, width: float) -> str:
    """A measure as a fraction of the range, for messages; empty where the range is 1 wide."""
    return "" if width == 1.0 else f" ({measure:.4f} of the range)"


def shows_clouds(gsd_m: float | None, picture: bool) -> bool:
    """Whether what looks like clouds is clouds: small pixels, and pictures of unknown scale, may show single roofs."""
    return not picture if gsd_m is None else gsd_m >= SMALLEST_CLOUD_GSD_M


def _clouds(measured: Survey, limits: Limits, certain: bool) -> Iterator[Finding]:
    hidden, touched = measured.hidden, measured.touched
    if hidden > (limits.hidden if certain else limits.roofs):
        strength = f"{100 * hidden:.0f} % of the scene hidden" if hidden >= 0.01 else "less than 1 % hidden"
        where = f"{100 * touched:.0f} % of the scene changed by clouds and shadows"
        measures = {"hidden_share": hidden, "touched_share": touched}
        fault = "clouds" if certain else "clouds or bright roofs"
        yield replace(_finding("cloud", hidden, fault, strength, measures, where), applied=certain)


def _haze(measured: Survey, limits: Limits) -> Iterator[Finding]:
    depth = limits.depth(measured.air)
    if depth > limits.haze:
        lost = -math.expm1(-depth)
        strength = f"optical depth {depth:.2f}: {100 * lost:.0f} % of the ground's light lost"
        yield _finding("haze", depth / MEAN_DEPTH, "haze", strength, {"optical_depth": depth, "lost_share": lost})


def _stripes(measured: Survey, limits: Limits, unit: str, width: float) -> Iterator[Finding]:
    stripes = measured.stripes
    if stripes is None:
        return
    where = "rows" if stripes.rows else "columns"
    if _is_striped(measured, limits):
        amplitude = stripes.amplitude
        strength = f"amplitude {amplitude * width:.3g}{unit}{_part(amplitude, width)}"
        severity = amplitude / FULL_OFFSET
        measures = {"amplitude_unit": amplitude, "dead_share": stripes.dead}
        yield _finding("destripe", severity, "stripes", strength, measures, where)
    elif stripes.dead > limits.dead:
        strength = f"{100 * stripes.dead:.1f} % of the lines of a band"
        share = stripes.dead
        yield _finding("destripe", share / DEAD_SHARE, "dead lines", strength, {"dead_share": share}, where)


def _is_striped(measured: Survey, limits: Limits) -> bool:
    stripes = measured.stripes
    return stripes is not None and stripes.evidence > limits.stripes and stripes.amplitude > MIN_AMPLITUDE


def _noise(measured: Survey, limits: Limits, unit: str, width: float) -> Iterator[Finding]:
    if measured.looks is not None and measured.looks < MAX_LOOKS:
        looks = max(measured.looks, 1.0)
        speckle = _finding("denoise", looks**-0.5, "speckle", f"{looks:.1f} looks", {"looks": looks}, "radar bands")
        yield replace(speckle, prompt=speckle.prompt.replace("noise", "speckle"))
        return
    if measured.impulses > 0:
        strength = f"{100 * measured.impulses:.1f} % of the samples"
        share = {"impulse_share": measured.impulses}
        yield _finding("denoise", measured.impulses / IMPULSE_SHARE, "defective pixels", strength, share)
    sigma = typical_sigma(measured)
    if sigma > limits.noise:
        strength = f"standard deviation {sigma * width:.3g}{unit}{_part(sigma, width)}"
        bands = measured.sigma.round(5).tolist()
        measures = {"sigma_unit": sigma, "sigma_unit_of_bands": bands}
        yield _finding("denoise", sigma / FULL_SIGMA, "noise", strength, measures)


def typical_sigma(measured: Survey) -> float:
    """Noise in unit values, median over the bands in which it was measured."""
    measured_sigma = measured.sigma[measured.sigma > 0]
    return float(np.median(measured_sigma)) if measured_sigma.size else 0.0


def _blur(measured: Survey, limits: Limits) -> Iterator[Finding]:
    blur = measured.blur
    if blur is None or blur.kind == "none" or blur.spread_px <= limits.blur:
        return
    if typical_sigma(measured) > limits.noise and blur.confidence < MIN_CONFIDENCE:
        return
    if blur.kind == "motion" and _is_striped(measured, limits) and _runs_along_stripes(measured, blur.direction):
        return
    sizes = {"gaussian": "standard deviation", "defocus": "radius", "motion": "path"}
    strength = f"{sizes[blur.kind]} {blur.size_px:.1f} px"
    if blur.kind == "motion":
        strength += f", {blur.direction:.0f} degrees from the rows"
    names = {"gaussian": "soft focus", "defocus": "out of focus", "motion": "motion blur"}
    severity = blur.size_px / FULL_PX[blur.kind]
    measures = {"kind": blur.kind, "size_px": blur.size_px, "spread_px": blur.spread_px, "sure": blur.confidence}
    yield _finding("deblur", severity, names[blur.kind], strength, measures)


def _runs_along_stripes(measured: Survey, direction: float) -> bool:
    """Whether a path, in degrees from the rows, runs along the stripes: they lack detail in that direction too."""
    along = 0.0 if measured.stripes is not None and measured.stripes.rows else 90.0
    return abs((direction - along + 90.0) % 180.0 - 90.0) < ALONG_DEGREES


def _exposure(measured: Survey, limits: Limits) -> Iterator[Finding]:
    low, middle, high = measured.ends
    details: dict[str, Any] = {"where": "all over", "applied": False}
    details["measures"] = {"percentile_2": low, "percentile_50": middle, "percentile_98": high}
    stops = max(-1.0, min(math.log2(TYPICAL_MEDIAN / max(middle, 1e-3)), 1.0))
    # The values of a flat picture may all exceed a limit although its median is well exposed.
    dark, bright = high < limits.dark and stops > 0, low > limits.bright and stops < 0
    if dark or bright:
        fault = "too dark" if dark else "too bright"
        strength = f"median {middle:.2f} of the range"
        yield Finding("brightness", stops, words_for("brightness", stops), fault, strength, **details)
    elif 0.0 < high - low < limits.flat:  # A constant has no contrast that a stretch could raise.
        strength = f"96 % of the values within {high - low:.2f} of the range"
        yield Finding("stretch", 1.0, words_for("stretch", 0.5), "low contrast", strength, **details)
