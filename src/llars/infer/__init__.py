"""Restoring whole scenes: subpackages from reading to report, and the way from an instruction to a file."""
