"""Sentences of our grammar that ask for two or three things, in order."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from llars.tasks import TASK_KEYS
from llars.text.grammar import core, finish, signed_levels
from llars.text.templates import foreign_step, read_table

__all__ = ["Composite", "composite"]

_PIECE = re.compile(r"\{(do|noun|say|fault|adj)([123])\}")
_SLOT = re.compile(r"\{(\w+)\}")
_NAMED_SHARE, _FOREIGN_SHARE = 0.25, 0.12


@dataclass(frozen=True)
class Composite:
    """A sentence that asks for several things."""

    text: str
    """The words."""

    tasks: tuple[str, ...]
    """Task keys in the order in which they are to be done."""


def composite(rng: random.Random, split: str = "train") -> Composite:
    """A random sentence that asks for two or three different tasks; ``split`` as in the grammar.

    In training some steps name a strength, and some ask for what nobody does here ("denoise and email it to Bob"):
    those count as steps when a sentence is cut, but not among its tasks.
    """
    table = read_table("composites.yaml")
    while True:
        template = rng.choice(table[split])
        wanted = {number: kind for kind, number in _PIECE.findall(template)}
        tasks = rng.sample(TASK_KEYS, len(wanted))
        if {"cloud", "cloud_sar"} <= set(tasks):
            continue
        steps = {number: _step(tasks[int(number) - 1], kind, rng, split) for number, kind in wanted.items()}
        if None in steps.values():
            continue
        foreign = ""
        if split == "train" and "do" in wanted.values() and rng.random() < _FOREIGN_SHARE:
            foreign = rng.choice([number for number, kind in wanted.items() if kind == "do"])
            steps[foreign] = foreign_step(rng)
        text = _SLOT.sub(lambda found: rng.choice(table["words"].get(found[1], [found[0]])), template)
        for number, words in steps.items():
            text = text.replace(f"{{{wanted[number]}{number}}}", str(words))
        return Composite(finish(text, rng), tuple(task for at, task in enumerate(tasks, 1) if str(at) != foreign))


def _step(task: str, kind: str, rng: random.Random, split: str) -> str | None:
    if split == "train" and kind == "do" and rng.random() < _NAMED_SHARE:
        return core(task, kind, rng, split, rng.choice(signed_levels(task)))
    return core(task, kind, rng, split)
