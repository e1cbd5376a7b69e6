"""Facts about slips of the finger, with a dictionary of a few words, and about the words of the grammar."""

import pytest

from llars.text.encoder import SentenceEncoder
from llars.text.spelling import Speller, vocabulary

TAUGHT = ("noise", "haze", "hazy", "contrast", "sharpen", "dehaze", "fog", "milky", "stripes")
ENGLISH = {"remove", "nose", "please", "from", "raise", "hose", "maze"}


@pytest.fixture
def speller() -> Speller:
    return Speller(TAUGHT, lambda word: word in ENGLISH)


@pytest.mark.parametrize(
    ("slip", "meant"),
    [
        ("reduce nosie", "reduce noise"),
        ("noisse", "noise"),
        ("contrst", "contrast"),
        ("Shapren it", "Sharpen it"),
        ("contrasst, please", "contrast, please"),
        ("hzae", "haze"),
    ],
)
def test_one_slip_is_mended(speller: Speller, slip: str, meant: str) -> None:
    assert speller.correct(slip) == meant


@pytest.mark.parametrize("word", ["nose", "hose", "maze", "raise", "xqzzy", "noise's", "anti-hzae", "hzyae", "x2"])
def test_other_words_stay(speller: Speller, word: str) -> None:
    assert speller.correct(f"remove {word} please") == f"remove {word} please"


def test_halve_is_a_word_although_have_is_near() -> None:
    speller = Speller(("have", "having"), lambda word: False)
    assert speller.correct("halve it, halved, Halving") == "halve it, halved, Halving"


@pytest.mark.parametrize(
    ("made", "meant"),
    [
        ("unhaze it", "dehaze it"),
        ("unfog it", "de-fog it"),
        ("the milkiness", "the milky look"),
        ("much hazier", "much more hazy"),
    ],
)
def test_words_made_on_the_spot_take_the_form_of_the_trade(speller: Speller, made: str, meant: str) -> None:
    assert speller.correct(made) == meant


def test_the_words_of_the_grammar_hold_no_slip_and_nothing_that_is_held_out() -> None:
    encoder = SentenceEncoder()
    words = vocabulary(encoder.knows)
    assert {"dehaze", "noise", "destripe", "contrast", "panchromatic"} <= set(words)
    assert not {"brigthen", "duoble", "unfog", "milkiness"} & set(words)
    assert len(set(words)) == len(words) < 5000


def test_canonical_words_pass_unchanged() -> None:
    encoder = SentenceEncoder()
    speller = Speller(vocabulary(encoder.knows), encoder.knows)
    text = "Despeckle the Pleiades GeoTIFF of Nairobi, dehaze it, pansharpen and superresolve"
    assert speller.correct(text) == text
