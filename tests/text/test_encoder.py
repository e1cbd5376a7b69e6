"""Facts about the bundled sentence encoder."""

import socket
from importlib.resources import files

import numpy as np
import pytest

from llars.text.encoder import MAX_TOKENS, WIDTH, SentenceEncoder


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    return SentenceEncoder()


def test_vectors_are_unit_float32(encoder: SentenceEncoder) -> None:
    vectors = encoder.encode(["remove the clouds", "double the resolution"])
    assert vectors.shape == (2, WIDTH)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_no_sentences_give_no_vectors(encoder: SentenceEncoder) -> None:
    assert encoder.encode([]).shape == (0, WIDTH)


def test_a_vector_does_not_depend_on_the_other_sentences(encoder: SentenceEncoder) -> None:
    long = "there are vertical lines all over the picture, could you please take them out of every band?"
    alone = encoder.encode(["dehaze"])[0]
    beside = encoder.encode([long, "dehaze", long])[1]
    # Padded rows add exact zeros; only the order of float32 sums may differ.
    np.testing.assert_allclose(alone, beside, atol=1e-6)


def test_meaning_outweighs_wording(encoder: SentenceEncoder) -> None:
    fog, mist, poem = encoder.encode(["fog over the valley", "mist in the valley", "write a poem"])
    assert fog @ mist > fog @ poem + 0.3


def test_tokens_pool_to_the_sentence(encoder: SentenceEncoder) -> None:
    (tokens,) = encoder.tokens(["remove noise"])
    assert tokens.shape == (4, WIDTH), "a start, two words, an end"
    mean = tokens.mean(axis=0)
    np.testing.assert_allclose(encoder.encode(["remove noise"])[0], mean / np.linalg.norm(mean), atol=1e-6)


def test_long_and_odd_texts_are_cut_not_refused(encoder: SentenceEncoder) -> None:
    (tokens,) = encoder.tokens(["haze " * 500])
    assert len(tokens) == MAX_TOKENS
    assert np.isfinite(encoder.encode(["", "\N{SNOWMAN}\N{CLOUD}", "雲を取り除く"])).all()


def test_needs_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the encoder must not open a socket")

    monkeypatch.setattr(socket, "socket", refuse)
    assert SentenceEncoder().encode(["deblur"]).shape == (1, WIDTH)


def test_what_ships_is_small_and_licensed() -> None:
    folder = files("llars.text") / "minilm"
    assert len((folder / "encoder.onnx").read_bytes()) < 25e6
    assert "Apache License" in (folder / "LICENSE").read_text(encoding="utf-8")
    assert "all-MiniLM-L6-v2" in (folder / "ORIGIN.md").read_text(encoding="utf-8")
