"""The bundled estimator of clouds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from llars.weights.helpers import FOLDER, bundle_helper, load_helper

if TYPE_CHECKING:
    from llars.model.opacity import OpacityNetwork

__all__ = ["bundle_opacity", "load_opacity"]

NAME = "llars-opacity"


def load_opacity(folder: Path = FOLDER) -> OpacityNetwork:
    """The bundled estimator in float32, in evaluation mode, on the CPU; verified against its checksum.

    Raises:
        WeightsError: the file or its record is missing or damaged.
    """
    from llars.model.opacity import OpacityNetwork

    return load_helper(NAME, OpacityNetwork(), folder)


def bundle_opacity(network: OpacityNetwork, training: dict[str, Any], folder: Path = FOLDER) -> Path:
    """Writes the estimator with its record, and returns the file of weights; see ``bundle_helper``."""
    return bundle_helper(NAME, network, training, folder)
