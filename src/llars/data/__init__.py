"""Imagery on disk, packed for training, and the mixture of damaged and clean patches made from it."""
