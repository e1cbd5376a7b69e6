"""The instruction reader: from the token vectors of a sentence to the requested task and its strength."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from llars.model.ngrams import WordVote, grams
from llars.model.steps import TOKEN_WIDTH, StepFinder
from llars.tasks import TASK_KEYS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["CLASSES", "SURE", "InstructionReader", "Reading", "ReadingTensors", "pad_tokens"]

CLASSES: tuple[str, ...] = (*TASK_KEYS, "none")
"""What a sentence may ask for, in the order of the outputs; ``none`` is for requests that no task fulfils."""

SURE = 0.35
"""Probability below which a reading of a sentence is not acted on."""


_STEPS_WEIGHT, _WORDS_WEIGHT = 0.2, 0.35
"""Weights of the votes of the step finder and of the words.

The first was chosen on held-out templates that had been looked at, the second and ``SURE`` by ``train.reading``.
"""


@dataclass
class ReadingTensors:
    """The network's output for a batch of sentences."""

    logits: Tensor
    """``(batch, 13)``, in the order of ``CLASSES``."""

    named: Tensor
    """``(batch,)`` logit: the sentence names a strength."""

    severity: Tensor
    """``(batch,)`` that strength in [-1, 1]; negative only to darken."""

    compound: Tensor
    """``(batch,)`` logit: the sentence asks for more than one thing."""

    spoils: Tensor
    """``(batch,)`` logit: the sentence asks for a degradation rather than for its removal."""


@dataclass(frozen=True)
class Reading:
    """What one sentence asks for."""

    task: str
    """The most likely task; ``none`` where that is more likely than all tasks together."""

    probability: float
    """Probability of ``task``."""

    second: str
    """The most likely class apart from ``task``."""

    second_probability: float
    """Probability of ``second``."""

    severity: float | None
    """Strength in [-1, 1]; None where the words name none."""

    compound: float
    """Probability that the words ask for more than one thing."""


class InstructionReader(nn.Module):
    """Attention pooling over the tokens beside the sentence vector, then a small perceptron; two other models vote too.

    The sentence vector alone blurs rare technical terms; several learned queries each look for their own.
    """

    def __init__(self, width: int = 128, queries: int = 6, hidden: int = 144, dropout: float = 0.3) -> None:
        super().__init__()
        self.lift = nn.Linear(TOKEN_WIDTH, width)
        self.queries = nn.Linear(width, queries)
        self.sentence = nn.Linear(TOKEN_WIDTH, width)
        self.mix = nn.Linear((queries + 1) * width, hidden)
        self.dropout = nn.Dropout(dropout)
        self.classes = nn.Linear(hidden, len(CLASSES))
        self.strength = nn.Linear(hidden, 4)
        self.steps = StepFinder(len(CLASSES))
        self.words = WordVote(len(CLASSES))

    def forward(self, tokens: Tensor, mask: Tensor) -> ReadingTensors:
        """Reads a batch.

        Args:
            tokens: ``(batch, token, 384)`` token vectors of the sentence encoder, zero where there is no token.
            mask: ``(batch, token)`` boolean, where there is one.
        """
        lifted = functional.gelu(self.lift(tokens))
        attention = self.queries(lifted).masked_fill(~mask[..., None], -1e4).softmax(dim=1)
        pooled = torch.einsum("btq,btw->bqw", attention, lifted).flatten(1)
        mean = functional.normalize((tokens * mask[..., None]).sum(dim=1), dim=1)
        # A unit vector of 384 numbers has entries of about 0.05; those of the tokens are about ten times larger.
        whole = functional.gelu(self.sentence(mean * 10))
        hidden = functional.gelu(self.mix(self.dropout(torch.cat([pooled, whole], dim=1))))
        hidden = self.dropout(hidden)
        named, severity, compound, spoils = self.strength(hidden).unbind(dim=1)
        return ReadingTensors(self.classes(hidden), named, severity.tanh(), compound, spoils)

    @torch.inference_mode()
    def read(self, texts: Sequence[str], tokens: Sequence[NDArray[np.float32]]) -> list[Reading]:
        """Reads sentences given as ``texts`` and as arrays ``(token, 384)``."""
        batch, mask = pad_tokens([torch.from_numpy(array).float() for array in tokens])
        out = self(batch, mask)
        own, by_steps = out.logits.log_softmax(dim=1), self.steps.told(batch, mask)
        by_words = self.words([grams(text) for text in texts])
        log_shares = (1 - _STEPS_WEIGHT - _WORDS_WEIGHT) * own + _STEPS_WEIGHT * by_steps + _WORDS_WEIGHT * by_words
        # A request for a degradation names it just as a request for its removal does, and the words vote for removal.
        nothing, wanted = CLASSES.index("none"), out.spoils.sigmoid()
        shares = log_shares.softmax(dim=1)
        spoilt = shares * (1 - wanted)[:, None]
        spoilt[:, nothing] += wanted
        best = torch.where((wanted > 0.5)[:, None], spoilt, shares).topk(2, dim=1)
        # "none" must be more likely than all tasks together, not just than the most likely one.
        swap = (best.indices[:, 0] == nothing) & (best.values[:, 0] < 0.5)
        values = torch.where(swap[:, None], best.values.flip(1), best.values)
        indices = torch.where(swap[:, None], best.indices.flip(1), best.indices)
        return [
            Reading(
                task=CLASSES[int(index[0])],
                probability=float(probability[0]),
                second=CLASSES[int(index[1])],
                second_probability=float(probability[1]),
                # A request for another brightness always has a direction, which is the sign.
                severity=float(severity) if named > 0 or CLASSES[int(index[0])] == "brightness" else None,
                compound=float(compound),
            )
            for probability, index, severity, named, compound in zip(
                values, indices, out.severity, out.named, out.compound.sigmoid(), strict=True
            )
        ]


def pad_tokens(tokens: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Sentences of ``(token, 384)`` as one batch ``(batch, token, 384)`` float32 with its mask ``(batch, token)``."""
    batch = nn.utils.rnn.pad_sequence(list(tokens), batch_first=True).float()
    lengths = torch.tensor([len(sentence) for sentence in tokens])
    return batch, torch.arange(batch.shape[1])[None] < lengths[:, None]
