"""Bands of the made-up scenes on which the laws of restoring are tested."""

from llars.bands import Band

RED_NIR = (Band("red", 660.0, 30.0, 10.0), Band("nir", 830.0, 100.0, 10.0))
