"""Facts about the words that say which way brightness goes."""

import pytest

from llars.text.direction import direction, plain_stops, stops
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
    ("text", "signed"),
    [
        ("brighten it by one stop", 1), ("half a stop darker", -0.5), ("exposure up by 0.5 EV", 0.5),
        ("a quarter of a stop up", 0.25), ("exposure down 2 stops", -2), ("a full stop brighter", 1),
        ("brighten it a lot", None), ("stop the stripes", None), ("by ٣ stops", None),
        ("brighten by 1/2 stop", 0.5), ("brighten by 1/3 stop", 1 / 3), ("darken by 2/3 of a stop", -2 / 3),
        ("brighten it by 1 1/2 stops", 1.5), ("brighten it by 1½ stops", 1.5), ("brighten by ¼ stop", 0.25),
        ("brighten it by a stop and a half", 1.5), ("darken by one and a half stops", -1.5),
        ("darken by one stop and a third", -4 / 3), ("brighten by two and two thirds stops", 8 / 3),
        ("two stops darker", -2), ("three-stop darker", -3), ("brighten by two thirds of a stop", 2 / 3),
        ("a third of a stop brighter", 1 / 3), ("a quarter stop darker", -0.25), ("half-stop darker", -0.5),
        ("brighten it by 1.5stops", 1.5), ("brighten by .5EV", 0.5), ("darken it by 0,5 EV", -0.5),
        ("exposure -0.5 EV", -0.5), ("exposure −0.5 EV", -0.5), ("exposure +0.5 EV", 0.5),
        ("change it by +1/3 EV", 1 / 3),
        ("brighten by -0.5 EV", -0.5), ("darken by -0.5 EV", -0.5), ("darken by +0.5 EV", -0.5),
        ("minus half a stop", -0.5),
        ("brighten it by 0.3-0.5 EV", 0.5), ("brighten it - 0.5 EV", 0.5), ("half the noise, one stop brighter", 1),
        ("a stop brighter and half the noise", 1),
    ],
)  # fmt: skip
def test_stops_that_are_named_with_their_sign(text: str, signed: float | None) -> None:
    assert stops(text) == (None if signed is None else pytest.approx(signed))


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("a stop and a half darker", "1.5 stops darker"),
        ("by 1 1/2 stops, then denoise", "by 1.5 stops, then denoise"),
        ("brighten by 1.5stops", "brighten by 1.5 stops"), ("by -0.5EV", "by -0.5 stops"),
        ("half a stop darker", "half a stop darker"), ("by 0.5 EV", "by 0.5 EV"),
        ("a stop and a half of the noise", "a stop and a half of the noise"),
    ],
)  # fmt: skip
def test_amounts_that_could_be_taken_apart_become_decimals(text: str, plain: str) -> None:
    assert plain_stops(text) == plain


@pytest.mark.parametrize("split", ["train", "heldout"])
def test_never_against_the_grammar(split: str) -> None:
    said = [(direction(u.text), u) for u in corpus("brightness", 800, seed=3, split=split)]
    assert not [u.text for way, u in said if way * (u.severity or 0) < 0]
    assert sum(way != 0 for way, _ in said) > 0.5 * len(said), "it speaks for most sentences"
