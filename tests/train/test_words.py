"""The vote of the words learns from the grammar and repeats."""

import pytest
import torch

from llars.model.ngrams import grams
from llars.model.reading import CLASSES
from llars.train import words
from llars.train.words import train_words


def test_learns_words_of_the_trade_and_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "PER_TASK", 250)
    monkeypatch.setattr(words, "IRRELEVANT", 250)
    one, two = train_words(3), train_words(3)
    assert torch.equal(one.weights.weight, two.weights.weight)
    said = {"destripe it": "destripe", "reduce the noise": "denoise", "pansharpen": "pansharpen", "dehaze": "haze"}
    read = one([grams(text) for text in said]).argmax(dim=1)
    assert [CLASSES[int(row)] for row in read] == list(said.values())


def test_leaves_out_what_is_not_taught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "PER_TASK", 60)
    monkeypatch.setattr(words, "IRRELEVANT", 60)
    vote = train_words(0, accepts=lambda utterance: utterance.task != "sr")
    assert float(vote([grams("super-resolution x2")])[0, CLASSES.index("sr")].detach().exp()) < 0.05
