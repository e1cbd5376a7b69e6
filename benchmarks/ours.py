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
from llars.train.objective import Seen, forward, jitter, judge
from llars.train.weighting import TaskWeights

__all__ = ["Ours"]


class Ours(Contestant):
    """The network of the package, trained as by ``llars train``."""

    mends = True

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.network = self.build(config)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.weighting: nn.Module = TaskWeights(len(TASK_KEYS))
        self.weights = TaskMeans()

    def build(self, config: ModelConfig) -> Network:
        """Builds the network; variants override this."""
        return Network(config)

    def look(self, batch: Batch) -> Seen:
        """Runs the network on a batch; in training the statistics are jittered as for larger scenes."""
        statistics = Statistics.of(batch.image, histogram=batch.about_histogram)
        return forward(self.network, batch, jitter(statistics) if self.training else statistics)

    def loss(self, batch: Batch) -> Tensor:
        """Restoration loss weighted by task, plus the auxiliary terms."""
        judged = judge(self.look(batch), batch, self.weighting, LossWeights())
        self.weights.take(batch.task, judged.weights)
        return judged.total

    def restore(self, batch: Batch) -> Tensor:
        """Restored unit values; each patch counts as a scene of its own."""
        seen = self.look(batch)
        return seen.statistics.undo(seen.output.image)

    def told(self) -> Mapping[str, object]:
        """The mean dynamic weight of each task since the last row of the log."""
        row = {f"weight_{task}": value for task, value in self.weights.row(TASK_KEYS).items()}
        self.weights = TaskMeans()
        return row
