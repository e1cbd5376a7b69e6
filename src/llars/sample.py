"""Input of training: degraded and clean patches, with their bands and the instructions that lead to the clean ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from llars.bands import Band
from llars.tasks import TASK_KEYS, TONES

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

__all__ = ["Batch", "Sample"]


@dataclass(frozen=True)
class Sample:
    """One image of a data set, in stored numbers, with the conversion to physical units."""

    scene: str
    """Identifier of the scene; samples of one scene or place share a split."""

    split: str
    """``train``, ``val`` or ``test``."""

    sensor: str
    """Sensor name."""

    bands: tuple[Band, ...]
    """One per channel."""

    values: np.ndarray
    """``(band, y, x)``, in the dtype of the file."""

    scale: float
    """Physical value = stored number * scale + offset."""

    offset: float
    """See ``scale``."""

    valid: np.ndarray
    """``(y, x)`` boolean: every band holds data."""

    value_range: tuple[float, float] = (0.0, 1.0)
    """Plausible physical values; the amplitudes of degradations are relative to its width."""

    group: str = ""
    """Place or pair that the scene belongs to; a whole group is in one split."""

    sharp: bool = True
    """Usable as the target of ``sr`` and ``deblur``: not resampled, not out of focus."""

    clean: bool = True
    """Usable by itself as ground truth: not noisy, enlarged or stretched. Single-date radar images are not."""

    stack: str = ""
    """Name of the stack, if any: its images lie on one pixel grid and have the same shape."""

    day: float | None = None
    """Days since 1970 of the acquisition; None where unknown."""

    footprint: tuple[float, float, float, float] | None = None
    """West, south, east and north in degrees; None where unknown."""

    source: str = ""
    """Where the image was published."""

    licence: str = ""
    """Licence, with the attribution that it requires."""


@dataclass
class Batch:
    """Patches of one training step. All have the same number of bands and of guides, but the bands may differ."""

    degraded: Tensor
    """``(batch, band, y, x)`` float32, physical values scaled so that the value range is [0, 1]."""

    clean: Tensor
    """The truth, same shape and units."""

    bands: list[tuple[Band, ...]]
    """Bands of each patch, followed by those of its guides."""

    task: Tensor
    """``(batch,)`` int64, index into ``TASK_KEYS``."""

    severity: Tensor
    """``(batch,)`` float32 in [0, 1] ([-1, 1] for brightness)."""

    instruction: Tensor
    """``(batch, 384)`` float32, sentence vector of the instruction."""

    faults: Tensor
    """``(batch, task)`` float32 in [0, 1], columns as ``TASK_KEYS``: severity of every fault of ``degraded``, also of
    those that the instruction does not mention."""

    factor: Tensor
    """``(batch,)`` int64: how many times coarser the grid was from which ``degraded`` was enlarged; 1 if it was not."""

    guides: Tensor
    """``(batch, guide, y, x)`` float32 unit values of the guides; often there are none (an axis of size 0)."""

    observed: Tensor | None = None
    """Same shape as ``degraded``: the patches as they were observed, if ``degraded`` is an initial estimate."""

    @classmethod
    def concatenated(cls, batches: Sequence[Batch]) -> Batch:
        """One batch from several whose patches have the same shape."""
        import torch

        estimated = any(batch.observed is not None for batch in batches)
        # What has no initial estimate is its own: the network is told the same of every patch.
        observed = [batch.degraded if batch.observed is None else batch.observed for batch in batches]
        names = ("degraded", "clean", "task", "severity", "instruction", "faults", "factor", "guides")
        return cls(
            bands=[bands for batch in batches for bands in batch.bands],
            observed=torch.cat(observed) if estimated else None,
            **{name: torch.cat([getattr(batch, name) for batch in batches]) for name in names},
        )

    @property
    def image(self) -> Tensor:
        """``(batch, band + guide, y, x)``: unit values of all bands."""
        import torch

        return torch.cat((self.degraded, self.guides), 1)

    @property
    def channels(self) -> Tensor:
        """``(batch, channel, y, x)``: what ``Statistics.network_input`` takes."""
        import torch

        return self.image if self.observed is None else torch.cat((self.image, self.observed), 1)

    @property
    def about_histogram(self) -> bool:
        """Whether the tasks need the quantiles of the image."""
        return {TASK_KEYS[index] for index in self.task.tolist()} <= TONES

    def to(self, device: str) -> Batch:
        """The same batch on another device."""
        moved = {name: value.to(device) for name, value in vars(self).items() if hasattr(value, "to")}
        return replace(self, **moved)
