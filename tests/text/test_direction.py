"""Facts about the words that say which way brightness goes."""

import pytest

from llars.text.direction import direction, stops
from llars.text.grammar import corpus


@pytest.mark.parametrize(
    ("text", "way"),
    [
        ("brighten it", 1), ("make it a bit lighter", 1), ("it is too dark", 1), ("underexposed", 1),
        ("turn the exposure up by half a stop", 1), ("raise the brightness", 1),
        ("darken it", -1), ("dim it a touch", -1), ("far too bright", -1), ("over-exposed", -1),
        ("reduce the exposure", -1), ("brightness down by 1 EV", -1),
        ("drop the overall illumination", -1), ("illuminate it", 1),
        ("remove the haze", 0), ("it is a dim picture", 0), ("brighten it but darken the sky", 0),
    ],
)  # fmt: skip
def test_words_that_leave_no_doubt(text: str, way: int) -> None:
    assert direction(text) == way


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("brighten it by one stop", 1), ("half a stop darker", 0.5), ("exposure up by 0.5 EV", 0.5),
        ("a quarter of a stop up", 0.25), ("down 2 stops", 2), ("a full stop brighter", 1),
        ("brighten it a lot", None), ("stop the stripes", None),
    ],
)  # fmt: skip
def test_stops_that_are_named(text: str, number: float | None) -> None:
    assert stops(text) == number


@pytest.mark.parametrize("split", ["train", "heldout"])
def test_never_against_the_grammar(split: str) -> None:
    said = [(direction(u.text), u) for u in corpus("brightness", 800, seed=3, split=split)]
    assert not [u.text for way, u in said if way * (u.severity or 0) < 0]
    assert sum(way != 0 for way, _ in said) > 0.5 * len(said), "it speaks for most sentences"
