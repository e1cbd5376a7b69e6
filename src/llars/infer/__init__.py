"""Restoring whole scenes: tiles, the restorer, and the jobs that turn one file into another."""
