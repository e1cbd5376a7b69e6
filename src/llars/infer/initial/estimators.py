"""The bundled estimators, each loaded once, on first use."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from llars.initial.denoising import Correctors
from llars.weights.estimators import (
    NOISE,
    STRIPES,
    load_correction,
    load_opacity,
    load_optics,
    load_speckle,
    load_upsampling,
)

if TYPE_CHECKING:
    from llars.model.correction import CorrectionNetwork

__all__ = ["correctors", "opacity", "optics", "stripes", "upsampling"]

opacity = cache(load_opacity)
optics = cache(load_optics)
upsampling = cache(load_upsampling)


@cache
def correctors() -> Correctors:
    """The networks that correct denoised images."""
    return Correctors(load_correction(NOISE), load_speckle())


@cache
def stripes() -> CorrectionNetwork:
    """The network that corrects destriped images."""
    return load_correction(STRIPES)
