"""Corrects typing errors and ad-hoc derivations to words of the grammar.

The sentence encoder breaks a word that it does not know into pieces that mean little: "nosie", "unfog", "greyish" with
a typo in it. A word is changed only if neither the encoder nor the grammar knows it, and a word of the grammar is one
typing error or a usual derivation away.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from llars.tasks import TASK_KEYS
from llars.text.templates import read_table

__all__ = ["Speller", "vocabulary"]

_WORD = re.compile(r"(?<![\w'’-])[A-Za-z]{4,}(?![\w'’])")
_TAUGHT = re.compile(r"(?<![\w'’-])[A-Za-z]{3,}(?![\w'’])")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_KEPT = frozenset({"halve", "halves", "halved", "halving"})
"""English words that are correct although neither the encoder nor the grammar knows them: "halve" is not "have"."""

_OFTEN = 3
"""A word that the encoder does not know counts as a technical term if the grammar has it this many times."""


class Speller:
    """Corrects words one by one."""

    def __init__(self, words: Sequence[str], known: Callable[[str], bool]) -> None:
        """Takes the words of the grammar, the commonest first, and ``known``, a test for other words in lower case."""
        self._rank = {word: rank for rank, word in enumerate(words)}
        self._known = known

    def correct(self, text: str) -> str:
        """The text with its unknown words replaced if a word of the grammar is close enough."""
        return _WORD.sub(lambda found: self._word(found[0]), text)

    def _word(self, word: str) -> str:
        low = word.lower()
        if low in _KEPT or low in self._rank or self._known(low):
            return word
        correction = self._derived(low) or min(
            (near for near in _near(low) if near in self._rank), key=self._rank.__getitem__, default=""
        )
        if not correction:
            return word
        return correction.capitalize() if word[0].isupper() else correction

    def _derived(self, word: str) -> str:
        """The usual words for an ad-hoc derivation: "dehaze" for "unhaze", "more hazy" for "hazier"; or empty."""
        if word.startswith("un") and word[2:] in self._rank:
            return f"de{word[2:]}" if f"de{word[2:]}" in self._rank else f"de-{word[2:]}"
        for ending, pattern in (("iness", "{} look"), ("ier", "more {}"), ("iest", "most {}"), ("ily", "{}")):
            if word.endswith(ending) and (stem := word[: -len(ending)] + "y") in self._rank:
                return pattern.format(stem)
        return ""


def _near(word: str) -> Iterator[str]:
    """All strings one typing error away: letters swapped and, in longer words, one deleted, inserted or replaced."""
    for at in range(len(word) - 1):
        yield word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if len(word) < 5:
        return
    for at in range(len(word) + 1):
        yield word[:at] + word[at + 1 :]
        for letter in _LETTERS:
            yield word[:at] + letter + word[at:]
            yield word[:at] + letter + word[at + 1 :]


def vocabulary(known: Callable[[str], bool]) -> tuple[str, ...]:
    """The words of all training templates, the commonest first; held-out templates are left out."""
    tables = [read_table(f"phrases/{task}.yaml") for task in TASK_KEYS]
    tables += [read_table(name) for name in ("grammar.yaml", "composites.yaml", "irrelevant.yaml")]
    counts = Counter(word.lower() for table in tables for text in _taught(table) for word in _TAUGHT.findall(text))
    trade = {word for word, count in counts.items() if count >= _OFTEN and not known(word)}
    slips = {word for word in trade if any(counts[near] > counts[word] for near in _near(word) if near != word)}
    return tuple(word for word, _ in counts.most_common() if known(word) or word in trade - slips)


def _taught(entry: object) -> Iterable[str]:
    if isinstance(entry, str):
        yield entry
    elif isinstance(entry, dict):
        for key, value in entry.items():
            if key != "heldout":
                yield from _taught(value)
    elif isinstance(entry, list):
        for value in entry:
            yield from _taught(value)
