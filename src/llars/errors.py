"""Errors that the user can fix. The command line prints the message as one line and exits with code 2.

A message says what was found, what was expected, and what to do about it.
"""

__all__ = [
    "BandError",
    "ConfigError",
    "DataError",
    "InstructionError",
    "LlarsError",
    "OutputError",
    "RasterError",
    "SensorError",
    "ValueRangeError",
    "WeightsError",
]


class LlarsError(Exception):
    """Base of all errors that llars raises on purpose."""


class BandError(LlarsError):
    """Bands and image disagree, or a band lacks a property that is needed."""


class SensorError(LlarsError):
    """The sensor is unknown or does not fit the image."""


class ValueRangeError(LlarsError):
    """Pixel values lie outside what the sensor's units allow."""


class RasterError(LlarsError):
    """An input file is missing, damaged, or not an image that can be restored."""


class OutputError(LlarsError):
    """The output cannot or must not be written."""


class InstructionError(LlarsError):
    """The instruction asks for nothing that llars can do."""


class WeightsError(LlarsError):
    """Weights are missing, damaged, or made for something else."""


class ConfigError(LlarsError):
    """A configuration contradicts itself or names something that does not exist."""


class DataError(LlarsError):
    """A data set on disk is missing, damaged, or not laid out as published."""
