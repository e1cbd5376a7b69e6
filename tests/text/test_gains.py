"""Factors on brightness in words, as stops."""

import math

import pytest

from llars.text.gains import gain_in_stops


@pytest.mark.parametrize(
    ("text", "stops"),
    [
        ("make it half as bright", -1), ("twice as bright", 1), ("make the image 2x brighter", 1), ("half as dark", 1),
        ("three times darker", -math.log2(3)), ("double the brightness", 1), ("halve the exposure", -1),
        ("brighten by a factor of 1.5", math.log2(1.5)), ("darken it 2x", -1),
        ("brighten it, 2x", 1), ("brighten it by 50 %", math.log2(1.5)),
        ("darken by 50 percent", -1), ("20 % brighter", math.log2(1.2)), ("brighten by -20 %", math.log2(0.8)),
        ("brightness +20 %", math.log2(1.2)),
        ("exposure -10 %", math.log2(0.9)), ("brighten by 10-20 %", math.log2(1.2)), ("darken by 100 %", -10),
    ],
)  # fmt: skip
def test_a_factor_is_a_number_of_stops(text: str, stops: float) -> None:
    assert gain_in_stops(text) == pytest.approx(stops)


@pytest.mark.parametrize(
    "text", ["brighten it", "it is half as bright as the other", "darken by half", "5 % of the image is dark", "x2"]
)
def test_other_words_name_no_factor(text: str) -> None:
    assert gain_in_stops(text) is None
