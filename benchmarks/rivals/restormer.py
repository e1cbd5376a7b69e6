"""Restormer: Efficient Transformer for High-Resolution Image Restoration (Zamir et al., CVPR 2022)."""

from __future__ import annotations

from benchmarks.rivals.ushape import UShape

__all__ = ["Restormer"]


class Restormer(UShape):
    """The encoder and decoder alone; the defaults are the paper's (implementation details): 26.1 M parameters."""
