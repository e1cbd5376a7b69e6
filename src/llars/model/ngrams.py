"""A third opinion on the task of a text, by its words, pairs of words and letter groups: what a dictionary would say.

The sentence encoder breaks words of the trade ("Wiener", "despeckle", "CLAHE") and slips of the finger into pieces that
mean little to it. Their letters say enough. It is a linear model, trained apart from the network and voting beside it:
trained together, each would lean on the other and both would know the taught words only.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

__all__ = ["BUCKETS", "WordVote", "grams"]

BUCKETS = 8192
"""Places that the features share; twice as many understood no more of templates that were left out of training."""

_WORD = re.compile(r"[a-z0-9]+")
_LETTERS = (3, 4, 5)


class WordVote(nn.Module):
    """Sums a weight for each class over the features of a text."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.weights = nn.EmbeddingBag(BUCKETS, classes, mode="sum")
        self.bias = nn.Parameter(torch.zeros(classes))
        nn.init.zeros_(self.weights.weight)

    def forward(self, texts: Sequence[Sequence[int]]) -> Tensor:
        """Log-probabilities of the classes ``(batch, classes)`` of texts given as their ``grams``."""
        flat = torch.tensor([place for text in texts for place in text], dtype=torch.int64)
        counts = torch.tensor([len(text) for text in texts])
        starts = torch.cat([torch.zeros(1, dtype=torch.int64), counts.cumsum(0)[:-1]])
        # Long texts have more features, not more evidence: many of them say the same.
        scores = self.weights(flat, starts) / counts.clamp(min=1).sqrt()[:, None] + self.bias
        found: Tensor = scores.log_softmax(dim=1)
        return found


def grams(text: str) -> list[int]:
    """The features of a text as places in [0, ``BUCKETS``): words, neighbouring words, letters within words."""
    words = _WORD.findall(text.lower())
    found = set(words) | {f"{first} {second}" for first, second in pairwise(words)}
    for word in words:
        bounded = f"<{word}>"
        found |= {bounded[at : at + size] for size in _LETTERS for at in range(len(bounded) - size + 1)}
    return sorted(zlib.crc32(feature.encode()) % BUCKETS for feature in found)
