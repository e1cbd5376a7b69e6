"""Rivals as contestants: bands are stacked and padded to a fixed number of channels, as later papers do."""

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
"""Channels in and out: the largest numbers in a batch of the recipe, with guides and without."""

PSNR_WEIGHT, MIN_ERROR = 0.05, 1e-4
"""Weight of the logarithm of a sample's mean square error, and the constant added to the error: 40 dB. With a smaller
one, samples with hardly a fault hold networks that are blind to the task at the identity."""

CHOICE = 0.01
"""Weight of the loss on the choice of experts, as for the load balance of llars."""

INTENT = 0.1
"""Weight of the classification of tasks from the words, which InstructIR's head learns beside the restoration."""


class Rival(Contestant):
    """A network on unit values: targets first, then guides, then channels of zeros; the output is cut to the targets.

    It minimises the negative PSNR of each sample (Chen et al., "HINet", CVPRW 2021), as NAFNet does: what contestants
    are scored by. With the absolute error of the other papers, noise and blur count for nothing beside haze and tones.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def image(self, batch: Batch) -> Tensor:
        """The batch as ``(batch, channel, y, x)``, stacked and padded.

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
    def forward_batch(self, batch: Batch) -> tuple[Tensor, Tensor | float]:
        """The network's output ``(batch, channel, y, x)``, and its own auxiliary loss."""

    def run(self, batch: Batch) -> tuple[Tensor, Tensor | float]:
        """Targets in unit values, float32, and the network's own auxiliary loss."""
        with autocast(batch.clean.device):
            restored, own = self.forward_batch(batch)
        return restored[:, : batch.clean.shape[1]].float(), own

    def loss(self, batch: Batch) -> Tensor:
        """Mean restoration loss over the samples, plus the network's own auxiliary loss."""
        restored, own = self.run(batch)
        error = (restored - batch.clean).square().mean((1, 2, 3))
        return PSNR_WEIGHT * (error + MIN_ERROR).log().mean() + own

    def restore(self, batch: Batch) -> Tensor:
        """Restored unit values of the targets."""
        return self.run(batch)[0]


class Blind(Rival):
    """A network that sees only the image: NAFNet, Restormer, SwinIR, PromptIR, AdaIR."""

    def forward_batch(self, batch: Batch) -> tuple[Tensor, float]:
        """The output; there is no auxiliary loss."""
        return self.network(self.image(batch)), 0.0


class Mixed(Rival):
    """MoCE-IR, which also sees only the image, and learns to prefer cheap experts."""

    network: MoCEIR

    def forward_batch(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The output, and the loss on the choice of experts."""
        restored, choice = self.network(self.image(batch))
        return restored, CHOICE * choice


class Instructable(Rival):
    """InstructIR, which gets the same sentence vectors as llars."""

    network: InstructIR

    def forward_batch(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The output, and the loss of the task classification."""
        restored = self.network(self.image(batch), batch.instruction)
        logits = self.network.classify(self.network.meaning(batch.instruction)).float()
        return restored, INTENT * functional.cross_entropy(logits, batch.task)
