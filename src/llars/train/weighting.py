"""Dynamic weights of the tasks, updated at every step: tasks that currently learn slowly count more."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

__all__ = ["TaskWeights"]


class TaskWeights(nn.Module):
    """Weight of a task ~ softmax over tasks of (loss / its running mean), with mean 1 over the batch.

    The running means are buffers: they are saved with a checkpoint and averaged over processes.
    """

    def __init__(self, tasks: int, momentum: float = 0.98) -> None:
        super().__init__()
        self.momentum = momentum
        self.register_buffer("running", torch.zeros(tasks))
        self.register_buffer("seen", torch.zeros(tasks))
        self.running: Tensor
        self.seen: Tensor

    @torch.no_grad()
    def forward(self, losses: Float[Tensor, "batch"], tasks: Int[Tensor, "batch"]) -> Float[Tensor, "batch"]:
        """Weight of each sample; also updates the running means with the finite losses."""
        finite = losses.isfinite()
        count = torch.zeros_like(self.seen).index_add_(0, tasks, finite.to(losses.dtype))
        total = torch.zeros_like(self.running).index_add_(0, tasks, torch.where(finite, losses.detach(), 0))
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.all_reduce(count)
            torch.distributed.all_reduce(total)
        present = count > 0
        mean = total / count.clamp_min(1)
        started = torch.where(self.seen > 0, self.running, mean)
        self.running = torch.where(present, self.momentum * started + (1 - self.momentum) * mean, self.running)
        self.seen = self.seen + count
        relative = torch.where(present, mean / self.running.clamp_min(1e-8), -torch.inf)
        weights = relative.softmax(0)[tasks]
        return weights / weights.mean()
