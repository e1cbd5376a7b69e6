"""Readers of public data sets in the layouts in which they are published."""

from llars.data.readers.base import OnFault, Paired
from llars.data.readers.description import SetDescription, get_set, sets
from llars.data.readers.reading import read_set

__all__ = ["OnFault", "Paired", "SetDescription", "get_set", "read_set", "sets"]
