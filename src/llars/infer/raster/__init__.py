"""Results in files: images written in the format of their source, completely or not at all."""

from llars.infer.raster.profile import RasterProfile, read_profile
from llars.infer.raster.writer import Writer, write_like, writing

__all__ = ["RasterProfile", "Writer", "read_profile", "write_like", "writing"]
