"""A third vote on the task of a text, from its words, pairs of words and letter n-grams, like a dictionary.

The sentence encoder breaks technical terms ("Wiener", "despeckle", "CLAHE") and typing errors into pieces that mean
little to it. Their letter n-grams identify them. This is a linear model, trained separately from the network and voting
beside it: trained together, each would rely on the other, and both would know only the words seen in training.
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
"""Hash buckets that the features share; twice as many were no better on templates left out of training."""

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
        # Long texts have more features, but not as much more evidence: many features are redundant.
        scores = self.weights(flat, starts) / counts.clamp(min=1).sqrt()[:, None] + self.bias
        found: Tensor = scores.log_softmax(dim=1)
        return found


def grams(text: str) -> list[int]:
    """The features of a text as buckets in [0, ``BUCKETS``): words, pairs of words, letter n-grams within words."""
    words = _WORD.findall(text.lower())
    found = set(words) | {f"{first} {second}" for first, second in pairwise(words)}
    for word in words:
        bounded = f"<{word}>"
        found |= {bounded[at : at + size] for size in _LETTERS for at in range(len(bounded) - size + 1)}
    return sorted(zlib.crc32(feature.encode()) % BUCKETS for feature in found)
