"""Sentences of our grammar that ask for two or three things, in order."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from llars.tasks import TASK_KEYS
from llars.text.grammar import core, finish
from llars.text.templates import read_table

__all__ = ["Composite", "composite"]

_PIECE = re.compile(r"\{(do|noun|say|fault|adj)([123])\}")
_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Composite:
    """A sentence that asks for several things."""

    text: str
    """The words."""

    tasks: tuple[str, ...]
    """Task keys in the order in which they are to be done."""


def composite(rng: random.Random, split: str = "train") -> Composite:
    """A random sentence that asks for two or three different tasks; ``split`` as in the grammar."""
    table = read_table("composites.yaml")
    while True:
        template = rng.choice(table[split])
        wanted = {number: kind for kind, number in _PIECE.findall(template)}
        tasks = rng.sample(TASK_KEYS, len(wanted))
        if {"cloud", "cloud_sar"} <= set(tasks):
            continue
        pieces = {
            f"{{{kind}{number}}}": core(tasks[int(number) - 1], kind, rng, split) for number, kind in wanted.items()
        }
        if None in pieces.values():
            continue
        text = _SLOT.sub(lambda found: rng.choice(table["words"].get(found[1], [found[0]])), template)
        for slot, words in pieces.items():
            text = text.replace(slot, str(words))
        return Composite(finish(text, rng), tuple(tasks))
