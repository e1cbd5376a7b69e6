"""Trains the word vote on many sentences of the grammar, from their words and letter groups, without the encoder."""

from __future__ import annotations

import random
from collections.abc import Callable

import torch
from torch.nn import functional

from llars.model.ngrams import WordVote, grams
from llars.model.reading import CLASSES
from llars.text.grammar import NONE, Utterance, corpus

__all__ = ["train_words"]

PER_TASK, IRRELEVANT = 6000, 18_000
EPOCHS, BATCH, RATE, DECAY = 3, 256, 0.03, 0.01
_FORGOTTEN = 0.3
"""Share of the features that are dropped, so that no text is classified by one of them alone."""


def train_words(seed: int, taught: Callable[[Utterance], bool] = lambda _: True) -> WordVote:
    """A vote trained from scratch on sentences that ``taught`` accepts; the same for the same seed on one machine."""
    said = [u for task in CLASSES for u in corpus(task, IRRELEVANT if task == NONE else PER_TASK, seed + 1)]
    said = [utterance for utterance in said if taught(utterance)]
    features = [grams(utterance.text) for utterance in said]
    meant = torch.tensor([CLASSES.index(utterance.task) for utterance in said])
    torch.manual_seed(seed)
    rng = random.Random(seed)
    vote = WordVote(len(CLASSES))
    optimiser = torch.optim.AdamW(vote.parameters(), lr=RATE, weight_decay=DECAY)
    batches = -(-len(said) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=EPOCHS * batches, pct_start=0.1)
    for epoch in range(EPOCHS):
        running = 0.0
        for rows in torch.split(torch.randperm(len(said)), BATCH):
            shown = [[one for one in features[row] if rng.random() > _FORGOTTEN] for row in rows.tolist()]
            value = functional.nll_loss(vote(shown), meant[rows])
            optimiser.zero_grad()
            value.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            running += float(value.detach()) / batches
        print(f"words, epoch {epoch + 1}/{EPOCHS}: loss {running:.3f}", flush=True)
    return vote.eval()
