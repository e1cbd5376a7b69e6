"""Scenes: raster files as physical values on their grid, with their bands attached."""

from llars.scene.opening import open_scene

__all__ = ["open_scene"]
