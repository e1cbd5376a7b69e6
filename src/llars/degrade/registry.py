"""All degradations, and the shares in which training draws them."""

from __future__ import annotations

import torch

from llars.degrade import (
    atmosphere,
    blur,
    clouds,
    correlated,
    lines,
    noise,
    radar,
    radiometry,
    resampling,
    resolution,
    skewed,
    stripes,
    tone,
    wald,
    windows,
)
from llars.degrade.base import Degradation
from llars.errors import ConfigError
from llars.tasks import TASK_KEYS

__all__ = ["DEGRADATIONS", "get", "in_decibels", "names", "sample_operator"]

DEGRADATIONS: tuple[Degradation, ...] = (
    noise.GAUSSIAN_NOISE,
    noise.UNIFORM_NOISE,
    noise.POISSON_NOISE,
    noise.SPECKLE,
    noise.IMPULSE_NOISE,
    blur.GAUSSIAN_BLUR,
    blur.MOTION_BLUR,
    blur.DEFOCUS_BLUR,
    stripes.DETECTOR_STRIPES,
    stripes.DEAD_LINES,
    atmosphere.HAZE,
    resolution.SR,
    radiometry.BRIGHTNESS,
    clouds.THICK_CLOUD,
    clouds.THIN_CLOUD,
    tone.EQUALIZE,
    tone.CLAHE,
    tone.STRETCH,
    wald.MTF_BLUR,
    windows.BOX_BLUR,
    windows.MEDIAN_BLUR,
    skewed.RAYLEIGH_NOISE,
    skewed.GAMMA_NOISE,
    skewed.RANDOM_IMPULSE_NOISE,
    radar.CORRELATED_SPECKLE,
    correlated.RESAMPLED_NOISE,
    resampling.NEAREST_RESAMPLING,
    resampling.BILINEAR_RESAMPLING,
    resampling.BICUBIC_RESAMPLING,
    resampling.LANCZOS_RESAMPLING,
    lines.UNIFORM_STRIPES,
    lines.UNEVEN_STRIPES,
    lines.ROTATED_STRIPES,
    lines.SLC_OFF,
)
"""Every operator once."""

_MIXTURES: dict[str, tuple[tuple[Degradation, float], ...]] = {
    "denoise": (
        (noise.GAUSSIAN_NOISE, 0.54),
        (noise.SPECKLE, 0.10),
        (noise.POISSON_NOISE, 0.09),
        (correlated.RESAMPLED_NOISE, 0.08),
        (noise.UNIFORM_NOISE, 0.05),
        (noise.IMPULSE_NOISE, 0.04),
        (skewed.RANDOM_IMPULSE_NOISE, 0.03),
        (skewed.RAYLEIGH_NOISE, 0.025),
        (skewed.GAMMA_NOISE, 0.025),
        (radar.CORRELATED_SPECKLE, 0.02),
    ),
    "deblur": (
        (blur.GAUSSIAN_BLUR, 0.56),
        (blur.MOTION_BLUR, 0.17),
        (blur.DEFOCUS_BLUR, 0.15),
        (wald.MTF_BLUR, 0.06),
        (windows.BOX_BLUR, 0.04),
        (windows.MEDIAN_BLUR, 0.02),
    ),
    "destripe": (
        (stripes.DETECTOR_STRIPES, 0.62),
        (stripes.DEAD_LINES, 0.18),
        (lines.UNIFORM_STRIPES, 0.06),
        (lines.UNEVEN_STRIPES, 0.06),
        (lines.ROTATED_STRIPES, 0.05),
        (lines.SLC_OFF, 0.03),
    ),
    "haze": ((atmosphere.HAZE, 1.0),),
    "sr": (
        (resolution.SR, 0.70),
        (resampling.BICUBIC_RESAMPLING, 0.10),
        (resampling.BILINEAR_RESAMPLING, 0.08),
        (resampling.LANCZOS_RESAMPLING, 0.07),
        (resampling.NEAREST_RESAMPLING, 0.05),
    ),
    "brightness": ((radiometry.BRIGHTNESS, 1.0),),
    "cloud": ((clouds.THICK_CLOUD, 0.6), (clouds.THIN_CLOUD, 0.4)),
    # Not CLAHE: one request must have one right answer.
    "equalize": ((tone.EQUALIZE, 1.0),),
    "stretch": ((tone.STRETCH, 1.0),),
}
"""Operators of a task with their shares in training. The first is the default: the task's key names it too."""

_SAME_FAULT = {"cloud_sar": "cloud"}
"""Tasks that repair the fault of another task, with a guide."""


def names() -> tuple[str, ...]:
    """Names of all operators, each once."""
    return tuple(one.name for one in DEGRADATIONS)


def get(name: str) -> Degradation:
    """The operator called ``name``, or the usual one of the task with that key.

    Raises:
        ConfigError: nothing has that name, or it is a task that repairs no fault.
    """
    for one in DEGRADATIONS:
        if one.name == name:
            return one
    task = _SAME_FAULT.get(name, name)
    if task in _MIXTURES:
        return _MIXTURES[task][0][0]
    tasks = ", ".join((*_MIXTURES, *_SAME_FAULT))
    if name in TASK_KEYS:
        raise ConfigError(f"{name} joins several images and mends no fault of one; faults are there for {tasks}")
    raise ConfigError(f"unknown degradation {name!r}; expected an operator ({', '.join(names())}) or a task ({tasks})")


def in_decibels(operator: Degradation, value_range: tuple[float, float]) -> Degradation:
    """``operator`` for radar images in decibels: speckle acts on the linear intensities, all others are unchanged.

    Args:
        operator: any degradation.
        value_range: lo and hi in dB, the unit values 0 and 1.

    Raises:
        ConfigError: hi is not above lo.
    """
    if operator.name == noise.SPECKLE.name:
        return noise.speckle_in_decibels(value_range)
    if operator.name == radar.CORRELATED_SPECKLE.name:
        return radar.correlated_speckle_in_decibels(value_range)
    return operator


def sample_operator(task: str, generator: torch.Generator) -> Degradation:
    """An operator that ``task`` undoes, drawn by its share in training.

    Raises:
        ConfigError: no operator makes the fault that this task undoes.
    """
    if task not in _MIXTURES:
        raise ConfigError(f"no degradation for the task {task!r}; there are some for {', '.join(_MIXTURES)}")
    operators, shares = zip(*_MIXTURES[task], strict=True)
    drawn = torch.multinomial(torch.tensor(shares, device=generator.device), 1, generator=generator)
    chosen: Degradation = operators[int(drawn)]
    return chosen
