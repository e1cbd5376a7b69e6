"""Words about brightness: which direction, and by how many stops."""

import pytest

from llars import load
from llars.infer.instructions import Reader


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader()


@pytest.mark.parametrize(("text", "stops"), [("make it half as bright", -1.0), ("make the image 2x brighter", 1.0)])
def test_factors_of_brightness_are_done_as_they_are_named(reader: Reader, text: str, stops: float) -> None:
    assert [(step.task, step.severity) for step in reader.understand(text)] == [("brightness", stops)]


def test_directions_of_brightness(reader: Reader) -> None:
    for text in (
        "brighten it",
        "it is too dark",
        "half a stop brighter",
        "raise the exposure a lot",
        "lighten it slightly",
    ):
        assert reader.understand(text)[0].severity > 0, text
    for text in ("darken it", "it is too bright", "half a stop darker", "lower the exposure a lot", "dim it slightly"):
        assert reader.understand(text)[0].severity < 0, text


@pytest.mark.parametrize(("text", "stops"), [("brighten", 0.5), ("darken it", -0.5), ("brighten it slightly", 0.25)])
def test_a_brightness_without_words_of_strength_is_half_a_stop(reader: Reader, text: str, stops: float) -> None:
    assert reader.understand(text)[0].severity == stops


@pytest.mark.parametrize(
    ("text", "stops"),
    [
        ("brighten by 1/2 stop", 0.5), ("brighten it by 1/3 stop", 1 / 3), ("brighten by 1.5stops", 1.0),
        ("darken by a stop and a half", -1.0), ("brighten the image by one and a half stops", 1.0),
        ("two stops darker", -1.0), ("change the exposure by -0.5 EV", -0.5),
        ("darken it by two thirds of a stop", -2 / 3),
        ("a third of a stop brighter", 1 / 3),
    ],
)  # fmt: skip
def test_amounts_of_exposure_are_done_as_they_are_named(text: str, stops: float) -> None:
    (step,) = load().understand(text)
    assert (step.task, step.severity) == ("brightness", pytest.approx(stops))


@pytest.mark.parametrize(
    ("text", "said", "asked"),
    [
        ("two stops darker", "two stops darker", "2"),
        ("brighten by 1 1/2 stops, then remove the noise", "brighten by 1.5 stops", "1.5"),
    ],
)
def test_who_asks_for_more_stops_than_are_done_is_told(reader: Reader, text: str, said: str, asked: str) -> None:
    beyond = f"'{said}' asks for {asked} stops; llars makes an image brighter or darker by 1 at most, and does that"
    assert beyond in reader.interpret(text).doubts
    assert not any("at most" in doubt for doubt in reader.interpret("brighten by one stop").doubts)
