"""The bundled estimators, each loaded once, on first use."""

from __future__ import annotations

from functools import cache

from llars.initial.denoising import Correctors
from llars.weights.estimators import load_noise, load_opacity, load_optics, load_speckle, load_upsampling

__all__ = ["correctors", "opacity", "optics", "upsampling"]

opacity = cache(load_opacity)
optics = cache(load_optics)
upsampling = cache(load_upsampling)


@cache
def correctors() -> Correctors:
    """The networks that correct denoised images."""
    return Correctors(load_noise(), load_speckle())
