"""All degradations, and the draw that training makes among them."""

from __future__ import annotations

import torch

from llars.degrade import atmosphere, blur, noise, radiometry, resolution, stripes
from llars.degrade.base import Degradation
from llars.errors import ConfigError

__all__ = ["DEGRADATIONS", "get", "names", "sample_operator"]

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
)
"""Every operator once."""

_MIXTURES: dict[str, tuple[tuple[Degradation, float], ...]] = {
    "denoise": (
        (noise.GAUSSIAN_NOISE, 0.60),
        (noise.POISSON_NOISE, 0.12),
        (noise.SPECKLE, 0.12),
        (noise.UNIFORM_NOISE, 0.08),
        (noise.IMPULSE_NOISE, 0.08),
    ),
    "deblur": ((blur.GAUSSIAN_BLUR, 0.60), (blur.MOTION_BLUR, 0.20), (blur.DEFOCUS_BLUR, 0.20)),
    "destripe": ((stripes.DETECTOR_STRIPES, 0.75), (stripes.DEAD_LINES, 0.25)),
    "haze": ((atmosphere.HAZE, 1.0),),
    "sr": ((resolution.SR, 1.0),),
    "brightness": ((radiometry.BRIGHTNESS, 1.0),),
}
"""Operators of a task with their shares in training. The first is the task's own: its key names it too."""


def names() -> tuple[str, ...]:
    """Names of all operators, each once."""
    return tuple(one.name for one in DEGRADATIONS)


def get(name: str) -> Degradation:
    """The operator called ``name``, or the usual one of the task with that key.

    Raises:
        ConfigError: nothing has that name.
    """
    for one in DEGRADATIONS:
        if one.name == name:
            return one
    if name in _MIXTURES:
        return _MIXTURES[name][0][0]
    raise ConfigError(
        f"unknown degradation {name!r}; the degradations are {', '.join(names())}; tasks that name one: "
        f"{', '.join(_MIXTURES)}"
    )


def sample_operator(task: str, generator: torch.Generator) -> Degradation:
    """An operator that ``task`` undoes, drawn as often as training should see it.

    Raises:
        ConfigError: no operator makes what that task undoes.
    """
    if task not in _MIXTURES:
        raise ConfigError(f"no degradation for the task {task!r}; there are some for {', '.join(_MIXTURES)}")
    operators, shares = zip(*_MIXTURES[task], strict=True)
    drawn = torch.multinomial(torch.tensor(shares, device=generator.device), 1, generator=generator)
    chosen: Degradation = operators[int(drawn)]
    return chosen
