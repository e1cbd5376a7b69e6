"""Our grammar of instructions: what people say when they want an image mended, and how strongly they say it.

The words live in ``grammar.yaml`` (the tasks) and ``irrelevant.yaml`` (everything else). Held-out templates are never
trained on; they measure understanding of words that nobody taught.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import Any

import yaml

from llars.errors import ConfigError
from llars.tasks import TASK_KEYS

__all__ = ["NONE", "SPLITS", "Utterance", "corpus", "sentence", "signed_levels"]

NONE = "none"
"""The class of sentences that ask for nothing we do."""

SPLITS = ("train", "heldout")

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{(\w+)\}")
_WORD = re.compile(r"[A-Za-z]{5,}")
_KINDS = {"do": 0.5, "noun": 0.2, "say": 0.3}
_TYPO_RATE = 0.06
_PLAIN_SHARE = 0.5


@dataclass(frozen=True)
class Utterance:
    """A sentence and what it asks for."""

    text: str
    """The words."""

    task: str
    """A task key, or ``none``."""

    severity: float | None
    """Strength in [0, 1], signed for ``brightness``, (scale - 1) / 3 for ``sr``; None where none is named."""

    scale: int = 1
    """Factor by which the grid gets finer, where the sentence names it (``sr``)."""


@dataclass(frozen=True)
class _Level:
    """One strength and its words."""

    severity: float | None
    scale: int
    silent: bool
    words: Mapping[str, Sequence[str]]


@dataclass
class _Expansion:
    """Fills templates of one task at one level, and notes whether words of strength were spoken."""

    words: Mapping[str, Sequence[str]]
    strengths: frozenset[str]
    rng: random.Random
    spoken: bool = False

    def fill(self, template: str) -> str:
        """The template with every choice made and every slot filled."""
        text = template
        while True:
            text, choices = _CHOICE.subn(lambda found: self.rng.choice(found[1].split("|")), text)
            text, slots = _SLOT.subn(lambda found: self._word(found[1]), text)
            if not choices and not slots:
                return text

    def _word(self, slot: str) -> str:
        if slot not in self.words:
            raise ConfigError(f"the grammar has no words for {{{slot}}}; add a list of that name")
        word = self.rng.choice(self.words[slot])
        if slot in self.strengths and word:
            self.spoken = True
        return word


@dataclass
class _Grammar:
    """Both files, read once."""

    shared: Mapping[str, Sequence[str]]
    levels: Mapping[str, _Level]
    strengths: Sequence[str]
    frames: Mapping[str, Mapping[str, Sequence[str]]]
    tasks: Mapping[str, Mapping[str, Any]]
    irrelevant: Mapping[str, Any]
    task_levels: dict[str, dict[str, _Level]] = field(default_factory=dict)


def _levels(table: Mapping[str, Any]) -> dict[str, _Level]:
    return {
        name: _Level(
            entry["severity"], entry.get("scale", 1), entry.get("silent", entry["severity"] is None), entry["words"]
        )
        for name, entry in table.items()
    }


@lru_cache(maxsize=1)
def _grammar() -> _Grammar:
    folder = files("llars.text")
    raw = yaml.safe_load((folder / "grammar.yaml").read_text(encoding="utf-8"))
    irrelevant = yaml.safe_load((folder / "irrelevant.yaml").read_text(encoding="utf-8"))
    shared_levels = _levels(raw["levels"])
    grammar = _Grammar(raw["shared"], shared_levels, raw["strengths"], raw["frames"], raw["tasks"], irrelevant)
    for key in TASK_KEYS:
        task = grammar.tasks[key]
        levels = _levels(task["levels"]) if "levels" in task else dict(shared_levels)
        for name, words in task.get("level_words", {}).items():
            old = levels[name]
            levels[name] = _Level(old.severity, old.scale, old.silent, {**old.words, **words})
        grammar.task_levels[key] = levels
    return grammar


def signed_levels(task: str) -> tuple[float, ...]:
    """Severities that sentences of ``task`` can name, ascending."""
    found = {level.severity for level in _grammar().task_levels[task].values() if level.severity is not None}
    return tuple(sorted(found))


def sentence(task: str, severity: float | None, rng: random.Random, split: str = "train") -> str:
    """A random sentence that asks for ``task`` at the strength nearest to ``severity``.

    Args:
        task: a task key, or ``none`` for words that ask for nothing we do.
        severity: [0, 1], [-1, 1] for ``brightness``, (scale - 1) / 3 for ``sr``; None for a sentence that names no
            strength (for ``brightness``, which always has a direction, half a stop up or down).
        rng: source of randomness.
        split: ``train`` or ``heldout``; the two share no template.

    Raises:
        ConfigError: there is no such task or split.
    """
    if task == NONE:
        return _irrelevant(rng, split)
    return _spoken(task, _level(task, severity, rng), rng, split)


def corpus(task: str, n: int, seed: int, split: str = "train") -> list[Utterance]:
    """``n`` distinct sentences of ``task`` (or ``none``), over all strengths, the same for the same seed.

    Half of them name no strength, except for ``brightness``, where each level is as frequent as the next. The
    class ``none`` is small, so its sentences may repeat.
    """
    rng = random.Random(f"{task}/{seed}/{split}")
    if task == NONE:
        return [Utterance(_irrelevant(rng, split), NONE, None) for _ in range(n)]
    levels = list(_task_levels(task).values())
    plain = [level for level in levels if level.severity is None]
    named = [level for level in levels if level.severity is not None]
    found: dict[str, Utterance] = {}
    for _ in range(50 * n):
        if len(found) == n:
            break
        level = rng.choice(plain if plain and rng.random() < _PLAIN_SHARE else named)
        text = _spoken(task, level, rng, split)
        found.setdefault(text, Utterance(text, task, level.severity, level.scale))
    return list(found.values())


def _task_levels(task: str) -> dict[str, _Level]:
    levels = _grammar().task_levels
    if task not in levels:
        raise ConfigError(f"the grammar has no task {task!r}; it has {', '.join(levels)} and {NONE}")
    return levels[task]


def _level(task: str, severity: float | None, rng: random.Random) -> _Level:
    levels = list(_task_levels(task).values())
    if severity is None:
        return rng.choice([level for level in levels if level.silent])
    named = [level for level in levels if level.severity is not None]
    return min(named, key=lambda level: abs((level.severity or 0.0) - severity))


def _spoken(task: str, level: _Level, rng: random.Random, split: str) -> str:
    grammar = _grammar()
    entry = grammar.tasks[task]
    if split not in SPLITS:
        raise ConfigError(f"the grammar has no split {split!r}; it has {' and '.join(SPLITS)}")
    source = entry if split == "train" else entry["heldout"]
    words = {**grammar.shared, **entry.get("words", {}), **level.words}
    strengths = frozenset(entry.get("strengths", grammar.strengths))
    while True:
        expansion = _Expansion(words, strengths, rng)
        kind = rng.choices(list(_KINDS), list(_KINDS.values()))[0]
        core = expansion.fill(rng.choice(source[kind]))
        where = split if split == "train" or rng.random() < 0.5 else "train"
        frames = grammar.frames[where][kind]
        must = not level.silent and not expansion.spoken
        frames = [frame for frame in frames if _names_strength(frame) == must and _known(frame, kind, words)]
        if frames:
            text = expansion.fill(rng.choice(frames).replace("{" + kind + "}", core))
            if level.silent or expansion.spoken:
                return _finish(text, rng)


def _names_strength(frame: str) -> bool:
    return any(slot in _grammar().strengths for slot in _SLOT.findall(frame))


def _known(frame: str, kind: str, words: Mapping[str, Sequence[str]]) -> bool:
    """Whether the task has words for every slot; there is no weak way to double something."""
    return all(slot == kind or slot in words for slot in _SLOT.findall(frame))


def _irrelevant(rng: random.Random, split: str) -> str:
    table = _grammar().irrelevant
    return _finish(_Expansion(table["words"], frozenset(), rng).fill(rng.choice(table[split])), rng)


def _finish(text: str, rng: random.Random) -> str:
    """Spaces, capitals, full stops and the odd slip of the finger, as people leave them."""
    text = re.sub(r"\s+", " ", text).strip()
    text = re.sub(r" ([,.;:!?)])", r"\1", text).strip(" ,")
    if rng.random() < _TYPO_RATE:
        text = _slip(text, rng)
    if rng.random() < 0.4:
        text = text[:1].upper() + text[1:]
    if text[-1:].isalnum():
        text += rng.choices(["", ".", "!"], [0.66, 0.3, 0.04])[0]
    return text


def _slip(text: str, rng: random.Random) -> str:
    """One word with two letters swapped, one dropped, or one doubled."""
    words = list(_WORD.finditer(text))
    if not words:
        return text
    place = rng.choice(words)
    at = rng.randrange(place.start() + 1, place.end() - 1)
    middle = rng.choice([text[at + 1] + text[at], text[at + 1], text[at] + text[at] + text[at + 1]])
    return text[:at] + middle + text[at + 2 :]
