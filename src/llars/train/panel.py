"""A picture of the network's current results: for each task one held-out patch as input, output and truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from llars.bands import true_colour
from llars.model.network import Network
from llars.sample import Batch
from llars.tasks import TASK_KEYS
from llars.train.validation import restore

__all__ = ["panel"]

LOW, HIGH = 0.02, 0.98
"""Quantiles of the truth that are shown as black and as white."""

GAP = 2
"""Pixels between patches."""


def panel(network: Network, batches: Sequence[Batch]) -> NDArray[np.uint8]:
    """``(y, x, 3)``: one row per task in ``batches``, in order of appearance; in true colours if the bands allow."""
    shown: dict[str, Batch] = {}
    for batch in batches:
        shown.setdefault(TASK_KEYS[int(batch.task[0])], batch)
    rows = []
    for batch in shown.values():
        images = [image[0].float().cpu() for image in (batch.degraded, restore(network, batch), batch.clean)]
        # Bands of guides follow.
        chosen = list(true_colour(batch.bands[0][: len(images[-1])]))
        rows.append(torch.cat([_framed(_stretched(image[chosen], images[-1][chosen])) for image in images], 2))
    pixels = torch.cat(rows, 1).permute(1, 2, 0)
    return (pixels * 255).round().to(torch.uint8).numpy()


def _stretched(image: Tensor, truth: Tensor) -> Tensor:
    """``image`` between 0 and 1, stretched by the quantiles of ``truth``."""
    low, high = (truth.flatten(1).quantile(level, dim=1)[:, None, None] for level in (LOW, HIGH))
    return ((image - low) / (high - low).clamp_min(1e-3)).clamp(0.0, 1.0)


def _framed(image: Tensor) -> Tensor:
    return torch.nn.functional.pad(image, [0, GAP, 0, GAP], value=1.0)
