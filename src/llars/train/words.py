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
_DROPOUT = 0.3
"""Share of the features that are dropped, so that no text is classified by one of them alone."""


def train_words(seed: int, accepts: Callable[[Utterance], bool] = lambda _: True) -> WordVote:
    """A vote trained from scratch on sentences that ``accepts`` lets pass; the same for a seed on one machine."""
    utterances = [u for task in CLASSES for u in corpus(task, IRRELEVANT if task == NONE else PER_TASK, seed + 1)]
    utterances = [utterance for utterance in utterances if accepts(utterance)]
    features = [grams(utterance.text) for utterance in utterances]
    labels = torch.tensor([CLASSES.index(utterance.task) for utterance in utterances])
    torch.manual_seed(seed)
    rng = random.Random(seed)
    vote = WordVote(len(CLASSES))
    optimiser = torch.optim.AdamW(vote.parameters(), lr=RATE, weight_decay=DECAY)
    batches = -(-len(utterances) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=EPOCHS * batches, pct_start=0.1)
    for epoch in range(EPOCHS):
        running = 0.0
        for rows in torch.split(torch.randperm(len(utterances)), BATCH):
            kept = [[one for one in features[row] if rng.random() > _DROPOUT] for row in rows.tolist()]
            value = functional.nll_loss(vote(kept), labels[rows])
            optimiser.zero_grad()
            value.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            running += float(value.detach()) / batches
        print(f"words, epoch {epoch + 1}/{EPOCHS}: loss {running:.3f}", flush=True)
    return vote.eval()
