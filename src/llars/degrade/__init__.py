"""Degradations with a continuous severity, for training and measuring restorations.

Every operator works on unit values, u = (physical - lo) / (hi - lo) with the sensor's value range (lo, hi), in batches,
with any number of bands, on any device, and takes random numbers only from the generator that it is given.
"""

from llars.degrade.base import Degradation
from llars.degrade.composites import Composite, compose
from llars.degrade.registry import get, names, sample_operator
from llars.degrade.resolution import enlarge, reduce

__all__ = ["Composite", "Degradation", "compose", "enlarge", "get", "names", "reduce", "sample_operator"]
