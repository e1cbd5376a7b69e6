"""The frozen sentence encoder: all-MiniLM-L6-v2, quantised and bundled; nothing is downloaded."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["WIDTH", "SentenceEncoder"]

WIDTH = 384
"""Length of a sentence vector and of a token vector."""

MAX_TOKENS = 128
"""Longer sentences are truncated: the position table of the bundled file ends here."""


class SentenceEncoder:
    """Encodes sentences as vectors, on one thread.

    The vector of a sentence depends on that sentence alone, not on others in the same call (up to rounding).
    Loading takes about a tenth of a second.
    """

    def __init__(self) -> None:
        # Builds since 1.31 send telemetry on every run; the variable is read on import.
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
        import onnxruntime as ort
        from tokenizers import Tokenizer

        folder = files("llars.text") / "minilm"
        self._tokenizer = Tokenizer.from_str((folder / "tokenizer.json").read_text(encoding="utf-8"))
        self._tokenizer.enable_truncation(MAX_TOKENS)
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = ort.InferenceSession(
            (folder / "encoder.onnx").read_bytes(), options, providers=["CPUExecutionProvider"]
        )

    def __reduce__(self) -> tuple[type[SentenceEncoder], tuple[()]]:
        """Sessions of ONNX Runtime cannot be copied or pickled: a copy loads the bundled files again."""
        return type(self), ()

    def encode(self, texts: Sequence[str], batch: int = 64) -> NDArray[np.float32]:
        """Sentence vectors ``(n, 384)``, float32, unit length: the mean of the token vectors, normalised."""
        vectors = [tokens.mean(axis=0) for tokens in self.tokens(texts, batch)]
        if not vectors:
            return np.zeros((0, WIDTH), dtype=np.float32)
        means = np.stack(vectors)
        unit: NDArray[np.float32] = means / np.linalg.norm(means, axis=1, keepdims=True)
        return unit

    def knows(self, word: str) -> bool:
        """Whether a word, in lower case, is a single token, and so was common in the encoder's training data."""
        return self._tokenizer.token_to_id(word) is not None

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Start and stop in ``text`` of each token of ``tokens``; both are 0 for the special start and end tokens."""
        return [(int(start), int(stop)) for start, stop in self._tokenizer.encode(text).offsets]

    def tokens(self, texts: Sequence[str], batch: int = 64) -> list[NDArray[np.float32]]:
        """Token vectors ``(token, 384)`` of each sentence, float32, including the special start and end tokens."""
        ids = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        # Sentences of similar length share a batch, so that little is computed for padding.
        order = sorted(range(len(ids)), key=lambda index: len(ids[index]))
        found: dict[int, NDArray[np.float32]] = {}
        for start in range(0, len(order), batch):
            members = order[start : start + batch]
            longest = max(len(ids[index]) for index in members)
            padded = np.zeros((len(members), longest), dtype=np.int64)
            mask = np.zeros_like(padded)
            for row, index in enumerate(members):
                padded[row, : len(ids[index])] = ids[index]
                mask[row, : len(ids[index])] = 1
            tokens = self._session.run(["tokens"], {"input_ids": padded, "attention_mask": mask})[0]
            found.update({index: tokens[row, : len(ids[index])].copy() for row, index in enumerate(members)})
        return [found[index] for index in range(len(ids))]
