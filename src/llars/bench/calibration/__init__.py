"""Calibration of the diagnosis and the uncertainty against known truth; see ``scripts/calibrate.py``."""
