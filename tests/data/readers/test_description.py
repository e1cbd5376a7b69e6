"""Descriptions say what they must, and are refused when they don't; places are drawn evenly and for good."""

from __future__ import annotations

from collections import Counter

import pytest

from llars.data.readers import get_set, sets
from llars.data.readers.description import parse_family
from llars.data.readers.index import split_of
from llars.errors import DataError
from llars.sensors import SENSORS

FAMILY = """
home: https://example.org
citation: someone
licence: CC0
sets:
  mine:
    title: Mine
    task: haze
    images:
      input: {path: "{id}_hazy.png", sensor: rgb}
      target: {path: "{id}.png", sensor: rgb}
"""


def test_every_set_of_the_design_is_there() -> None:
    families = Counter(name.partition("-")[0] for name in sets())
    assert families == {
        "cuhk": 4,
        "dhid": 1,
        "haze1k": 3,
        "lhid": 1,
        "nbu": 6,
        "oli2msi": 1,
        "pancollection": 8,
        "rice1": 1,
        "rice2": 1,
        "rrshid": 3,
        "rsid": 1,
        "sar": 2,
        "sen12mscr": 8,
        "sen2venus": 2,
        "stf": 5,
    }


@pytest.mark.parametrize("name", sets())
def test_every_set_says_where_it_comes_from(name: str) -> None:
    described = get_set(name)
    assert described.home.startswith("https://")
    assert described.licence and described.citation and described.title
    for image in described.images.values():
        assert image.sensor in SENSORS
        assert image.value_range[0] < image.value_range[1]


def test_sen2venus_has_29_sites() -> None:
    import re

    sites = get_set("sen2venus-x2").fields["site"].split("|")
    count = sum(len(match[1]) if (match := re.search(r"\[(\d+)\]", site)) else 1 for site in sites)
    assert count == 29


def test_a_description_that_is_whole() -> None:
    mine = parse_family(FAMILY, "mine.yaml")["mine"]
    assert (mine.title, mine.ground, mine.block) == ("Mine", "mine", 1)
    assert [band.name for band in mine.images["input"].bands] == ["R", "G", "B"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("task: haze", "task: dehaze", "task 'dehaze'"),
        ("      target:", "      truth:", "roles"),
        ("licence: CC0", "", "licence"),
        ("title: Mine", "title: Mine\n    split: {lists: {valid: [1]}}", "valid"),
        ("title: Mine", "title: Mine\n    colour: red", "colour"),
        ('path: "{id}.png", ', "", "path"),
        ('"{id}.png"', '"<id>.png"', "id"),
    ],
)
def test_a_description_that_is_not(old: str, new: str, said: str) -> None:
    assert old in FAMILY
    with pytest.raises(DataError, match=f"mine.yaml: set 'mine' is not described whole .*{said}"):
        parse_family(FAMILY.replace(old, new), "mine.yaml")


def test_places_are_drawn_evenly() -> None:
    mine = parse_family(FAMILY, "mine.yaml")["mine"]
    counts = Counter(split_of(mine, {}, f"mine/{i}") for i in range(5000))
    # Binomial deviations are 28 and 21; four of them are allowed.
    assert counts["train"] == pytest.approx(4000, abs=113)
    assert counts["val"] == pytest.approx(500, abs=85)
    assert counts["test"] == pytest.approx(500, abs=85)


def test_places_are_drawn_for_good() -> None:
    # Were these to change, what had been held out would come to be trained on.
    mine = get_set("sen2venus-x2")
    drawn = {site: split_of(mine, {}, f"sen2venus/{site}") for site in ("ALSACE", "ARM", "FR-LQ1", "SUDOUE-2")}
    assert drawn == {"ALSACE": "train", "ARM": "val", "FR-LQ1": "test", "SUDOUE-2": "test"}
