"""Experiment: adaptation of base weights to a sensor they have never seen, with few parameters."""
