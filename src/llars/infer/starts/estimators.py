"""The bundled estimators, loaded once, when first something asks for them."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from llars.weights.opacity import load_opacity
from llars.weights.optics import load_optics

if TYPE_CHECKING:
    from llars.model.opacity import OpacityNetwork
    from llars.model.optics import OpticsEstimator

__all__ = ["opacity", "optics"]


@functools.cache
def opacity() -> OpacityNetwork:
    """What tells where clouds hide the ground."""
    return load_opacity()


@functools.cache
def optics() -> OpticsEstimator:
    """What tells how a scene was blurred."""
    return load_optics()
