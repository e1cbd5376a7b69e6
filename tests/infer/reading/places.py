"""A place for scenes and guides: their bands, and grids that begin at one corner."""

from rasterio.transform import Affine

from llars.bands import Band

RED_NIR = (Band("red", 660.0, 30.0, 20.0), Band("nir", 830.0, 100.0, 20.0))
PAN = Band("B8", 590.0, 172.0, 10.0)
LEFT, TOP = 600_000.0, 5_800_000.0


def at(pixel, left=LEFT, top=TOP):
    """The grid of square pixels, in metres, whose upper left corner lies there."""
    return Affine(pixel, 0, left, 0, -pixel, top)
