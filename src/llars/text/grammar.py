"""The grammar of instructions: generates what people may say to have an image restored, at all strengths.

The words are in ``grammar.yaml`` (frames and strengths), ``phrases/`` (the tasks) and ``irrelevant.yaml`` (everything
else). Held-out templates are never trained on; they measure understanding of unseen wording.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from llars.errors import ConfigError
from llars.text.templates import PARTS, SPLITS, Level, fill, irrelevant, levels, sparing, spoiling

__all__ = ["NONE", "SPLITS", "Utterance", "core", "corpus", "finish", "sentence", "signed_levels", "spared", "spoilers"]

NONE = "none"
"""The class of sentences that ask for none of our tasks."""

_WORD = re.compile(r"[A-Za-z]{5,}")
_KINDS = {"do": 0.45, "noun": 0.25, "say": 0.3}
_PART_SHARE = 0.3
_PLAIN_SHARE = 0.5
_TYPO_RATE = 0.06


@dataclass(frozen=True)
class Utterance:
    """A sentence and what it asks for."""

    text: str
    """The words."""

    task: str
    """A task key, or ``none``."""

    severity: float | None
    """Strength in [0, 1], signed for ``brightness``, (scale - 1) / 3 for ``sr``; None if none is named."""

    scale: int = 1
    """Factor by which the grid gets finer, if the sentence names it (``sr``)."""

    template: str = ""
    """Template of its core phrase."""


def signed_levels(task: str) -> tuple[float, ...]:
    """Severities that sentences of ``task`` can name, ascending.

    Raises:
        ConfigError: there is no such task.
    """
    return tuple(sorted({level.severity for level in levels(task) if level.severity is not None}))


def sentence(task: str, severity: float | None, rng: random.Random, split: str = "train") -> str:
    """A random sentence that asks for ``task`` at the strength nearest to ``severity``.

    Args:
        task: a task key, or ``none`` for words that ask for none of our tasks.
        severity: [0, 1], [-1, 1] for ``brightness``, (scale - 1) / 3 for ``sr``; None for a sentence that names no
            strength (for ``brightness``, which always has a direction, half a stop up or down).
        rng: source of randomness.
        split: one of ``SPLITS``; they share no template.

    Raises:
        ConfigError: there is no such task or split.
    """
    _check(split)
    if task == NONE:
        return finish(irrelevant(rng, split)[0], rng)
    return _spoken(_level(task, severity, rng), rng, split)[0]


def corpus(task: str, n: int, seed: int, split: str = "train") -> list[Utterance]:
    """``n`` distinct sentences of ``task`` (or ``none``), over all strengths, the same for the same seed.

    Half of them name no strength, except where every level has one (``brightness``); levels are equally frequent.
    Sentences of the class ``none`` may repeat. Raises like ``sentence``.
    """
    _check(split)
    rng = random.Random(f"{task}/{seed}/{split}")
    if task == NONE:
        drawn = [irrelevant(rng, split) for _ in range(n)]
        return [Utterance(finish(text, rng), NONE, None, template=template) for text, template in drawn]
    plain = [level for level in levels(task) if level.severity is None]
    named = [level for level in levels(task) if level.severity is not None]
    found: dict[str, Utterance] = {}
    for _ in range(50 * n):
        if len(found) == n:
            break
        level = rng.choice(plain if plain and rng.random() < _PLAIN_SHARE else named)
        text, template = _spoken(level, rng, split)
        found.setdefault(text, Utterance(text, task, level.severity, level.scale, template))
    return list(found.values())


def spoilers(n: int, seed: int) -> list[Utterance]:
    """``n`` training sentences that ask for a fault ("add noise"), of the class ``none``; they may repeat."""
    rng = random.Random(f"spoil/{seed}")
    drawn = [spoiling(rng) for _ in range(n)]
    return [Utterance(finish(text, rng), NONE, None, template=template) for text, template in drawn]


def spared(n: int, seed: int) -> list[Utterance]:
    """``n`` training sentences that are close to ``spoilers`` but ask for the repair; they may repeat."""
    rng = random.Random(f"spare/{seed}")
    drawn = [sparing(rng) for _ in range(n)]
    return [Utterance(finish(text, rng), task, None, template=template) for text, template, task in drawn]


def core(task: str, kind: str, rng: random.Random, split: str = "train", severity: float | None = None) -> str | None:
    """The core phrase of a sentence, without its frame.

    Args:
        task: a task key.
        kind: ``do``, ``noun``, ``say``, or a part of those: ``fault`` ("the stripes"), ``adj`` ("striped").
        rng: source of randomness.
        split: one of ``SPLITS``. Parts are the same in all, except that training has more.
        severity: strength to name, as in ``sentence``; with None the words name none if that is possible.

    Returns:
        The words; None if the task has no such kind.

    Raises:
        ConfigError: there is no such task or split.
    """
    _check(split)
    level = _level(task, severity, rng)
    if not (templates := level.cores[split, kind]):
        return None
    inside, spoken = fill(rng.choice(templates), level.words, rng, level.strengths)
    if level.silent or spoken or "adv" not in level.words:
        return inside
    return f"{inside} {fill('{adv}', level.words, rng)[0]}"


def _check(split: str) -> None:
    if split not in SPLITS:
        raise ConfigError(f"the grammar has no split {split!r}; it has {' and '.join(SPLITS)}")


def _level(task: str, severity: float | None, rng: random.Random) -> Level:
    if severity is None:
        return rng.choice([level for level in levels(task) if level.silent])
    named = [level for level in levels(task) if level.severity is not None]
    return min(named, key=lambda level: abs((level.severity or 0.0) - severity))


def _spoken(level: Level, rng: random.Random, split: str) -> tuple[str, str]:
    """A sentence and the template of its core phrase."""
    while True:
        kind = rng.choices(list(_KINDS), list(_KINDS.values()))[0]
        # In training, parts are used like nouns: "the stripes, please", "stripy".
        part = rng.choice(PARTS) if kind == "noun" and split == "train" and rng.random() < _PART_SHARE else kind
        templates = level.cores[split, part] or level.cores[split, kind]
        template = rng.choice(templates)
        inside, spoken = fill(template, level.words, rng, level.strengths)
        if part == "adj" and level.silent:
            return finish(inside, rng), template
        where = split if split == "train" or rng.random() < 0.5 else "train"
        must = not level.silent and not spoken
        if frames := level.frames.get((where, kind, must)):
            text, framed = fill(rng.choice(frames).replace("{" + kind + "}", inside), level.words, rng, level.strengths)
            if level.silent or spoken or framed:
                return finish(text, rng), template


def finish(text: str, rng: random.Random) -> str:
    """The text with random capitals, full stops and typing errors, as people write."""
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
    """The text with a typing error in one word: two letters swapped, one dropped, or one doubled."""
    words = list(_WORD.finditer(text))
    if not words:
        return text
    place = rng.choice(words)
    at = rng.randrange(place.start() + 1, place.end() - 1)
    middle = rng.choice([text[at + 1] + text[at], text[at + 1], text[at] + text[at] + text[at + 1]])
    return text[:at] + middle + text[at + 2 :]
