"""Restormer: Efficient Transformer for High-Resolution Image Restoration (Zamir et al., CVPR 2022)."""

from __future__ import annotations

from benchmarks.rivals.ushape import UShape

__all__ = ["Restormer"]


class Restormer(UShape):
    """The encoder and decoder alone."""

    def __init__(
        self,
        bands: tuple[int, int] = (3, 3),
        width: int = 48,
        blocks: tuple[int, int, int, int] = (4, 6, 6, 8),
        refinement: int = 4,
    ) -> None:
        """The defaults are the paper's (implementation details): 26.1 M parameters."""
        super().__init__(bands, width, blocks, refinement)
