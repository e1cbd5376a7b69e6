"""The composition of training batches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from llars.data.synthetic import CHAIN
from llars.errors import ConfigError
from llars.tasks import TONES

__all__ = ["GUIDED", "MARGINED", "TRAINABLE", "Recipe"]

GUIDED = frozenset({"cloud_sar", "pansharpen", "stf"})
"""Tasks with guides: all patches of a batch need the same number of guides, so these tasks get batches of their own."""

TRAINABLE = frozenset({*CHAIN, *GUIDED, *TONES, "cloud", "sr", "brightness"})
"""Tasks for which training pairs can be made."""

MARGINED = frozenset({"sr", "deblur"})
"""Tasks whose operators need a halo: they work on a larger crop, which is cut to the patch afterwards."""


@dataclass(frozen=True)
class Recipe:
    """The composition of training batches. Weights need not sum to one."""

    tasks: Mapping[str, float] = field(
        default_factory=lambda: {
            "denoise": 0.26,
            "deblur": 0.18,
            "destripe": 0.16,
            "haze": 0.18,
            "sr": 0.16,
            "brightness": 0.06,
        }
    )
    """Weight of each task."""

    bands: Mapping[int, float] = field(
        default_factory=lambda: {1: 0.08, 2: 0.06, 3: 0.26, 4: 0.25, 5: 0.03, 6: 0.13, 8: 0.03, 10: 0.1, 12: 0.06}
    )
    """Weight of each number of target bands; numbers that no scene of the corpus can provide are left out."""

    none_needed: float = 0.06
    """Share of patches whose instruction names a fault that is not there: nothing must change."""

    second_fault: float = 0.1
    """Share of patches with a second, milder fault that the instruction does not ask for."""

    averaged: float = 0.25
    """Share of patches averaged by 2 from a crop of twice the side: sharper and less noisy than any original."""

    speckle: float = 0.25
    """Share of ``denoise`` that is speckle on simulated backscatter, all of it in batches of one or two bands."""

    unknown_bands: float = 0.06
    """Share of patches whose band metadata are withheld from the model."""

    thin: float = 0.4
    """Share of clouds that are thin."""

    real_dates: float = 0.5
    """Share of ``stf`` between two real dates, where the corpus has any; otherwise the earlier date is simulated."""

    most_guided: int = 6
    """Largest number of target bands in tasks with guides: ``stf`` has three times as many bands in all."""

    def __post_init__(self) -> None:
        unknown = sorted(set(self.tasks) - TRAINABLE)
        if unknown or not self.tasks:
            raise ConfigError(f"a recipe cannot train {', '.join(unknown) or 'nothing'}; it can {sorted(TRAINABLE)}")
