"""Images of sharp shapes, whose edges lie between pixels."""

import numpy as np
import torch
from torch import Tensor

FINER = 4
"""Parts of a pixel along an axis that are drawn, before their mean is taken."""


def discs(seed: int, side: int) -> Tensor:
    """``(1, 1, side, side)``: discs of many sizes and brightnesses, one over the other; the same for the same seed."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: side * FINER, : side * FINER] / FINER
    image = np.full(y.shape, 0.3, np.float32)
    for radius in np.exp(rng.uniform(np.log(2.0), np.log(side / 4), side)):
        top, left = rng.uniform(0, side, 2)
        image[(y - top) ** 2 + (x - left) ** 2 < radius**2] = rng.uniform(0.1, 0.5)
    return torch.from_numpy(image.reshape(side, FINER, side, FINER).mean((1, 3)))[None, None]
