"""Evaluates a network on patches that training never sees."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor

from llars.model.network import Network
from llars.model.normalise import Statistics
from llars.sample import Batch
from llars.tasks import TASK_KEYS
from llars.train.objective import forward

__all__ = ["decibels", "restore", "validate"]


@torch.no_grad()
def restore(network: Network, batch: Batch) -> Float[Tensor, "batch band y x"]:
    """Restored unit values; each patch counts as a scene of its own."""
    statistics = Statistics.of(batch.image, histogram=batch.about_histogram)
    result = forward(network, batch, statistics)
    return result.statistics.undo(result.output.image)


def decibels(image: Tensor, truth: Tensor) -> Tensor:
    """PSNR of each sample with peak 1, at most 80 dB so that perfect patches do not dominate the mean."""
    return -10 * (image - truth).square().mean((1, 2, 3)).clamp_min(1e-8).log10()


def validate(network: Network, batches: Iterable[Batch]) -> dict[str, float]:
    """Mean PSNR of each task, its mean gain over the degraded input, and the mean of these gains over tasks."""
    restored: dict[str, list[float]] = {}
    gains: dict[str, list[float]] = {}
    for batch in batches:
        after = decibels(restore(network, batch), batch.clean)
        gain = after - decibels(batch.degraded, batch.clean)
        for task, value, sample_gain in zip(batch.task.tolist(), after.tolist(), gain.tolist(), strict=True):
            restored.setdefault(TASK_KEYS[task], []).append(value)
            gains.setdefault(TASK_KEYS[task], []).append(sample_gain)
    row = {task: round(sum(values) / len(values), 3) for task, values in sorted(restored.items())}
    means = {task: round(sum(values) / len(values), 3) for task, values in sorted(gains.items())}
    return {
        **row,
        **{f"{task}_gain": value for task, value in means.items()},
        "mean_gain": round(sum(means.values()) / len(means), 3),
    }
