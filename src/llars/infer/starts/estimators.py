"""The bundled estimators, loaded once, when first something asks for them."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from llars.weights.opacity import load_opacity
from llars.weights.optics import load_optics
from llars.weights.upsampling import load_upsampling

if TYPE_CHECKING:
    from llars.model.opacity import OpacityNetwork
    from llars.model.optics import OpticsEstimator
    from llars.model.upsampling import UpsamplingFilters

__all__ = ["opacity", "optics", "upsampling"]


@functools.cache
def opacity() -> OpacityNetwork:
    """What tells where clouds hide the ground."""
    return load_opacity()


@functools.cache
def optics() -> OpticsEstimator:
    """What tells how a scene was blurred."""
    return load_optics()


@functools.cache
def upsampling() -> UpsamplingFilters:
    """What gives detail to a finer grid."""
    return load_upsampling()
