"""The bundled filters of super-resolution."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from llars.weights.helpers import FOLDER, bundle_helper, load_helper

if TYPE_CHECKING:
    from llars.model.upsampling import UpsamplingFilters

__all__ = ["bundle_upsampling", "load_upsampling"]

NAME = "llars-upsampling"


def load_upsampling(folder: Path = FOLDER) -> UpsamplingFilters:
    """The bundled filters, ready for use on the CPU.

    Raises:
        WeightsError: the file or its record is missing or damaged.
    """
    from llars.model.upsampling import UpsamplingFilters

    return load_helper(NAME, UpsamplingFilters(), folder)


def bundle_upsampling(filters: UpsamplingFilters, training: dict[str, Any], folder: Path = FOLDER) -> Path:
    """Writes the filters with their record; see ``bundle_helper``."""
    return bundle_helper(NAME, filters, training, folder)
