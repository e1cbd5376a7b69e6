"""What training consumes: patches before and after, with their bands and the words that lead from one to the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from llars.bands import Band
from llars.tasks import TASK_KEYS, TONES

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

__all__ = ["Batch", "Sample"]


@dataclass(frozen=True)
class Sample:
    """One image of a data set, in stored numbers, with the way to physical units."""

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
    """Plausible physical values; degradations take their amplitudes from its width."""

    group: str = ""
    """Place or pair that the scene belongs to; all of it is in one split."""

    sharp: bool = True
    """Fit to be the target of ``sr`` and ``deblur``: not resampled, not out of focus."""

    clean: bool = True
    """Fit to be drawn by itself as the truth: not noisy, enlarged or stretched. Single dates of radar are not."""

    stack: str = ""
    """Images with the same name here, if it is not empty, lie on one pixel grid and have the same shape."""

    day: float | None = None
    """Days since 1970 of the acquisition; None where unknown."""

    footprint: tuple[float, float, float, float] | None = None
    """West, south, east and north in degrees; None where unknown."""

    source: str = ""
    """Where the image was published."""

    licence: str = ""
    """Licence, with the attribution that it asks for."""


@dataclass
class Batch:
    """Patches of one training step. All have the same number of bands and of guides; which bands they are differs."""

    degraded: Tensor
    """``(batch, band, y, x)`` float32, physical values scaled so that the value range is [0, 1]."""

    clean: Tensor
    """The truth, same shape and units."""

    bands: list[tuple[Band, ...]]
    """Bands of each patch, those of its guides last."""

    task: Tensor
    """``(batch,)`` int64, index into ``TASK_KEYS``."""

    severity: Tensor
    """``(batch,)`` float32 in [0, 1] ([-1, 1] for brightness)."""

    instruction: Tensor
    """``(batch, 384)`` float32, sentence vector of the words that ask for the task."""

    faults: Tensor
    """``(batch, task)`` float32 in [0, 1], columns as ``TASK_KEYS``: severity of every fault that ``degraded`` has,
    those that the words do not ask for included."""

    factor: Tensor
    """``(batch,)`` int64: how many times coarser the grid was from which ``degraded`` was enlarged; 1 if it was not."""

    guides: Tensor
    """``(batch, guide, y, x)`` float32 unit values of the images that help; often none, and then of no width."""

    @property
    def image(self) -> Tensor:
        """``(batch, band + guide, y, x)``: all that the network is given."""
        import torch

        return torch.cat((self.degraded, self.guides), 1)

    @property
    def about_histogram(self) -> bool:
        """Whether the tasks need the quantiles of the image."""
        return {TASK_KEYS[index] for index in self.task.tolist()} <= TONES

    def to(self, device: str) -> Batch:
        """The same on another device."""
        tensors = (self.task, self.severity, self.instruction, self.faults, self.factor, self.guides)
        return Batch(
            self.degraded.to(device), self.clean.to(device), self.bands, *(tensor.to(device) for tensor in tensors)
        )
