"""The bundled estimators behind initial estimates: of blur, of clouds, of the detail of a finer grid, and of radar."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from llars.weights.files import FOLDER
from llars.weights.helpers import load_helper

if TYPE_CHECKING:
    from llars.model.denoising import DenoisingNetwork
    from llars.model.despeckling import DespecklingNetwork
    from llars.model.opacity import OpacityNetwork
    from llars.model.optics import OpticsEstimator
    from llars.model.upsampling import UpsamplingNetwork

__all__ = [
    "NOISE",
    "OPACITY",
    "OPTICS",
    "SPECKLE",
    "UPSAMPLING",
    "load_noise",
    "load_opacity",
    "load_optics",
    "load_speckle",
    "load_upsampling",
]

OPTICS, OPACITY, UPSAMPLING = "llars-optics", "llars-opacity", "llars-upsampling"
NOISE, SPECKLE = "llars-noise", "llars-speckle"
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


def load_noise(folder: Path = FOLDER) -> DenoisingNetwork:
    """The network that corrects denoised optical images; see ``load_helper``."""
    from llars.model.denoising import DenoisingNetwork

    return load_helper(NOISE, DenoisingNetwork(), folder)
