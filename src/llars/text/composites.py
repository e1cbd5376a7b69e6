"""Composite sentences of the grammar, which ask for two or more tasks in order."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from llars.tasks import TASK_KEYS
from llars.text.grammar import NONE, core, finish, signed_levels
from llars.text.templates import choose, foreign_step, joints, read_table

__all__ = ["MAX_STEPS", "Composite", "Marked", "composite", "marked"]

MAX_STEPS = 4
"""Largest number of steps of a training sentence."""

_PIECE = re.compile(r"\{(do|noun|say|fault|adj|step|any)([1-4])\}")
_SLOT = re.compile(r"\{(\w+)\}")
_MARK = re.compile("([\ue000-\ue004])")
_NAMED_SHARE, _FOREIGN_SHARE = 0.25, 0.2
# Kinds that only training has: a template that fits several kinds of pieces is used with all of them.
_EITHER = {"step": ("do", "noun"), "any": ("do", "do", "noun", "say")}


@dataclass(frozen=True)
class Composite:
    """A sentence that asks for several tasks."""

    text: str
    """The words."""

    tasks: tuple[str, ...]
    """Task keys in the order in which they are to be done."""


@dataclass(frozen=True)
class Marked:
    """A sentence with each character assigned to a step, or to none."""

    text: str
    """The words."""

    steps: tuple[int, ...]
    """For each character the number of its step in the order of work, from 1; 0 for words between steps."""

    tasks: tuple[str, ...]
    """Task of each step; ``none`` for a step that is none of our tasks."""


def composite(rng: random.Random, split: str = "train") -> Composite:
    """A random sentence that asks for two or more different tasks; ``split`` as in the grammar.

    In training some steps name a strength, and some ask for none of our tasks ("denoise and email it to Bob"): those
    count as steps when a sentence is cut, but are not among its tasks.
    """
    template, words, tasks = _drawn(rng, split)
    for slot, step_texts in words.items():
        template = template.replace(slot, step_texts)
    return Composite(finish(template, rng), tuple(task for task in tasks if task != NONE))


def marked(rng: random.Random) -> Marked:
    """A random training sentence like those of ``composite``, with its steps marked."""
    template, words, tasks = _drawn(rng, "train")
    for slot, step_texts in words.items():
        # Characters of the private use area mark the steps while the text is finished, and are then removed.
        template = template.replace(slot, f"{chr(0xE000 + int(slot[-2]))}{step_texts}\ue000")
    steps: list[int] = []
    step, text = 0, ""
    for piece in _MARK.split(finish(template, rng)):
        if _MARK.fullmatch(piece):
            step = ord(piece) - 0xE000
        else:
            text, steps = text + piece, steps + [step] * len(piece)
    capital = text[:1].upper() if rng.random() < 0.4 else text[:1]
    return Marked(capital + text[1:], tuple(steps), tasks)


def _drawn(rng: random.Random, split: str) -> tuple[str, dict[str, str], tuple[str, ...]]:
    """A template, the words of each of its slots, and the tasks of its steps in order."""
    while True:
        template = rng.choice(joints(split))
        slots = [(kind, int(number)) for kind, number in _PIECE.findall(template)]
        tasks = rng.sample(TASK_KEYS, len({number for _, number in slots}))
        if {"cloud", "cloud_sar"} <= set(tasks):
            continue
        step_texts = {slot: _step(tasks[slot[1] - 1], slot[0], rng, split) for slot in slots}
        if None in step_texts.values():
            continue
        open_to_all = [slot for slot in step_texts if slot[0] in ("do", "step")]
        if split == "train" and len(step_texts) == len(tasks) and open_to_all and rng.random() < _FOREIGN_SHARE:
            foreign = rng.choice(open_to_all)
            step_texts[foreign] = foreign_step(rng)
            tasks[foreign[1] - 1] = NONE
        text = _worded(template, rng)
        text = choose(_worded(text, rng), rng) if split == "train" else text
        return text, {f"{{{kind}{number}}}": str(words) for (kind, number), words in step_texts.items()}, tuple(tasks)


def _worded(template: str, rng: random.Random) -> str:
    """The template with all slots filled except those for steps."""
    words = read_table("composites.yaml")["words"]
    return _SLOT.sub(lambda found: rng.choice(words.get(found[1], [found[0]])), template)


def _step(task: str, kind: str, rng: random.Random, split: str) -> str | None:
    kind = rng.choice(_EITHER[kind]) if kind in _EITHER else kind
    if split == "train" and kind == "do" and rng.random() < _NAMED_SHARE:
        return core(task, kind, rng, split, rng.choice(signed_levels(task)))
    return core(task, kind, rng, split)
