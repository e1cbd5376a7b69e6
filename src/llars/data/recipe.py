"""What training batches are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from llars.data.synthetic import CHAIN
from llars.errors import ConfigError
from llars.tasks import TONES

__all__ = ["GUIDED", "MARGINED", "TRAINABLE", "Recipe"]

GUIDED = frozenset({"cloud_sar", "pansharpen", "stf"})
"""Tasks with guides: all patches of a batch need the same number of them, so they fill batches of their own."""

TRAINABLE = frozenset({*CHAIN, *GUIDED, *TONES, "cloud", "sr", "brightness"})
"""Tasks of which pairs can be made."""

MARGINED = frozenset({"sr", "deblur"})
"""Tasks whose operators look past the edge: they get a larger crop, which is cut to the patch afterwards."""


@dataclass(frozen=True)
class Recipe:
    """What training batches are made of. Weights need not sum to one."""

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
    """Weight of each number of target bands; a number that no scene of the corpus has is left out."""

    none_needed: float = 0.06
    """Share of patches with the instruction for a fault that is not there: nothing must change."""

    second_fault: float = 0.1
    """Share of patches with a second, milder fault that the instruction does not ask for."""

    averaged: float = 0.25
    """Share of patches averaged by 2 from a crop of twice the side: sharper and less noisy than any original."""

    speckle: float = 0.25
    """Share of ``denoise`` that is speckle on simulated backscatter, all of it in batches of one or two bands."""

    unknown_bands: float = 0.06
    """Share of patches of whose bands the model is told nothing."""

    thin: float = 0.4
    """Share of clouds that something shines through."""

    real_dates: float = 0.5
    """Share of ``stf`` between two real dates, where the corpus has some; the other date is simulated else."""

    most_guided: int = 6
    """Largest number of target bands with guides: ``stf`` has three times as many bands in all."""

    def __post_init__(self) -> None:
        unknown = sorted(set(self.tasks) - TRAINABLE)
        if unknown or not self.tasks:
            raise ConfigError(f"a recipe cannot train {', '.join(unknown) or 'nothing'}; it can {sorted(TRAINABLE)}")
