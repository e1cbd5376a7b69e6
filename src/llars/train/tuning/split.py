"""Chooses the held-out images by place, so that no ground is both trained on and evaluated on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from llars.errors import DataError
from llars.train.tuning.examples import Example

__all__ = ["split_by_place"]


def split_by_place(examples: Sequence[Example], share: float) -> tuple[list[Example], list[Example]]:
    """Splits examples into those to train on and those held out; examples of one place, or that overlap, stay together.

    The choice of places depends on their names alone.

    Raises:
        DataError: all examples are of one place.
    """
    places: dict[str, list[Example]] = {}
    for example, place in zip(examples, _places(examples), strict=True):
        places.setdefault(place, []).append(example)
    if len(places) < 2:
        raise DataError(
            f"all {len(examples)} images overlap or share a place; at least one place must be held out: "
            "give images of a second one"
        )
    order = sorted(places, key=lambda place: hashlib.sha256(place.encode()).hexdigest())
    count = min(len(places) - 1, max(1, round(share * len(places))))
    held = set(order[:count])
    return (
        [example for place, members in places.items() if place not in held for example in members],
        [example for place, members in places.items() if place in held for example in members],
    )


def _places(examples: Sequence[Example]) -> list[str]:
    """The place of each example: named after the first example of those linked by overlap or by the user's name."""
    parent = list(range(len(examples)))

    def find_root(index: int) -> int:
        while parent[index] != index:
            index = parent[index]
        return index

    for second, other in enumerate(examples):
        for first in range(second):
            if _same_place(examples[first], other):
                # The earlier example leads, so that the names of places do not depend on the order of the unions.
                low, high = sorted((find_root(first), find_root(second)))
                parent[high] = low
    return [examples[find_root(index)].place or examples[find_root(index)].name for index in range(len(examples))]


def _same_place(first: Example, second: Example) -> bool:
    if first.place and second.place:
        return first.place == second.place
    a, b = first.footprint, second.footprint
    if a is None or b is None or a[0] != b[0]:
        return False
    return min(a[3], b[3]) > max(a[1], b[1]) and min(a[4], b[4]) > max(a[2], b[2])
