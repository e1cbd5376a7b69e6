"""Scenes: a raster file as physical values on its grid, its bands attached."""

from llars.scene.opening import open_scene

__all__ = ["open_scene"]
