"""The bundled estimators behind initial estimates: of blur and clouds, of finer detail, and of what others leave."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from llars.weights.files import FOLDER
from llars.weights.helpers import load_helper

if TYPE_CHECKING:
    from llars.model.correction import CorrectionNetwork
    from llars.model.despeckling import DespecklingNetwork
    from llars.model.opacity import OpacityNetwork
    from llars.model.optics import OpticsEstimator
    from llars.model.upsampling import UpsamplingNetwork

__all__ = [
    "NOISE",
    "OPACITY",
    "OPTICS",
    "SPECKLE",
    "STRIPES",
    "UPSAMPLING",
    "load_correction",
    "load_opacity",
    "load_optics",
    "load_speckle",
    "load_upsampling",
]

OPTICS, OPACITY, UPSAMPLING = "llars-optics", "llars-opacity", "llars-upsampling"
NOISE, SPECKLE, STRIPES = "llars-noise", "llars-speckle", "llars-stripes"
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


def load_upsampling(folder: Path = FOLDER) -> UpsamplingNetwork:
    """The network of super-resolution; see ``load_helper``."""
    from llars.model.upsampling import UpsamplingNetwork

    return load_helper(UPSAMPLING, UpsamplingNetwork(), folder)


def load_speckle(folder: Path = FOLDER) -> DespecklingNetwork:
    """The despeckling network; see ``load_helper``."""
    from llars.model.despeckling import DespecklingNetwork

    return load_helper(SPECKLE, DespecklingNetwork(), folder)


def load_correction(name: str, folder: Path = FOLDER) -> CorrectionNetwork:
    """The network ``NOISE`` or ``STRIPES``, which corrects a classical estimate; see ``load_helper``."""
    from llars.model.correction import CorrectionNetwork

    return load_helper(name, CorrectionNetwork(), folder)
