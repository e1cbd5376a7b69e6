"""llars as a contestant: network, loss and dynamic task weights as in the package."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from benchmarks.training import Contestant
from llars.model.config import ModelConfig
from llars.model.network import Network
from llars.model.normalise import Statistics
from llars.sample import Batch
from llars.tasks import TASK_KEYS
from llars.train.log import TaskMeans
from llars.train.losses import LossWeights
from llars.train.objective import ForwardResult, batch_loss, forward, jitter
from llars.train.weighting import TaskWeights

__all__ = ["Ours"]


class Ours(Contestant):
    """The network of the package, trained as by ``llars train``."""

    from_initial_estimates = True

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.network = self.build(config)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.weighting: nn.Module = TaskWeights(len(TASK_KEYS))
        self.weights = TaskMeans()

    def build(self, config: ModelConfig) -> Network:
        """Builds the network; variants override this."""
        return Network(config)

    def forward_batch(self, batch: Batch) -> ForwardResult:
        """Runs the network on a batch; in training the statistics are jittered as for larger scenes."""
        statistics = Statistics.of(batch.image, histogram=batch.about_histogram)
        return forward(self.network, batch, jitter(statistics) if self.training else statistics)

    def loss(self, batch: Batch) -> Tensor:
        """Restoration loss weighted by task, plus the auxiliary terms."""
        outcome = batch_loss(self.forward_batch(batch), batch, self.weighting, LossWeights())
        self.weights.take(batch.task, outcome.weights)
        return outcome.total

    def restore(self, batch: Batch) -> Tensor:
        """Restored unit values; each patch counts as a scene of its own."""
        result = self.forward_batch(batch)
        return result.statistics.undo(result.output.image)

    def log_fields(self) -> Mapping[str, object]:
        """The mean dynamic weight of each task since the last row of the log."""
        row = {f"weight_{task}": value for task, value in self.weights.row(TASK_KEYS).items()}
        self.weights = TaskMeans()
        return row
