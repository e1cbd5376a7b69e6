"""Restoring whole scenes: rooms from reading to report, and the way through them, from an instruction to a file."""
