"""Facts about the training of the instruction reader, on a few sentences and an encoder that hashes words."""

import random
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from llars.model.reading import CLASSES, pad_tokens
from llars.text.grammar import NONE, corpus, spoilers
from llars.train import reading
from llars.train.reading import Examples, batches, doubled, encoded, train, utterances


class Hashing:
    """A vector for each word, the same wherever it stands; counts the texts that it saw."""

    def __init__(self) -> None:
        self.seen = 0

    def tokens(self, texts: Sequence[str], batch: int = 64) -> list[np.ndarray]:
        self.seen += len(texts)
        return [
            np.stack([np.random.default_rng(zlib.crc32(word.encode())).normal(size=384) for word in text.split()])
            for text in texts
        ]


def data_of(tasks: Sequence[str], each: int, spoiling: int = 0) -> Examples:
    found = [utterance for task in tasks for utterance in corpus(task, each, seed=1)] + spoilers(spoiling, seed=1)
    return Examples(
        encoded(Hashing(), [utterance.text for utterance in found], None),  # type: ignore[arg-type]
        torch.tensor([CLASSES.index(utterance.task) for utterance in found]),
        torch.tensor([float("nan") if u.severity is None else u.severity for u in found]),
        torch.arange(len(found)) >= len(found) - spoiling,
        torch.zeros(len(found), dtype=torch.bool),
    )


def test_a_complaint_and_a_request_for_the_same_are_one_task() -> None:
    rng = random.Random(2)
    found = [doubled(rng) for _ in range(60)]
    assert len({utterance.task for utterance in found}) > 6
    assert all(utterance.task != NONE and utterance.severity is None for utterance in found)
    assert not any(set("{}[]|") & set(utterance.text) for utterance in found)


def test_every_class_is_taught_and_so_are_the_canonical_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PER_TASK", 20)
    monkeypatch.setattr(reading, "IRRELEVANT", 20)
    monkeypatch.setattr(reading, "DOUBLED", 10)
    monkeypatch.setattr(reading, "SPOILERS", 10)
    found = utterances(seed=0)
    assert {utterance.task for utterance in found} == set(CLASSES)
    assert sum(utterance.text == "remove the haze" for utterance in found) >= reading.CANONICAL_REPEATS
    assert all(utterance.task == NONE for utterance in found[-10:]), "requests for faults come last"


def test_encoded_sentences_are_kept_between_runs(tmp_path: Path) -> None:
    encoder, cache = Hashing(), tmp_path / "cache.npz"
    first = encoded(encoder, ["remove noise", "x2 für alles", "remove noise"], cache)  # type: ignore[arg-type]
    again = encoded(encoder, ["x2 für alles", "destripe it now"], cache)  # type: ignore[arg-type]
    assert encoder.seen == 3, "each text is encoded once"
    assert torch.equal(first[0], first[2]) and torch.equal(first[1], again[0])
    assert [len(tokens) for tokens in again] == [3, 3]
    assert again[0].dtype == torch.float16


def test_batches_hold_every_row_once() -> None:
    data = data_of(["denoise", "sr"], 150)
    rows = torch.arange(20, 300)
    found = batches(data, rows)
    assert torch.equal(torch.cat(found).sort().values, rows)
    assert max(len(batch) for batch in found) <= reading.BATCH


def test_training_learns_and_repeats() -> None:
    data = data_of(["destripe", "sr", NONE], 200)
    one, two = (train(data, torch.arange(len(data)), seed=3, epochs=16) for _ in range(2))
    # The other two votes are trained elsewhere, so the network is asked alone.
    with torch.inference_mode():
        right = int((one(*pad_tokens(data.tokens)).logits.argmax(dim=1) == data.task).sum())
    # Three classes in words that repeat: chance is a third.
    assert right > 0.85 * len(data)
    for name, tensor in one.state_dict().items():
        assert torch.equal(tensor, two.state_dict()[name]), name


def test_what_asks_for_a_fault_is_learnt_apart_from_the_class() -> None:
    data = data_of(["destripe"], 200, spoiling=200)
    reader = train(data, torch.arange(len(data)), seed=3, epochs=16)
    with torch.inference_mode():
        out = reader(*pad_tokens(data.tokens))
    assert int(((out.spoils > 0) == data.spoils).sum()) > 0.85 * len(data), "half would be chance"
    assert (out.logits.argmax(dim=1) == CLASSES.index("destripe")).all(), "no other class was ever taught"
