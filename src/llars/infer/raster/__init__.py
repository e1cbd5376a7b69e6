"""Results in files: an image written as its source was stored, whole or not at all."""

from llars.infer.raster.profile import RasterProfile, read_profile
from llars.infer.raster.writer import Writer, write_like, writing

__all__ = ["RasterProfile", "Writer", "read_profile", "write_like", "writing"]
