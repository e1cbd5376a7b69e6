"""Imagery on disk, packed for training, and the mixture of degraded and clean patches made from it."""
