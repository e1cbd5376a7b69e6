"""The step finder: which words of a sentence belong to which step, numbered in the order of execution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["NOWHERE", "TOKEN_WIDTH", "Span", "StepFinder"]

TOKEN_WIDTH = 384
"""Numbers in a token vector of the sentence encoder."""

NOWHERE = 0
"""Mark of a token that belongs to no step; those of the steps count from 1."""

STEPS = 4
"""Steps that are distinguished at once; longer lists are split again."""

_CHANGE = 2.0
"""Cost in nats of a change from one mark to the next: words of one step stand together."""


@dataclass(frozen=True)
class Span:
    """Words that belong to one step."""

    start: int
    """First character."""

    stop: int
    """One past the last character."""

    step: int
    """Number of the step, from 1 in the order of execution."""


class StepFinder(nn.Module):
    """Dilated convolutions over the token vectors, wide enough to see 26 tokens to both sides.

    "Sharpen, but not before you have removed the noise": distant words may decide which step comes first.
    """

    def __init__(self, classes: int, width: int = 88, dropout: float = 0.2) -> None:
        super().__init__()
        self.lift = nn.Linear(TOKEN_WIDTH, width)
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(
            nn.Conv1d(width, width, kernel_size=5, padding=2 * reach, dilation=reach) for reach in (1, 3, 9)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in self.layers)
        self.marks = nn.Linear(width, STEPS + 1)
        self.classes = nn.Linear(width, classes)

    def forward(self, tokens: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the marks ``(batch, token, 5)`` and of the classes ``(batch, token, 13)``.

        Args:
            tokens: ``(batch, token, 384)`` token vectors of the sentence encoder, zero where there is no token.
            mask: ``(batch, token)`` boolean, where there is one.
        """
        token_mask = mask[..., None]
        hidden = functional.gelu(self.lift(tokens)) * token_mask
        for layer, norm in zip(self.layers, self.norms, strict=True):
            context = layer(self.dropout(norm(hidden) * token_mask).transpose(1, 2)).transpose(1, 2)
            hidden = (hidden + functional.gelu(context)) * token_mask
        hidden = self.dropout(hidden)
        return self.marks(hidden), self.classes(hidden)

    def told(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Log-probabilities of the classes ``(batch, 13)`` of sentences that are taken as one step each."""
        inner = mask.clone()
        inner[:, 0] = False  # the start and end markers have no label in training
        inner[torch.arange(len(mask)), mask.sum(dim=1) - 1] = False
        inner = torch.where(inner.any(dim=1, keepdim=True), inner, mask)[..., None]
        each = self(tokens, mask)[1].log_softmax(dim=2)
        found: Tensor = ((each * inner).sum(dim=1) / inner.sum(dim=1)).log_softmax(dim=1)
        return found

    @torch.inference_mode()
    def find(self, text: str, tokens: Tensor, places: Sequence[tuple[int, int]]) -> list[Span]:
        """The steps in a sentence, in the order of its words.

        Args:
            text: the sentence.
            tokens: ``(token, 384)``, with the markers of start and end.
            places: where each token starts and stops in the text.
        """
        marks, _ = self(tokens[None].float(), torch.ones(1, len(tokens), dtype=torch.bool))
        groups = _words(text, places)
        scores = [marks[0, first:last].log_softmax(dim=1).sum(dim=0) for first, last in groups]
        path = _likeliest(torch.stack(scores)) if scores else []
        spans: list[Span] = []
        start = 0
        for at in range(1, len(path) + 1):
            if at < len(path) and path[at] == path[start]:
                continue
            if path[start] != NOWHERE:
                spans.append(Span(places[groups[start][0]][0], places[groups[at - 1][1] - 1][1], path[start]))
            start = at
        return spans


def _words(text: str, places: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """First token and one past the last of each word; start and end markers, of zero length, are left out."""
    groups: list[tuple[int, int]] = []
    for at, (start, stop) in enumerate(places):
        if stop <= start:
            continue
        if groups and places[at - 1][1] == start and text[start - 1].isalnum() and text[start].isalnum():
            groups[-1] = (groups[-1][0], at + 1)
        else:
            groups.append((at, at + 1))
    return groups


def _likeliest(scores: Tensor) -> list[int]:
    """The most likely sequence of marks, given the cost of changes (Viterbi); ``scores`` is ``(token, mark)``."""
    best, back = scores[0], []
    for score in scores[1:]:
        stay, (top, origin) = best, best.max(dim=0)
        change = top - _CHANGE
        back.append(torch.where(stay >= change, torch.arange(len(best)), origin))
        best = torch.maximum(stay, change) + score
    path = [int(best.argmax())]
    for origin in reversed(back):
        path.append(int(origin[path[-1]]))
    return path[::-1]
