"""The bundled estimator of blur."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from llars.weights.helpers import FOLDER, bundle_helper, load_helper

if TYPE_CHECKING:
    from llars.model.optics import OpticsEstimator

__all__ = ["bundle_optics", "load_optics"]

NAME = "llars-optics"


def load_optics(folder: Path = FOLDER) -> OpticsEstimator:
    """The bundled estimator, ready for use on the CPU.

    Raises:
        WeightsError: the file or its record is missing or damaged.
    """
    from llars.model.optics import OpticsEstimator
    from llars.starts.deconvolution import kernels

    return load_helper(NAME, OpticsEstimator(len(kernels())), folder)


def bundle_optics(network: OpticsEstimator, training: dict[str, Any], folder: Path = FOLDER) -> Path:
    """Writes the estimator with its record; see ``bundle_helper``."""
    return bundle_helper(NAME, network, training, folder)
