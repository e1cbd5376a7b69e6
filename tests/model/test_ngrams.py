"""Facts about the vote of the words."""

import pytest
import torch

from llars.model.ngrams import BUCKETS, WordVote, grams


def test_features_lie_in_the_table_and_repeat() -> None:
    places = grams("Use a Wiener filter, 3x3!")
    assert places == grams("use a wiener filter 3x3")
    assert all(0 <= place < BUCKETS for place in places)


def test_a_slip_of_the_finger_keeps_most_letter_groups() -> None:
    meant, slipped, other = (set(grams(word)) for word in ("destriping", "desstriping", "brightness"))
    assert len(meant & slipped) > len(meant) / 2
    assert len(meant & other) < len(meant) / 10


def test_the_order_of_words_counts() -> None:
    assert grams("cloud storage") != grams("storage cloud")


def test_a_text_without_words_says_nothing() -> None:
    vote = WordVote(4)
    torch.nn.init.normal_(vote.weights.weight)
    assert grams("...") == []
    assert vote([[], grams("haze")])[0].exp().tolist() == pytest.approx([0.25] * 4)


def test_each_text_is_read_alone() -> None:
    torch.manual_seed(0)
    vote = WordVote(4)
    torch.nn.init.normal_(vote.weights.weight)
    one, two = grams("remove the haze"), grams("x2")
    torch.testing.assert_close(vote([one, two])[1:], vote([two]))
