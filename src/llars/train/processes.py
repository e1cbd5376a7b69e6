"""Training in several processes: n processes take every n-th batch each, and average their gradients."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

__all__ = ["Processes", "joined"]


@dataclass(frozen=True)
class Processes:
    """The processes of a run and the rank of this one; a single process needs no communication."""

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes the files and the log."""
        return self.rank == 0

    def average(self, values: Iterable[Tensor]) -> None:
        """Replaces every tensor by its mean over the processes, in one message."""
        tensors = list(values)
        if self.count == 1 or not tensors:
            return
        flat = torch.cat([value.reshape(-1).float() for value in tensors])
        torch.distributed.all_reduce(flat)
        flat /= self.count
        for value, mean in zip(tensors, torch.split(flat, [value.numel() for value in tensors]), strict=True):
            value.copy_(mean.view_as(value))

    def average_gradients(self, network: nn.Module) -> None:
        """Averages the gradients; a parameter that a process's batch did not use counts as zero there."""
        if self.count == 1:
            return
        for parameter in network.parameters():
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        self.average(parameter.grad for parameter in network.parameters() if parameter.grad is not None)

    def agree(self, stop: bool) -> bool:
        """Whether any process wants to stop: clocks differ, and all must stop at the same step."""
        if self.count == 1:
            return stop
        stop_flag = torch.tensor(float(stop), device="cuda" if torch.distributed.get_backend() == "nccl" else "cpu")
        torch.distributed.all_reduce(stop_flag)
        return bool(stop_flag > 0)


@contextmanager
def joined(device: str) -> Iterator[tuple[Processes, str]]:
    """The processes that ``torchrun`` started and the device of this one; without ``torchrun`` a single process.

    Uses NCCL between CUDA devices, one for each process, and gloo otherwise.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Processes(), device
        return
    cuda = device.startswith("cuda")
    if cuda:
        device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
        torch.cuda.set_device(device)
    torch.distributed.init_process_group("nccl" if cuda else "gloo")
    try:
        yield Processes(torch.distributed.get_rank(), count), device
    finally:
        torch.distributed.destroy_process_group()
