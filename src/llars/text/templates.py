"""The template language of the grammar: reads its files and turns templates into text.

A template is text with alternatives ``[a|b|]`` and slots ``{name}``, nested to any depth.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, cast

import yaml

from llars.errors import ConfigError
from llars.tasks import TASK_KEYS

__all__ = [
    "KINDS",
    "PARTS",
    "SPLITS",
    "Level",
    "choose",
    "cores",
    "fill",
    "foreign_step",
    "irrelevant",
    "joints",
    "levels",
    "read_table",
    "sparing",
    "spoiling",
]

SPLITS = ("train", "heldout", "second")
"""Training templates, and two sets that are never trained on; ``second.yaml`` states how the two differ."""

KINDS = ("do", "noun", "say")
"""Imperatives ("remove the haze"), noun phrases ("haze removal"), whole sentences ("everything looks milky")."""

PARTS = ("fault", "adj")
"""A fault alone ("the stripes") and its adjective ("striped"), as they occur in composite sentences."""

# Share of irrelevant sentences without a frame.
_BARE_SHARE = {"train": 0.65, "heldout": 0.5, "second": 0.5}

# Among the irrelevant training sentences, shares of those with words of other fields in place of a task's words, and of
# those with a task's words that ask for no repair.
_FOREIGN_SHARE, _NEAR_SHARE = 0.28, 0.22
_FRAMED_SHARE = 0.5
_SPOILT = ("cloud", "haze", "denoise", "deblur", "destripe", "sr")

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{(\w+)\}")

Words = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Level:
    """One strength of one task, with the words and templates for it."""

    severity: float | None
    """Strength, signed; None if none is named."""

    scale: int
    """Factor of resolution that it stands for; 1 for none."""

    silent: bool
    """Whether sentences may leave the strength unsaid."""

    words: Words
    """Words that can fill each slot."""

    strengths: frozenset[str]
    """Slots whose words name the strength."""

    cores: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    """Templates of core phrases by split and kind (or part)."""

    frames: dict[tuple[str, str, bool], list[str]] = field(default_factory=dict)
    """Templates around a core phrase by split, kind, and whether they name a strength."""


def fill(template: str, words: Words, rng: random.Random, strengths: frozenset[str] = frozenset()) -> tuple[str, bool]:
    """The template with every choice made and every slot filled, and whether a slot of ``strengths`` got words.

    Raises:
        ConfigError: there are no words for a slot.
    """
    spoken = False

    def word(found: re.Match[str]) -> str:
        nonlocal spoken
        if found[1] not in words:
            raise ConfigError(f"the grammar has no words for {found[0]}; add a list of that name")
        chosen = rng.choice(words[found[1]])
        spoken = spoken or (found[1] in strengths and bool(chosen))
        return chosen

    text = template
    while True:
        text, choices = _CHOICE.subn(lambda found: rng.choice(found[1].split("|")), text)
        text, slots = _SLOT.subn(word, text)
        if not choices and not slots:
            return text, spoken


def choose(template: str, rng: random.Random) -> str:
    """The template with every choice made and its slots left as they are."""
    choices = 1
    while choices:
        template, choices = _CHOICE.subn(lambda found: rng.choice(found[1].split("|")), template)
    return template


@cache
def read_table(name: str) -> dict[str, Any]:
    """One of the grammar's YAML files, by its path inside this package."""
    table: dict[str, Any] = yaml.safe_load((files("llars.text") / name).read_text(encoding="utf-8"))
    return table


@lru_cache(maxsize=16)
def levels(task: str) -> tuple[Level, ...]:
    """All strengths of a task.

    Raises:
        ConfigError: the grammar does not know the task.
    """
    if task not in TASK_KEYS:
        raise ConfigError(f"the grammar has no task {task!r}; it has {', '.join(TASK_KEYS)} and none")
    table = read_table("grammar.yaml")
    entry = read_table(f"phrases/{task}.yaml")
    lexicon = read_table("lexicon.yaml")
    found = []
    for name, level in entry.get("levels", table["levels"]).items():
        own = {**level["words"], **entry.get("level_words", {}).get(name, {})}
        words = {**table["shared"], **lexicon["shared"], **entry.get("words", {}), **own}
        words |= {slot: said for slot, said in lexicon["tasks"][task].items() if slot not in KINDS}
        silent = level.get("silent", level["severity"] is None)
        strengths = frozenset(entry.get("strengths", table["strengths"]))
        made = Level(level["severity"], level.get("scale", 1), silent, words, strengths)
        for split in SPLITS:
            _collect(made, split, cores(task, split), entry)
        _add_lexicon(made, lexicon["tasks"][task], lexicon["frames"])
        found.append(made)
    return tuple(found)


def cores(task: str, split: str) -> Mapping[str, Any]:
    """The core phrase templates of a task by kind."""
    if split == "second":
        return cast(Mapping[str, Any], read_table("second.yaml")["tasks"][task])
    entry = read_table(f"phrases/{task}.yaml")
    return cast(Mapping[str, Any], entry if split == "train" else entry[split])


def _frames(split: str) -> Mapping[str, Any]:
    """Templates of the frames around a core phrase, by kind."""
    found = read_table("second.yaml")["frames"] if split == "second" else read_table("grammar.yaml")["frames"][split]
    return cast(Mapping[str, Any], found)


def joints(split: str) -> Sequence[str]:
    """Templates of composite sentences."""
    table = read_table("second.yaml") if split == "second" else read_table("composites.yaml")
    return cast(Sequence[str], table["composites" if split == "second" else split])


def _collect(level: Level, split: str, source: Mapping[str, Any], entry: Mapping[str, Any]) -> None:
    """Adds the templates whose slots the level can fill: for instance, nothing can be doubled slightly."""
    strengths = read_table("grammar.yaml")["strengths"]

    def known(template: str, kind: str) -> bool:
        return all(slot == kind or slot in level.words for slot in _SLOT.findall(template))

    for part in PARTS:
        level.cores[split, part] = list(entry.get(part, ()))
    for kind in KINDS:
        level.cores[split, kind] = [template for template in source[kind] if known(template, kind)]
        for frame in _frames(split)[kind]:
            names = any(slot in strengths for slot in _SLOT.findall(frame))
            if known(frame, kind):
                level.frames.setdefault((split, kind, names), []).append(frame)


def _add_lexicon(level: Level, entry: Mapping[str, Any], frames: Mapping[str, Any]) -> None:
    """Adds the training templates of the lexicon: its own, its frames, and its words as parts."""
    for kind in KINDS:
        added = [*entry.get(kind, ()), *frames[kind]]
        level.cores["train", kind] += [text for text in added if level.words.keys() >= set(_SLOT.findall(text))]
    for part, word in zip(PARTS, ("flaw", "look"), strict=True):
        # As often as the task's own templates, so that neither dominates.
        if word in level.words:
            level.cores["train", part] += [f"{{{word}}}"] * max(1, len(level.cores["train", part]))


def foreign_step(rng: random.Random) -> str:
    """A training imperative that asks for none of our tasks: "email it to Bob"."""
    table = read_table("irrelevant.yaml")
    if rng.random() < _FOREIGN_SHARE:
        words = {**_plain_words(), **read_table("lexicon.yaml")["none"]}
        return fill(rng.choice(["{act} {it}", "{act} {it}", "apply {tool}"]), words, rng)[0]
    return fill(rng.choice([*table["do"]["train"], *table["step"]]), table["words"], rng)[0]


def irrelevant(rng: random.Random, split: str) -> tuple[str, str]:
    """Words that ask for none of our tasks, and their template; many in frames of tasks, which mean nothing alone."""
    table = read_table("irrelevant.yaml")
    second = read_table("second.yaml")["irrelevant"]
    if split == "train" and (drawn := rng.random()) < _FOREIGN_SHARE + _NEAR_SHARE:
        return _foreign(rng) if drawn < _FOREIGN_SHARE else _near_miss(rng)
    if rng.random() < _BARE_SHARE[split]:
        template = rng.choice(second["bare"] if split == "second" else table[split])
        return fill(template, table["words"], rng)[0], template
    template = rng.choice(second["do"] if split == "second" else table["do"][split])
    inside, _ = fill(template, table["words"], rng)
    frame = rng.choice(_frames(split)["do"])
    return fill(frame.replace("{do}", inside), _plain_words(), rng)[0], template


def _plain_words() -> dict[str, Sequence[str]]:
    grammar = read_table("grammar.yaml")
    return {**grammar["shared"], **grammar["levels"]["plain"]["words"]}


def _foreign(rng: random.Random) -> tuple[str, str]:
    """Other fields in the wording of our requests ("remove the watermark", "it is too expensive"), and the template."""
    lexicon = read_table("lexicon.yaml")
    words = {**_plain_words(), **lexicon["none"], "the": [""]}
    kind = rng.choice(KINDS)
    template = rng.choice(lexicon["frames"][kind])
    frame = rng.choice(_frames("train")[kind])
    return fill(frame.replace(f"{{{kind}}}", template), words, rng)[0], template


def _near_miss(rng: random.Random) -> tuple[str, str]:
    """Words of a task that ask for no repair ("detect haze", "who invented the Wiener filter?"), and the template."""
    # Brightness has its words in its levels, and none of its own here.
    words = _near_words(rng.choice(TASK_KEYS[:-1]))
    near = read_table("lexicon.yaml")["near"]
    template = rng.choice([text for text in near if all(slot in words for slot in _SLOT.findall(text))])
    return fill(template, words, rng)[0], template


def spoiling(rng: random.Random) -> tuple[str, str]:
    """A training request for a fault ("add noise to it", "it should look hazy"), and its template."""
    spoil = read_table("lexicon.yaml")["spoil"]
    words = _near_words(rng.choice(_SPOILT))
    kind = rng.choice(["do", "do", "say"])
    template = rng.choice([text for text in spoil[kind] if "{good}" not in text or "good" in words])
    # A wish does not fit into the frames of complaints.
    frame = rng.choice(_frames("train")[kind]) if kind == "do" and rng.random() < _FRAMED_SHARE else f"{{{kind}}}"
    return fill(frame.replace(f"{{{kind}}}", template), words, rng)[0], template


def sparing(rng: random.Random) -> tuple[str, str, str]:
    """A request close to ``spoiling`` that asks for the repair ("make it less hazy"), its template and its task."""
    words = _near_words(task := rng.choice(_SPOILT))
    template = rng.choice(read_table("lexicon.yaml")["spare"])
    frame = rng.choice(_frames("train")["do"]) if template[0] != "{" and rng.random() < _FRAMED_SHARE / 2 else "{do}"
    return fill(frame.replace("{do}", template), words, rng)[0], template, task


def _near_words(task: str) -> dict[str, Sequence[str]]:
    lexicon = read_table("lexicon.yaml")
    return {**read_table("irrelevant.yaml")["words"], **_plain_words(), **lexicon["shared"], **lexicon["tasks"][task]}
