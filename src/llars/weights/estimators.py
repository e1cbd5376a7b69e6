"""The bundled estimators behind initial estimates: of blur, of clouds, of the detail of a finer grid, and of radar."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from llars.weights.files import FOLDER
from llars.weights.helpers import load_helper

if TYPE_CHECKING:
    from llars.model.despeckling import DespecklingNetwork
    from llars.model.opacity import OpacityNetwork
    from llars.model.optics import OpticsEstimator
    from llars.model.upsampling import UpsamplingFilters

__all__ = [
    "OPACITY",
    "OPTICS",
    "SPECKLE",
    "UPSAMPLING",
    "load_opacity",
    "load_optics",
    "load_speckle",
    "load_upsampling",
]

OPTICS, OPACITY, UPSAMPLING, SPECKLE = "llars-optics", "llars-opacity", "llars-upsampling", "llars-speckle"
"""Names of the weights files and their records."""


def load_optics(folder: Path = FOLDER) -> OpticsEstimator:
    """The blur estimator; see ``load_helper``."""
    from llars.initial.deconvolution import kernels
    from llars.model.optics import OpticsEstimator

    return load_helper(OPTICS, OpticsEstimator(len(kernels())), folder)


def load_opacity(folder: Path = FOLDER) -> OpacityNetwork:
    """The cloud estimator; see ``load_helper``."""
    from llars.model.opacity import OpacityNetwork

    return load_helper(OPACITY, OpacityNetwork(), folder)


def load_upsampling(folder: Path = FOLDER) -> UpsamplingFilters:
    """The filters of super-resolution; see ``load_helper``."""
    from llars.model.upsampling import UpsamplingFilters

    return load_helper(UPSAMPLING, UpsamplingFilters(), folder)


def load_speckle(folder: Path = FOLDER) -> DespecklingNetwork:
    """The despeckling network; see ``load_helper``."""
    from llars.model.despeckling import DespecklingNetwork

    return load_helper(SPECKLE, DespecklingNetwork(), folder)
