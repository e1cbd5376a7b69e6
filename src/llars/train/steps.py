"""Trains the step finder on composites of the grammar with marked steps, and on sentences that ask for one task."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from llars.model.reading import CLASSES
from llars.model.steps import StepFinder
from llars.text.composites import Marked, marked
from llars.text.grammar import Utterance

__all__ = ["Lines", "lines", "train_steps"]

EPOCHS, BATCH, RATE = 8, 64, 3e-3
_IGNORED = -100


@dataclass
class Lines:
    """Sentences with the mark and the class of each token."""

    tokens: list[Tensor]
    """``(token, 384)`` float16 each."""

    marks: list[Tensor]
    """``(token,)`` int64 each: number of the step from 1, 0 between steps, -100 for the start and end tokens."""

    classes: list[Tensor]
    """``(token,)`` int64 each, index into ``CLASSES``; -100 outside the steps."""


class Offsets(Protocol):
    """An encoder that gives the character offsets of the tokens of a text."""

    def offsets(self, text: str) -> list[tuple[int, int]]: ...


def as_marked(utterance: Utterance) -> Marked:
    """A sentence that asks for one task, with all of it marked as one step."""
    return Marked(utterance.text, (1,) * len(utterance.text), (utterance.task,))


def sentences(single: Sequence[Utterance], composites: int, seed: int) -> list[Marked]:
    """All training sentences: the ``single`` ones, followed by a number of ``composites``."""
    rng = random.Random(f"steps/{seed}")
    return [as_marked(utterance) for utterance in single] + [marked(rng) for _ in range(composites)]


def lines(encoder: Offsets, marked_sentences: Sequence[Marked], tokens: list[Tensor]) -> Lines:
    """The sentences with the mark and the class of each of their ``tokens``."""
    result = Lines(tokens, [], [])
    for sentence in marked_sentences:
        marks = [sentence.steps[start] if stop > start else _IGNORED for start, stop in encoder.offsets(sentence.text)]
        classes = [CLASSES.index(sentence.tasks[mark - 1]) if mark > 0 else _IGNORED for mark in marks]
        result.marks.append(torch.tensor(marks))
        result.classes.append(torch.tensor(classes))
    return result


def loss(finder: StepFinder, data: Lines, rows: Sequence[int]) -> Tensor:
    """Cross-entropy of the marks and of the classes of all tokens."""
    pad = nn.utils.rnn.pad_sequence
    tokens = pad([data.tokens[row] for row in rows], batch_first=True).float()
    marks = pad([data.marks[row] for row in rows], batch_first=True, padding_value=_IGNORED)
    classes = pad([data.classes[row] for row in rows], batch_first=True, padding_value=_IGNORED)
    lengths = torch.tensor([len(data.tokens[row]) for row in rows])
    mask = torch.arange(tokens.shape[1])[None] < lengths[:, None]
    # Token dropout, so that no boundary between steps depends on a single word.
    kept = torch.rand(mask.shape) > 0.1
    predicted_marks, predicted_classes = finder(tokens * kept[..., None], mask)
    mark_loss = functional.cross_entropy(predicted_marks.flatten(0, 1), marks.flatten(), ignore_index=_IGNORED)
    class_loss = functional.cross_entropy(
        predicted_classes.flatten(0, 1), classes.flatten(), ignore_index=_IGNORED, label_smoothing=0.05
    )
    return mark_loss + 0.5 * class_loss


def train_steps(data: Lines, seed: int, epochs: int = EPOCHS) -> StepFinder:
    """A finder trained from scratch; the same for the same seed on the same machine."""
    torch.manual_seed(seed)
    finder = StepFinder(len(CLASSES)).train()
    optimiser = torch.optim.AdamW(finder.parameters(), lr=RATE, weight_decay=0.02)
    steps = epochs * len(_batches(data))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps, pct_start=0.1)
    for epoch in range(epochs):
        running = []
        for rows in _batches(data):
            value = loss(finder, data, rows)
            optimiser.zero_grad()
            value.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(finder.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            running.append(float(value.detach()))
        print(f"steps, epoch {epoch + 1}/{epochs}: loss {sum(running) / len(running):.3f}", flush=True)
    return finder.eval()


def _batches(data: Lines) -> list[list[int]]:
    """All rows in random batches of sentences of similar length."""
    order = torch.randperm(len(data.tokens)).tolist()
    pools = [sorted(order[at : at + 4096], key=lambda row: len(data.tokens[row])) for at in range(0, len(order), 4096)]
    batches = [pool[at : at + BATCH] for pool in pools for at in range(0, len(pool), BATCH)]
    random.Random(order[0]).shuffle(batches)
    return batches
