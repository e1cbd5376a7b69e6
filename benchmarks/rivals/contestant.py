"""Rivals as contestants: any bands, stacked and padded to a fixed number of channels, as their followers do it."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.rivals.instructir import InstructIR
from benchmarks.rivals.moceir import MoCEIR
from benchmarks.training import Contestant
from llars.data.recipe import Recipe
from llars.errors import BandError
from llars.model.precision import autocast
from llars.sample import Batch

__all__ = ["BANDS", "Blind", "Instructable", "Mixed", "Rival"]

BANDS = (max(max(Recipe().bands), 3 * Recipe().most_guided), max(Recipe().bands))
"""Channels that come in and go out: the most that a batch of the recipe has, guides included and without."""

PSNR_WEIGHT, LEAST_ERROR = 0.05, 1e-6
"""Of the logarithm of a sample's mean square error, which brings it to the size of an absolute error; the least that
counts, 60 dB."""

CHOICE = 0.01
"""Weight of the loss of choosing experts, as of the balance of llars' own."""

INTENT = 0.1
"""Weight of telling the tasks apart from the words, which InstructIR's head learns beside the restoration."""


class Rival(Contestant):
    """A network on unit values: targets first, then guides, then channels of zeros; the output is cut to the targets.

    It minimises the negative PSNR of each sample (Chen et al., "HINet", CVPRW 2021), as NAFNet does: what contestants
    are scored by. With the absolute error of the other papers, noise and blur count for nothing beside haze and tones.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def image(self, batch: Batch) -> Tensor:
        """``(batch, channel, y, x)`` stacked and padded.

        Raises:
            BandError: the batch has more bands than the channels of the network.
        """
        stacked = batch.image
        if stacked.shape[1] > BANDS[0] or batch.clean.shape[1] > BANDS[1]:
            raise BandError(
                f"{stacked.shape[1]} bands, {batch.clean.shape[1]} of them targets; padded networks take {BANDS[0]} "
                f"and {BANDS[1]} at most: restore fewer at a time"
            )
        padded = functional.pad(stacked, (0, 0, 0, 0, 0, BANDS[0] - stacked.shape[1]))
        return padded.contiguous(memory_format=torch.channels_last)

    @abstractmethod
    def look(self, batch: Batch) -> tuple[Tensor, Tensor | float]:
        """``(batch, channel, y, x)`` as the network gives it, and the loss of what is its own."""

    def run(self, batch: Batch) -> tuple[Tensor, Tensor | float]:
        """Targets in unit values, float32, and the loss of what is the network's own."""
        with autocast(batch.clean.device):
            restored, own = self.look(batch)
        return restored[:, : batch.clean.shape[1]].float(), own

    def loss(self, batch: Batch) -> Tensor:
        """Mean over the samples, and what is the network's own."""
        restored, own = self.run(batch)
        error = (restored - batch.clean).square().mean((1, 2, 3))
        return PSNR_WEIGHT * (error + LEAST_ERROR).log().mean() + own

    def restore(self, batch: Batch) -> Tensor:
        """Restored unit values of the targets."""
        return self.run(batch)[0]


class Blind(Rival):
    """A network that sees the image alone: NAFNet, Restormer, SwinIR, PromptIR, AdaIR."""

    def look(self, batch: Batch) -> tuple[Tensor, float]:
        """No loss of its own."""
        return self.network(self.image(batch)), 0.0


class Mixed(Rival):
    """MoCE-IR, which is blind as well, and learns to choose cheap experts."""

    network: MoCEIR

    def look(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The loss of the choice."""
        restored, choice = self.network(self.image(batch))
        return restored, CHOICE * choice


class Instructable(Rival):
    """InstructIR, which is given the sentence vectors that llars is given."""

    network: InstructIR

    def look(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The loss of telling the tasks apart."""
        restored = self.network(self.image(batch), batch.instruction)
        said = self.network.classify(self.network.meaning(batch.instruction)).float()
        return restored, INTENT * functional.cross_entropy(said, batch.task)
